-- expect: ok true
-- ("x"):upper() reaches the string table; its metatable is out of reach, its functions are not.
return {f = function()
	local upper = string.upper
	string.upper = function() return "mine" end
	local mine = ("x"):upper() == "mine"
	string.upper = upper
	return mine and not getmetatable("") and not pcall(setmetatable, "", {__index = {}})
end}

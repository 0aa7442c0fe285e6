-- expect: memory
return {f = function()
	local s = ("x"):rep(1000)
	return s:gsub("x", ("y"):rep(100000))
end}

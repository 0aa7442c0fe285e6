-- expect: computing
-- cpu
return {f = function()
	local s = ("1"):rep(4e5)
	while true do tonumber(s, 7) end
end}

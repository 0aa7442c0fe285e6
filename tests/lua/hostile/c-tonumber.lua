-- expect: computing
return {f = function()
	local s = ("1"):rep(4e6)
	while true do tonumber(s, 7) end
end}

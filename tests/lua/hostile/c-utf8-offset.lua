-- expect: computing
-- cpu
return {f = function()
	local s = ("\x80"):rep(4e6)
	while true do utf8.offset(s, 0, 4000000) end
end}

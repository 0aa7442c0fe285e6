-- expect: computing
-- cpu
return {f = function()
	local format = ("!8"):rep(1e5)
	while true do string.unpack(format, "") end
end}

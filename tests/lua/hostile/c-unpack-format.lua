-- expect: computing
return {f = function()
	local format = ("!8"):rep(1e6)
	while true do string.unpack(format, "") end
end}

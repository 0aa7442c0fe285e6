-- expect: computing
return {f = function()
	local s = ("x"):rep(4e6)
	while true do utf8.len(s) end
end}

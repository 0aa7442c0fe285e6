-- expect: computing
-- cpu
return {f = function()
	local s = ("x"):rep(4e5)
	while true do utf8.len(s) end
end}

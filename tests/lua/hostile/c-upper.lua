-- expect: computing
-- cpu
return {f = function()
	local s = ("x"):rep(2e6)
	while true do s:upper() end
end}

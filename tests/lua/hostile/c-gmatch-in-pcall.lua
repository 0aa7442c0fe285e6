-- expect: computing
return {f = function()
	local step = ("a"):rep(5000):gmatch(("a*"):rep(6) .. "b")
	while true do pcall(step) end
end}

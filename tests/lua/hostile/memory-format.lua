-- expect: memory
return {f = function()
	local s = ("x"):rep(1e6)
	return string.format(("%s"):rep(20), s, s, s, s, s, s, s, s, s, s, s, s, s, s, s, s, s, s, s, s)
end}

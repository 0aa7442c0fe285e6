-- expect: computing
return {f = function()
	local s = ("\0"):rep(2e6)
	local a, b = s .. "a", s .. "b"
	while a < b do end
end}

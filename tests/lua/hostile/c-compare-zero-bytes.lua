-- expect: computing
return {f = function()
	local s = ("\0"):rep(4e5)
	local a, b = s .. "a", s .. "b"
	while a < b do end
end}

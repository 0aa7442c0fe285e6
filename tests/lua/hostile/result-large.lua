-- expect: result more than 16 MiB of text
return {f = function()
	local s, t = ("x"):rep(1e6), {}
	for i = 1, 20 do t[i] = s end
	return t
end}

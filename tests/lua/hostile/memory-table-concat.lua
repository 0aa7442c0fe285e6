-- expect: memory
return {f = function()
	local t, s = {}, ("x"):rep(1000)
	for i = 1, 20000 do t[i] = s end
	return table.concat(t, s)
end}

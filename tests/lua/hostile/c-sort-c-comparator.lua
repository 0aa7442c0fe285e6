-- expect: computing
return {f = function()
	local t = {}
	for i = 1, 100000 do t[i] = i * 7919 % 100003 end
	while true do table.sort(t, math.ult) end
end}

-- expect: result it took too long to read
-- cpu
-- short
-- Empty, but large inside, and there a hundred thousand times.
return {f = function()
	local big, t = {}, {}
	for i = 1, 100000 do big[i] = i end
	for i = 1, 100000 do big[i] = nil end
	for i = 1, 100000 do t[i] = big end
	return t
end}

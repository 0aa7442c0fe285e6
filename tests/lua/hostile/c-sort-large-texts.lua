-- expect: computing
-- Two texts that differ at their ends only, compared over and over.
return {f = function()
	local s, t = ("x"):rep(2e6), {}
	local a, b = s .. "a", s .. "b"
	for i = 1, 20000 do t[i] = i % 2 == 0 and a or b end
	table.sort(t)
end}

-- expect: computing
local function deep(n)
	if n == 0 then while true do end end
	pcall(deep, n - 1)
	return deep(n - 1)
end
return {f = function() return pcall(deep, 50) end}

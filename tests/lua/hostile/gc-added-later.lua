-- expect: ok
-- Lua looks for __gc when the metatable is set; one that comes later never runs.
local m = {}
return {f = function()
	local t = setmetatable({}, m)
	m.__gc = function() while true do end end
	t = nil
	for i = 1, 3000 do t = {i} end
	m.__gc = nil
end}

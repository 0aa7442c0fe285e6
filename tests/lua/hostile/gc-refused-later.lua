-- expect: error a metatable must not have __gc here
local m = {}
return {f = function()
	setmetatable({}, m)
	m.__gc = 1
	setmetatable({}, m)
end}

-- expect: computing
-- A length that is small when it is checked must not be large when it is used.
local n = 0
local t = setmetatable({}, {__len = function()
	n = n + 1
	return n % 2 == 1 and math.maxinteger - 1 or 1
end})
return {f = function() while true do table.insert(t, 1, "x") end end}

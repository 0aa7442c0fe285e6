-- expect: computing
local t = setmetatable({}, {__len = function() return math.maxinteger - 1 end})
return {f = function() table.insert(t, 1, "x") end}

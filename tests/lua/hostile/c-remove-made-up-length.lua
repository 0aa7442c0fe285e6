-- expect: computing
local t = setmetatable({}, {__len = function() return math.maxinteger end})
return {f = function() return table.remove(t, 1) end}

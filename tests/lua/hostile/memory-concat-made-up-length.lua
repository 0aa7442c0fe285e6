-- expect: memory
local t = setmetatable({}, {__len = function() return math.maxinteger end, __index = function() return "xxxxxxxxxx" end})
return {f = function() return table.concat(t) end}

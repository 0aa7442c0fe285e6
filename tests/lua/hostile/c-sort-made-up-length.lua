-- expect: error there is nothing at 1
local t = setmetatable({}, {__len = function() return 1e9 end})
return {f = function() table.sort(t) end}

-- expect: computing
local t = setmetatable({}, {__len = function() while true do end end})
return {f = function() table.insert(t, 1) end}

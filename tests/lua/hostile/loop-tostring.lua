-- expect: computing
local t = setmetatable({}, {__tostring = function() while true do end end})
return {f = function() return tostring(t) end}

-- expect: error
local t = setmetatable({}, {})
getmetatable(t).__tostring = function() return tostring(t) end
return {f = function() return tostring(t) end}

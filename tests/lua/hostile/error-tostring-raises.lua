-- expect: error
local t
t = setmetatable({}, {__tostring = function() error(t) end})
return {f = function() error(t) end}

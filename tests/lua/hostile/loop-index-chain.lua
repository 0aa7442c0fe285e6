-- expect: error loop
local t = {}
setmetatable(t, {__index = t})
return {f = function() return t.x end}

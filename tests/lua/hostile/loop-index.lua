-- expect: computing
local t = setmetatable({}, {__index = function() while true do end end})
return {f = function() return t.x end}

-- expect: computing
local t = setmetatable({}, {__call = function() while true do end end})
return {f = function() return t() end}

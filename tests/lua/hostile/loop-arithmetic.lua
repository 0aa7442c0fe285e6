-- expect: computing
local t = setmetatable({}, {__add = function(a, b) return b + a end})
return {f = function() return pcall(function() while true do pcall(function() return t + t end) end end) end}

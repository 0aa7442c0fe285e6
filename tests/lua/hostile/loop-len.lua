-- expect: computing
local t = setmetatable({}, {__len = function() while true do end end})
return {f = function() return #t end}

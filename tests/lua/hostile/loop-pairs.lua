-- expect: computing
local t = setmetatable({}, {__pairs = function() while true do end end})
return {f = function() for _ in pairs(t) do end end}

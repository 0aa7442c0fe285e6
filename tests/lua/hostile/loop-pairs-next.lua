-- expect: computing
local t = setmetatable({}, {__pairs = function(t) return function() return 1, 1 end, t end})
return {f = function() for _ in pairs(t) do end end}

-- expect: computing
local m = {__eq = function() while true do end end}
local a, b = setmetatable({}, m), setmetatable({}, m)
return {f = function() return a == b end}

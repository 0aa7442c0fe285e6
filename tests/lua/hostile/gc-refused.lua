-- expect: error a metatable must not have __gc here
return {f = function() setmetatable({}, {__gc = function() while true do end end}) end}

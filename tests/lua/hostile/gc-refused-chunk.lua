-- expect: error a metatable must not have __gc here
setmetatable({}, {__gc = function() while true do end end})
return {}

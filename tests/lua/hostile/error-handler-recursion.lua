-- expect: error
local function handler() local x = nil; return x.y end
return {f = function() assert(xpcall(function() local x = nil; return x.y end, handler)) end}

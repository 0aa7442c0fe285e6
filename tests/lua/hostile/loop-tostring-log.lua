-- expect: computing
local t = setmetatable({}, {__tostring = function() while true do end end})
return {f = function(ctx) ctx:log("%s and %s", 1, t) end}

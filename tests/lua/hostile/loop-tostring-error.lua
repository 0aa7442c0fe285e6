-- expect: computing
-- The error's own text is worked out by the script.
local t = setmetatable({}, {__tostring = function() while true do end end})
return {f = function() error(t) end}

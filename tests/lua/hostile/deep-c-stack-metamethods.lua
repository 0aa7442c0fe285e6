-- expect: error
local t = setmetatable({}, {})
getmetatable(t).__index = function(_, k) return t[k .. "x"] end
return {f = function() return t.a end}

-- expect: computing
local t = setmetatable({}, {__newindex = function(t, k, v) t[k .. "x"] = v end})
return {f = function() while true do pcall(function() t.a = 1 end) end end}

-- expect: computing
local t = {}
for _ = 1, 1000 do t = setmetatable({}, {__index = t}) end
return {f = function() table.move(t, 1, 1e9, 1, {}) end}

-- expect: computing
local function again(n) return again(n + 1) end
return {f = function() return again(1) end}

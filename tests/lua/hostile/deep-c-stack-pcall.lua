-- expect: ok
local function deep(n) return pcall(deep, n + 1) end
return {f = function() deep(1) end}

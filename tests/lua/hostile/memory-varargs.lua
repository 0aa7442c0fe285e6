-- expect: computing
local function more(...) return more(1, ...) end
return {f = function() return more() end}

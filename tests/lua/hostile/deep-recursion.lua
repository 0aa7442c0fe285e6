-- expect: error stack overflow
local function deep() return 1 + deep() end
return {f = function() return deep() end}

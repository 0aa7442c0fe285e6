-- expect: ok false
local function deep() return 1 + deep() end
return {f = function() return (pcall(deep)) end}

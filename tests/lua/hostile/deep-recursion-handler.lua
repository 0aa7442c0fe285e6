-- expect: ok false
-- The overflow is raised from inside the hook; the handler must not loop there.
local function deep() return 1 + deep() end
return {f = function() return (xpcall(deep, function() while true do end end)) end}

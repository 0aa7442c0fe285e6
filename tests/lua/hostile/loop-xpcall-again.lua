-- expect: computing
local function try() return xpcall(function() while true do end end, function() return try() end) end
return {f = function() while true do try() end end}

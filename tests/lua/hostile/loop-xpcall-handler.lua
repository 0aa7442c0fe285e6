-- expect: computing
return {f = function() return xpcall(error, function() while true do end end) end}

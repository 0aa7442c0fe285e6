-- expect: computing
pcall(function() while true do end end)
return {f = function() end}

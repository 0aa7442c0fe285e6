-- expect: computing
return {f = function() while true do tostring(1.5) end end}

-- expect: computing
return {f = function() while true do end end}

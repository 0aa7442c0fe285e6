-- expect: computing
return {f = function() return ("aaa"):gsub("a", function() while true do end end) end}

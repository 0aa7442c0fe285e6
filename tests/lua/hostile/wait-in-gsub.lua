-- expect: error ctx:run cannot wait here
return {f = function(ctx) return ("x"):gsub(".", function() return ctx:run{"ls"}.out end) end}

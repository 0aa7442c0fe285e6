-- expect: memory
return {f = function() error("not enough memory", 0) end}

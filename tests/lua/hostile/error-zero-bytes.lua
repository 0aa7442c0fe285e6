-- expect: error a\x00b
return {f = function() error("a\0b") end}

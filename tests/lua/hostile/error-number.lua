-- expect: error 42
return {f = function() error(42) end}

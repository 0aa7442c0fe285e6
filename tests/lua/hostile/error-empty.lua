-- expect: error
return {f = function() error("") end}

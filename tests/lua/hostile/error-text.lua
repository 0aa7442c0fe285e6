-- expect: error no such thing
return {f = function() error("no such thing") end}

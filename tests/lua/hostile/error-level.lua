-- expect: error far up
return {f = function() error("far up", math.maxinteger) end}

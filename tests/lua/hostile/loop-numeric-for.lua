-- expect: computing
return {f = function() for i = math.mininteger, math.maxinteger do end end}

-- expect: result a key that is a boolean
return {f = function() return {[true] = 1} end}

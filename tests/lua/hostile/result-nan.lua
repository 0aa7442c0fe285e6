-- expect: result a number that is not finite
return {f = function() return {0/0} end}

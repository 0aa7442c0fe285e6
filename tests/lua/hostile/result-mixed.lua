-- expect: result both positions
return {f = function() return {1, 2, name = "x"} end}

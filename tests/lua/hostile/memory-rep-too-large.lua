-- expect: error resulting string too large
return {f = function() return ("x"):rep(math.maxinteger) end}

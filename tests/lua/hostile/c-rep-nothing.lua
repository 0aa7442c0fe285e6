-- expect: error resulting string too large
-- It would be nothing, but only after years.
return {f = function() return (""):rep(math.maxinteger) end}

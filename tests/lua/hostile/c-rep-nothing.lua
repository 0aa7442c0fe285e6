-- expect: ok ""
return {f = function() return (""):rep(math.maxinteger) end}

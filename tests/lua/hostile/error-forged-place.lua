-- expect: error not here
return {f = function() error("error-forged-place.lua:999999: not here", 0) end}

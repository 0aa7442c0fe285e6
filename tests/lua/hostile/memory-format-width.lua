-- expect: error invalid conversion
return {f = function() return string.format("%1000000000d", 1) end}

-- expect: memory
return {f = function() return string.pack("c2000000000", "x") end}

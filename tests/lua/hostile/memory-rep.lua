-- expect: memory
return {f = function() return ("x"):rep(6e7) end}

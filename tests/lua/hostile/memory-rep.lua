-- expect: memory
return {f = function() return ("x"):rep(1e9) end}

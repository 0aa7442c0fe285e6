-- expect: computing
return {f = function() return ("a"):rep(5000):match(("a*"):rep(6) .. "b") end}

-- expect: computing
return {f = function() return ("a"):rep(2e6):match(("a"):rep(1e6) .. "b") end}

-- expect: computing
return {f = function() return ("a"):rep(600):find((".-"):rep(4) .. "b") end}

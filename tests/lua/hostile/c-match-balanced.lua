-- expect: computing
return {f = function() return ("("):rep(1e6):find("%b()") end}

-- expect: computing
return {f = function() return ("a"):rep(1e6):match("[" .. ("b"):rep(1e6) .. "]") end}

-- expect: computing
return {f = function() for _ in ("a"):rep(5000):gmatch(("(a*)"):rep(6) .. "b") do end end}

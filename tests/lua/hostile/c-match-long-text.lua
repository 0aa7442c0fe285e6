-- expect: error a string of more than 1 MiB is too long for a pattern
return {f = function() return (("a"):rep(2e6):find("b", 1, true)), (("a"):rep(2e6):gsub("a", "b")) end}

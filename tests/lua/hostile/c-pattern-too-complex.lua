-- expect: error pattern too complex
return {f = function() return ("a"):rep(300):match(("a?"):rep(300)) end}

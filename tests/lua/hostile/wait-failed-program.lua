-- expect: error 'false' ended with exit code 1: it failed\x07
return {f = function(ctx) ctx:run{"false", check = true} end}

-- expect: error xxxxxxxx
return {f = function() error(("x"):rep(3e6)) end}

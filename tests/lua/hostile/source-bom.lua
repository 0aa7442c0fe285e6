-- expect: ok 3
return {f = function() return 3 end}

-- expect: ok 1
return {f = function() return 1, 2, 3 end}

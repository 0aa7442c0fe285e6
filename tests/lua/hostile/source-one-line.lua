-- expect: ok 1
-- generate: comment
return {f = function() return 1 end}

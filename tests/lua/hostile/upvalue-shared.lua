-- expect: ok 1
local n = 0
return {f = function() n = n + 1; n = n > 1 and 1 or n; return n end}

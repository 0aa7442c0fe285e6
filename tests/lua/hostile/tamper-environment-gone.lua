-- expect: ok 3
local _ENV = {}
return {f = function() return 1 + 2 end}

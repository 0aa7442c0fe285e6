-- expect: error cannot change a protected metatable
return {f = function(ctx) setmetatable(ctx:http{url = "http://a/"}, {}) end}

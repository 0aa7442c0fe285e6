-- expect: error {"config":
return {f = function(ctx) error(ctx) end}

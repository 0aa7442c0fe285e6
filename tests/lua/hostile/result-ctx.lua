-- expect: ok {"config":{"name":"x"}}
return {f = function(ctx) return ctx end}

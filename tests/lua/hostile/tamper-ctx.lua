-- expect: error this table is read-only
return {f = function(ctx) ctx.run = print end}

-- expect: error call it with a colon
return {f = function(ctx) ctx.run({"ls"}) end}

-- expect: error call it with a colon
return {f = function(ctx, event) ctx.run(event, {"ls"}) end}

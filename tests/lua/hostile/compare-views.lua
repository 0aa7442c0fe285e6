-- expect: ok [true,false,false]
return {f = function(ctx, event) return {event.plan == event.plan, event.plan == event.list, event == ctx} end}

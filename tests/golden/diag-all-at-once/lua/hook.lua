return {after_apply = function(ctx, event) end, befor_step = function(ctx, event) end, on_drift = 5}

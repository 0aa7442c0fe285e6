return {after_plan = function(ctx, event)
	local most = ctx.config.restarts or 9
	if event.plan.restart > most then return event.plan.restart .. " restarts, at most " .. most end
end}

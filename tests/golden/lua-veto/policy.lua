local function allowed(config)
	return config.restarts + 0
end

return {
	after_plan = function(ctx, event)
		local most = allowed(ctx.config)
		if event.plan.restart > most then
			return ("%d restarts, %d are allowed"):format(event.plan.restart, most)
		end
		for i, step in ipairs(event.plan.steps) do
			ctx:log("%d. %s: %s", i, step.address, step.action)
		end
	end,
}

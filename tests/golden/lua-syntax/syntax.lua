return {
	after_plan = function(ctx, event)
		if event.plan.restart > 2 the
			return "no"
		end
	end,
}

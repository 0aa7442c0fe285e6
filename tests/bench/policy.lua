-- Counts what would be replaced or restarted, as a policy does.
return {
	after_plan = function(ctx, event)
		local plan = event.plan
		if plan.replace + plan.restart > 2 then
			return "too many"
		end
		if plan.image and not plan.image:find(":", 1, true) then
			return "which image is that?"
		end
	end,
}

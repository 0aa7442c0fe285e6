-- policy.lua: rules for plans. It sees every plan before anything is changed. If it returns a
-- string, that is a veto, and dray ends with exit code 1.
--
--	hooks:
--	  - file: hooks/policy.lua
--	    config:
--	      digest: true          # the image must be pinned by digest
--	      replacements: 2       # at most this many steps may be replaced or restarted ...
--	      day: [8, 18]          # ... between these hours (UTC)
--	      keep: [gpu-1]         # never touch what runs on these nodes

local disruptive = {replace = true, restart = true, delete = true}

local function is_day(ctx, day)
	local hour = ctx:now() // 3600 % 24
	return hour >= day[1] and hour < day[2]
end

return {
	after_plan = function(ctx, event)
		local plan, config = event.plan, ctx.config

		if config.digest and plan.image and not plan.image:find("@sha256:", 1, true) then
			return ("image %s must be pinned by digest (NAME@sha256:...)"):format(plan.image)
		end

		local count = plan.replace + plan.restart
		if config.replacements and count > config.replacements
			and (not config.day or is_day(ctx, config.day)) then
			return ("%d steps would be replaced or restarted, %d are allowed by day")
				:format(count, config.replacements)
		end

		for _, name in ipairs(config.keep or {}) do
			for _, step in ipairs(plan.steps) do
				if step.node == name and disruptive[step.action] then
					return ("%s must not be touched, but the plan has '%s' of %s")
						:format(name, step.action, step.address)
				end
			end
		end
	end,
}

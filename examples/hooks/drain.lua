-- drain.lua: takes the model out of a load balancer before it goes down, waits until all
-- requests are finished, and puts it back when the probe has succeeded.
--
--	hooks:
--	  - file: hooks/drain.lua
--	    config: {api: http://lb.example.com:9000, backend: llama, token: env:LB_TOKEN, wait: 60}
--	    timeout: 90

local stops = {restart = true, replace = true, delete = true}
local serves = {serve = true, rank = true}

local function ask(ctx, method, path, body)
	local answer = ctx:http{
		method = method,
		url = ctx.config.api .. "/backends/" .. ctx.config.backend .. path,
		headers = ctx.config.token and {Authorization = "Bearer " .. ctx:secret(ctx.config.token)},
		json = body,
	}
	if answer.status ~= 200 then
		error(("the load balancer answered %s %s with status %d"):format(method, path, answer.status))
	end
	return ctx:json(answer.body)
end

return {
	before_step = function(ctx, event)
		local step = event.step
		if not (serves[step.kind] and stops[step.action]) then return end

		ask(ctx, "PUT", "/state", {state = "drain"})
		local patience = ctx.config.wait or 60
		while ask(ctx, "GET", "", nil).active > 0 do
			if patience <= 0 then
				error("requests are still under way after " .. (ctx.config.wait or 60) .. " s")
			end
			ctx:sleep(1)
			patience = patience - 1
		end
		ctx:log("drained before the %s of %s", step.action, step.address)
	end,

	after_step = function(ctx, event)
		if event.step.kind == "probe" then
			ask(ctx, "PUT", "/state", {state = "ready"})
			ctx:log("back in the load balancer")
		end
	end,
}

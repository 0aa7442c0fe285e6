-- warm-up.lua: sends a few prompts once the model answers, so that the first user does not wait
-- for what is compiled or cached on first use. The requests go through the connection to the
-- head, so the API need not be reachable from this machine.
--
--	hooks:
--	  - file: hooks/warm-up.lua
--	    config: {model: llama-3.1-405b, port: 8000, prompts: [Say hello., Write a sonnet about GPUs.]}
--	    timeout: 600
--	    on_error: warn

return {
	after_step = function(ctx, event)
		if event.step.kind ~= "probe" then return end

		for i, prompt in ipairs(ctx.config.prompts) do
			local start = ctx:now()
			local answer = ctx:http{
				node = event.step.node,
				method = "POST",
				url = ("http://127.0.0.1:%d/v1/chat/completions"):format(ctx.config.port or 8000),
				headers = ctx.config.key and {Authorization = "Bearer " .. ctx:secret(ctx.config.key)},
				json = {
					model = ctx.config.model,
					messages = {{role = "user", content = prompt}},
					max_tokens = ctx.config.max_tokens or 64,
				},
				timeout = 300,
			}
			if answer.status ~= 200 then
				error(("prompt %d: status %d: %s"):format(i, answer.status, answer.body:sub(1, 200)))
			end
			local usage = ctx:json(answer.body).usage
			ctx:log("prompt %d: %d tokens in %.1f s", i, usage.completion_tokens, ctx:now() - start)
		end
	end,
}

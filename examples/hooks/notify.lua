-- notify.lua: reports in a chat room, by a webhook, how an apply went and which step failed.
--
--	hooks:
--	  - file: hooks/notify.lua
--	    config: {webhook: env:CHAT_WEBHOOK}     # the URL is a secret: anybody who has it can post
--	    on_error: warn                          # an apply must not fail because the chat is down

local function post(ctx, text)
	local answer = ctx:http{
		method = "POST",
		url = ctx:secret(ctx.config.webhook),
		json = {text = text},
		timeout = 10,
	}
	if answer.status >= 300 then
		error("the webhook answered with status " .. answer.status)
	end
end

return {
	step_failed = function(ctx, event)
		post(ctx, ("%s: %s failed after %d s: %s"):format(event.cluster, event.step.address,
			event.seconds // 1, event.error))
	end,

	after_apply = function(ctx, event)
		local text = ("%s: %s %s after %d s"):format(event.cluster, event.command,
			event.outcome == "ok" and "is done" or event.outcome, event.seconds // 1)
		if event.outcome ~= "ok" then
			text = text .. (": %d failed, %d skipped"):format(event.failed, event.skipped)
		end
		post(ctx, text)
	end,
}

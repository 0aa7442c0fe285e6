-- lambda.lua: an inventory. The nodes are the running instances of a Lambda Cloud account whose
-- names start with a prefix, sorted by name; the first one is the head.
--
--	nodes: {lua: hooks/lambda.lua, config: {prefix: train-, key: env:LAMBDA_API_KEY}}
--
-- dray dials the public addresses; the nodes use the private ones among each other.

return {
	nodes = function(ctx)
		local config = ctx.config
		local answer = ctx:http{
			url = (config.api or "https://cloud.lambda.ai") .. "/api/v1/instances",
			headers = {Authorization = "Bearer " .. ctx:secret(config.key or "env:LAMBDA_API_KEY")},
		}
		if answer.status ~= 200 then
			error(("the API answered with status %d: %s"):format(answer.status, answer.body:sub(1, 200)))
		end

		local list = {}
		for _, instance in ipairs(ctx:json(answer.body).data) do
			local name = instance.name or instance.id
			if instance.status == "active" and name:find(config.prefix or "", 1, true) == 1 then
				list[#list + 1] = {
					name = name,
					host = instance.ip,
					address = instance.private_ip,
					gpus = instance.instance_type.specs.gpus,
					labels = {region = instance.region.name, type = instance.instance_type.name},
				}
			else
				ctx:log("%s is left out: %s", name, instance.status)
			end
		end
		table.sort(list, function(a, b) return a.name < b.name end)
		return list
	end,
}

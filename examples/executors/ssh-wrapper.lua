-- ssh-wrapper.lua - nodes through your own ssh, for what dray's client cannot do: GSSAPI,
-- certificates, security keys, ProxyCommand, ciphers and MACs that libssh2 has not
--
--	nodes:
--	  - {host: gpu-1, executor: executors/ssh-wrapper.lua}
--
-- 'host' is what you would type after ssh. Label: ssh_config, another file than
-- ~/.ssh/config. Nothing is asked for: keys that want a passphrase come from an agent.
local function ssh(node, more)
	local argv = {"ssh", "-T", "-o", "BatchMode=yes", "-o", "ServerAliveInterval=15"}
	if node.labels.ssh_config then
		table.insert(argv, "-F")
		table.insert(argv, node.labels.ssh_config)
	end
	for _, word in ipairs(more) do
		table.insert(argv, word)
	end
	table.insert(argv, "--")
	table.insert(argv, node.host)
	return argv
end

return {
	name = "ssh-wrapper",
	doc = "hosts, through the ssh command and its configuration",
	connect = function(node)
		local argv = ssh(node, {})
		table.insert(argv, "exec sh") -- for the login shell, whichever that is
		return argv
	end,
	-- Carries the probe of the API: needs nothing on the node, only a server that forwards.
	tunnel = function(node, host, port)
		if string.find(host, ":", 1, true) then
			host = "[" .. host .. "]"
		end
		return ssh(node, {"-W", host .. ":" .. port})
	end,
}

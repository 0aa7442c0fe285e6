-- ssh-wrapper.lua - nodes through your own ssh, for what dray's client cannot do: GSSAPI,
-- certificates, security keys, ProxyCommand, ciphers and MACs that libssh2 does not have
--
--	nodes:
--	  - {host: gpu-1, executor: executors/ssh-wrapper.lua}
--
-- 'host' is what you would type after ssh. Label: ssh_config, a file to use instead of
-- ~/.ssh/config. ssh asks no questions here: put keys with a passphrase into an agent.
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
		table.insert(argv, "exec sh") -- runs in any login shell
		return argv
	end,
	-- For the probe of the API. The node needs nothing for it, but sshd must allow forwarding.
	tunnel = function(node, host, port)
		if string.find(host, ":", 1, true) then
			host = "[" .. host .. "]"
		end
		return ssh(node, {"-W", host .. ":" .. port})
	end,
}

-- netns.lua - nodes that are namespaces of this machine, for experiments (as root)
--
--	nodes:
--	  - {host: blue, executor: executors/netns.lua}                       # ip netns add blue
--	  - {host: box, executor: executors/netns.lua, labels: {pid: '4711'}}  # all of a process
--
-- With the label pid, a node is all namespaces of that process, for example the first one of a
-- container. Without it 'host' is the name of a network namespace. Label sudo: 'yes' uses sudo.
return {
	name = "netns",
	doc = "namespaces of this machine, through ip netns or nsenter",
	connect = function(node)
		local argv = {}
		if node.labels.sudo == "yes" then
			argv = {"sudo", "-n"}
		end
		local enter
		if node.labels.pid then
			enter = {"nsenter", "--all", "--target", node.labels.pid, "sh"}
		else
			enter = {"ip", "netns", "exec", node.host, "sh"}
		end
		for _, word in ipairs(enter) do
			table.insert(argv, word)
		end
		return argv
	end,
}

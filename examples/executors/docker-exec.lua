-- docker-exec.lua - nodes that are containers: 'host' is the container's name or id
--
--	nodes:
--	  - {host: gpu-box, executor: executors/docker-exec.lua}
--	  - {host: other, executor: executors/docker-exec.lua, labels: {docker: tcp://192.0.2.5:2375}}
--
-- Labels: docker, another Docker engine; user, the user in the container.
return {
	name = "docker-exec",
	doc = "containers, through docker exec",
	connect = function(node)
		local argv = {"docker"}
		if node.labels.docker then
			table.insert(argv, "--host=" .. node.labels.docker)
		end
		table.insert(argv, "exec")
		table.insert(argv, "-i") -- no -t: a terminal changes bytes
		if node.labels.user then
			table.insert(argv, "--user=" .. node.labels.user)
		end
		table.insert(argv, node.host)
		table.insert(argv, "sh")
		return argv
	end,
}

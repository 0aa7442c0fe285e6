-- kubectl-exec.lua - nodes that are pods: 'host' is the pod's name
--
--	nodes:
--	  - {host: vllm-0, executor: executors/kubectl-exec.lua, labels: {namespace: ml}}
--	  - {host: vllm-1, executor: executors/kubectl-exec.lua, labels: {namespace: ml, container: main}}
--
-- Labels: namespace, container, context. KUBECONFIG and similar variables are passed on. The
-- pods must exist already and have a shell; use engine.runtime 'none' in them.
return {
	name = "kubectl-exec",
	doc = "pods, through kubectl exec",
	connect = function(node)
		local argv = {"kubectl"}
		for _, name in ipairs({"context", "namespace"}) do
			if node.labels[name] then
				table.insert(argv, "--" .. name .. "=" .. node.labels[name])
			end
		end
		table.insert(argv, "exec")
		table.insert(argv, "-i") -- no -t: a terminal changes bytes
		table.insert(argv, node.host)
		if node.labels.container then
			table.insert(argv, "--container=" .. node.labels.container)
		end
		table.insert(argv, "--")
		table.insert(argv, "sh")
		return argv
	end,
}

-- srun.lua - nodes of a Slurm allocation that is there already: 'host' is the node's name
--
--	nodes:
--	  - {host: 'gpu[01-04]', executor: executors/srun.lua, labels: {job: '123456'}}
--
-- Label: job, the allocation (of `salloc --no-shell`); without it srun takes the one that
-- dray runs in, from SLURM_JOB_ID. Every shell is a step of its own beside the others.
return {
	name = "srun",
	doc = "nodes of a Slurm job, through srun",
	connect = function(node)
		local argv = {"srun"}
		if node.labels.job then
			table.insert(argv, "--jobid=" .. node.labels.job)
		end
		for _, word in ipairs({
			"--nodelist=" .. node.host,
			"--nodes=1",
			"--ntasks=1",
			"--overlap", -- several steps share the node and its GPUs
			"--unbuffered", -- else what has no line break yet is kept back
			"--quiet",
			"sh",
		}) do
			table.insert(argv, word)
		end
		return argv
	end,
}

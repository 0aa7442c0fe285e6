-- srun.lua - nodes of an existing Slurm allocation: 'host' is the node's name
--
--	nodes:
--	  - {host: 'gpu[01-04]', executor: executors/srun.lua, labels: {job: '123456'}}
--
-- Label: job, the allocation (from `salloc --no-shell`). Without it srun takes the one that
-- dray runs in, from SLURM_JOB_ID. Every shell is a separate job step.
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
			"--unbuffered", -- otherwise output without a line break is held back
			"--quiet",
			"sh",
		}) do
			table.insert(argv, word)
		end
		return argv
	end,
}

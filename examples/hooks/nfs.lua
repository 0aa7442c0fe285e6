-- nfs.lua: a step kind. It mounts a network file system on a node before the model is
-- downloaded to it, and unmounts it again.
--
--	kinds: [hooks/nfs.lua]
--	steps:
--	  - kind: nfs
--	    name: models
--	    nodes: all
--	    with: {source: '10.0.0.9:/export/models', path: /srv/models}
--	    before: [download]
--
-- If shared_dir or model.path is on it, run it first: dray apply -target nfs.models. The user
-- that dray logs in as must be allowed to mount; with sudo: true it uses `sudo -n`.

-- A mount shows many options. The wanted ones must be among them.
local function has_options(shown, wanted)
	for option in wanted:gmatch("[^,]+") do
		if not ("," .. shown .. ","):find("," .. option .. ",", 1, true) then return false end
	end
	return true
end

local function root(args, ...)
	local argv = args.sudo and {"sudo", "-n"} or {}
	for _, word in ipairs{...} do argv[#argv + 1] = word end
	return argv
end

return {
	name = "nfs",
	doc = "a network file system, mounted on the node",
	timeout = 120,
	fields = {
		source = {type = "text", required = true, forces = "replace", doc = "SERVER:/PATH"},
		path = {type = "text", required = true, forces = "replace", doc = "where it is mounted"},
		type = {type = "text", default = "nfs", forces = "replace", doc = "the file-system type"},
		options = {type = "text", default = "rw", forces = "update", doc = "mount options, with commas"},
		sudo = {type = "boolean", default = false, forces = "none", doc = "mount by sudo -n"},
	},

	observe = function(ctx, want)
		local seen = ctx:run{"findmnt", "-rn", "-o", "SOURCE,FSTYPE,OPTIONS", "--mountpoint", want.path}
		if seen.status == 1 then return nil end         -- nothing is mounted there
		if seen.status ~= 0 then error("findmnt: " .. seen.err) end

		local source, fstype, options = seen.out:match("^(%S+) (%S+) (%S+)")
		if not source then error("findmnt printed '" .. seen.out .. "'") end
		return {
			source = source,
			path = want.path,
			type = fstype:match("^nfs") and want.type:match("^nfs") and want.type or fstype,
			options = has_options(options, want.options) and want.options or options,
			sudo = want.sudo,
		}
	end,

	up = function(ctx, want, change)
		if change then
			ctx:run{argv = root(want, "mount", "-o", "remount," .. want.options, want.path), check = true}
			return
		end
		ctx:run{argv = root(want, "mkdir", "-p", want.path), check = true}
		ctx:run{argv = root(want, "mount", "-t", want.type, "-o", want.options, want.source, want.path),
			timeout = 60, check = true}
	end,

	down = function(ctx, have)              -- after a reboot it is no longer mounted
		if ctx:run{"findmnt", "-rn", "--mountpoint", have.path}.status == 1 then return end
		ctx:run{argv = root(have, "umount", have.path), timeout = 60, check = true}
	end,
}

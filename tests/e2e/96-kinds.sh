# 96-kinds.sh - step kinds that are Lua files, beside a real cluster of the stand-in engine.
# Takes 195 s, from the plain cluster to it.
# shellcheck shell=bash disable=SC2016,SC2034,SC2153,SC2154

EXAMPLES=$E2E/../../examples/hooks

nfs_steps() {
	cat >>cluster.yaml <<'END'
kinds: [nfs.lua]
steps:
  - kind: nfs
    name: models
    nodes: [node1, node2]
    with: {source: tmpfs, type: tmpfs, path: /tmp/models-of-dray, options: 'rw,size=1024k'}
    before: [download]
END
}
is_mounted() { on "$1" findmnt -n --mountpoint /tmp/models-of-dray; }

t_lua_kind() {
	# shellcheck disable=SC2086
	up $ALL_NODES
	before
	cp "$EXAMPLES/nfs.lua" .
	nfs_steps
	dray plan -detailed-exitcode
	wants 2
	says '+ nfs.models\[node1\]'
	! is_mounted node1 || fail "the plan mounted it"
	apply
	is_mounted node1 || fail "it is not mounted on node1"
	! is_mounted node3 || fail "it is mounted on node3"
	# a value-level change, in place
	sed -i 's/size=1024k/size=2048k/' cluster.yaml
	dray apply -auto-approve
	wants 0
	says "options = \"*rw,.*size=1024k.*\"* -> \"*rw,size=2048k"
	plan_is_empty
	is_mounted node2 | grep -q size=2048k || fail "it was not mounted anew"
	# drift
	on node2 umount /tmp/models-of-dray
	dray apply -auto-approve
	wants 0
	says 'nfs.models\[node2\]'
	plan_is_empty
	is_mounted node2 || fail "it was not repaired"
	# another path: replaced
	sed -i 's/models-of-dray/other-of-dray/' cluster.yaml
	dray apply -auto-approve
	wants 0
	says '/+ nfs.models\[node1\]'
	plan_is_empty
	! is_mounted node1 || fail "the old one is still mounted"
	# left the spec, the kind stays
	sed -i '/^steps:/,$d' cluster.yaml
	dray apply -auto-approve
	wants 0
	says -e '- nfs.models\[node1\]'
	plan_is_empty
	! on node1 findmnt -n --mountpoint /tmp/other-of-dray || fail "it is still mounted"
	after
	same serve 'head[node1]'
}

# What one apply has recreated is known in the next one, which does what the first did not
# reach.
t_lua_kind_followed() {
	up
	cp "$EXAMPLES/nfs.lua" .
	nfs_steps
	cat >>cluster.yaml <<'END'
  - {command: note, node: node1, run: 'true', follows: [nfs.models]}
END
	apply
	on node1 umount /tmp/models-of-dray
	cp cluster.yaml good.yaml
	echo 'return {before_step = function(ctx, event)
	if event.step.kind == "command" then error("not today") end
end}' >no.lua
	echo "hooks: [{file: no.lua}]" >>cluster.yaml
	dray apply -auto-approve
	wants 3
	is_mounted node1 || fail "it was not mounted again"
	cp good.yaml cluster.yaml
	dray apply -auto-approve
	wants 0
	says 'command.note\[node1\] .*(because nfs.models\[node1\]'
	plan_is_empty
	sed -i '/^steps:/,$d' cluster.yaml
	apply
}

t_lua_kind_gone() {
	up
	cp "$EXAMPLES/nfs.lua" .
	nfs_steps
	apply
	cp cluster.yaml whole.yaml
	sed -i '/^kinds:/,$d' cluster.yaml
	dray plan
	wants 0
	says 'nfs.models\[node1\]'
	says 'nfs'
	is_mounted node1 || fail "it was taken away without its kind"
	cp whole.yaml cluster.yaml
	dray destroy -auto-approve
	wants 0
	! is_mounted node1 || fail "destroy left it mounted"
	nothing_left
}

t_lua_kind_bad() {
	up
	before
	cat >bad.lua <<'END'
local turn = ...
return {
	name = "bad",
	doc = "misbehaves",
	timeout = 1,
	fields = {how = {type = "text", required = true, doc = "in which way"}},
	observe = function(ctx, want)
		if want.how == "observe" then error("cannot look") end
		if want.how == "rubbish" then return {how = function() end} end
		if want.how == "hang" then while true do pcall(error) end end
		if want.how == "memory" then local t = {} while true do t[#t + 1] = ("x"):rep(1e6) end end
		return nil
	end,
	up = function(ctx, want)
		if want.how == "up" then error({code = 3}) end
	end,
	down = function(ctx, have) end,
}
END
	cp cluster.yaml plain.yaml
	for how in observe rubbish hang memory; do
		cp plain.yaml cluster.yaml
		printf 'kinds: [bad.lua]\nsteps: [{kind: bad, name: b, node: node2, with: {how: %s}}]\n' "$how" >>cluster.yaml
		dray plan
		wants 1
		says 'bad.b\[node2\]'
		case $how in
		observe) says 'bad.lua:8: cannot look' ;;
		rubbish) says 'function' ;;
		hang) says 'computed for more than' ;;
		memory) says 'memory' ;;
		esac
	done
	for how in up never; do # up fails; up does nothing, so that observe still shows nothing
		cp plain.yaml cluster.yaml
		printf 'kinds: [bad.lua]\nsteps: [{kind: bad, name: b, node: node2, with: {how: %s}}]\n' "$how" >>cluster.yaml
		dray apply -auto-approve
		wants 3
		says 'bad.b\[node2\]'
	done
	says 'observe() finds nothing'
	cp plain.yaml cluster.yaml
	echo 'kinds: [bad.lua]' >>cluster.yaml
	apply # its leftovers go
	after
	same serve 'head[node1]' 'worker[node2]'
}

t_lua_kind_killed() {
	up
	mkdir -p k
	cat >slow.lua <<'END'
return {
	name = "slow",
	doc = "takes its time",
	fields = {path = {type = "text", required = true, doc = "a file"}},
	observe = function(ctx, want)
		if ctx:run{"test", "-e", want.path}.status ~= 0 then return nil end
		return {path = want.path}
	end,
	up = function(ctx, want)
		ctx:run{argv = {"sh", "-c", 'echo begun >"$1.begun"; sleep 3; touch "$1"', "sh", want.path}, check = true}
	end,
	down = function(ctx, have) ctx:run{argv = {"rm", "-f", have.path, have.path .. ".begun"}, check = true} end,
}
END
	printf 'kinds: [slow.lua]\nsteps: [{kind: slow, name: s, node: node2, with: {path: /tmp/slow-of-dray}}]\n' >>cluster.yaml
	start apply -auto-approve
	wait_for 20 "its up" on node2 test -e /tmp/slow-of-dray.begun
	kill -9 "$bg"
	wait "$bg" 2>/dev/null || :
	dray plan
	says 'slow.s\[node2\]'
	apply_at_once
	on node2 test -e /tmp/slow-of-dray || fail "it is not there"
	sed -i '/^steps:/d; s/^kinds.*/kinds: [slow.lua]/' cluster.yaml
	apply
	on node2 test ! -e /tmp/slow-of-dray.begun || fail "it was not taken away"
}

more "a command that follows a Lua step runs again with it" t_lua_kind_followed
more "a Lua kind: value-level diff, update, drift, replace, removal" t_lua_kind
more "a Lua kind whose file is gone is left alone; destroy with it" t_lua_kind_gone
more "Lua kinds that misbehave fail their step and nothing else" t_lua_kind_bad
more "kill -9 in the middle of a Lua step" t_lua_kind_killed

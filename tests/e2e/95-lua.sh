# 95-lua.sh - hooks, commands and executors of the user's, beside a real cluster of the
# Takes 185 s, from the plain cluster to it.
# stand-in engine.
# shellcheck shell=bash disable=SC2016,SC2034,SC2153,SC2154

EXAMPLES=$E2E/../../examples/hooks

# The plain cluster with hooks; a hook writes what it was told to the head's /tmp/told.
teller() {
	mkdir -p hooks
	cat >hooks/tell.lua <<'END'
local function tell(ctx, event)
	local step = event.step and " " .. event.step.address .. " " .. event.step.action or ""
	local more = event.outcome and " " .. event.outcome .. " " .. #event.failures or event.error and " " .. event.error or ""
	ctx:run{argv = {"sh", "-c", 'cat >>/tmp/told'}, node = "node1", stdin = event.event .. step .. more .. "\n", check = true}
end
return {
	before_apply = tell, before_step = tell, after_step = tell, step_failed = tell, after_apply = tell,
}
END
	on node1 rm -f /tmp/told
}
told() { on node1 cat /tmp/told 2>/dev/null; }
tells() { told | grep -qx "$1" || fail "the hooks were not told: $1; but: $(told)"; }
tells_not() { ! told | grep -q "$1" || fail "the hooks were told: $1"; }

t_hooks_told() {
	up
	teller
	other_args
	echo "hooks: [{file: hooks/tell.lua}]" >>cluster.yaml
	apply
	tells 'before_apply'
	tells 'before_step serve restart'
	tells 'after_step serve restart'
	tells 'after_step probe run'
	tells 'after_apply ok 0'
	[ "$(told | grep -c 'serve restart')" = 2 ] || fail "not once before and once after: $(told)"
	tells_not head
}

t_hook_stops_step() {
	up
	before
	mkdir -p hooks
	echo 'return {before_step = function(ctx, event)
	if event.step.kind == "serve" then error("not today") end
end}' >hooks/no.lua
	other_args
	echo "hooks: [{file: hooks/no.lua}]" >>cluster.yaml
	dray apply -auto-approve
	wants 1
	says 'hooks/no.lua:2: not today'
	after
	same serve 'head[node1]'
	sed -i 's/file: hooks\/no.lua/&, on_error: warn/' cluster.yaml
	apply
	after
	differs serve
}

t_veto() {
	up
	before
	cp "$EXAMPLES/policy.lua" .
	other_args
	echo "hooks: [{file: policy.lua, config: {keep: [node1]}}]" >>cluster.yaml
	dray plan -out saved.plan
	wants 1
	says "policy.lua: node1 must not be touched, but the plan has 'restart' of serve"
	[ ! -e saved.plan ] || fail "a vetoed plan was saved"
	dray apply -auto-approve
	wants 1
	says 'nothing was changed'
	dray destroy -auto-approve
	wants 1
	after
	same serve 'head[node1]' 'worker[node2]'
	sed -i 's/keep: \[node1\]/replacements: 5/' cluster.yaml
	apply
}

t_step_failed_told() {
	up
	teller
	demands die-loading
	other_args
	echo "hooks: [{file: hooks/tell.lua}]" >>cluster.yaml
	dray apply -auto-approve
	wants 3
	no_demands
	told | grep -q '^step_failed serve restart ' || fail "step_failed was not told: $(told)"
	tells 'after_apply failed 1'
	apply_at_once
}

t_drift_told() {
	up
	teller
	echo 'return {on_drift = function(ctx, event)
	for _, step in ipairs(event.drift) do ctx:log("drift: %s, %s", step.address, step.cause) end
end}' >hooks/drift.lua
	echo "hooks: [{file: hooks/drift.lua}]" >>cluster.yaml
	dray plan
	wants 0
	not_says 'drift:'
	on node2 docker rm -f dray-e2e-worker
	dray apply -auto-approve
	wants 0
	says 'hooks/drift.lua: drift: worker\[node2\], its container is gone'
	plan_is_empty
}

# ---- command steps -----------------------------------------------------------------

t_command() {
	up
	before
	cat >>cluster.yaml <<'END'
steps:
  - command: scratch
    nodes: all
    check: test -d /tmp/scratch-of-dray
    run: mkdir /tmp/scratch-of-dray
    undo: rmdir /tmp/scratch-of-dray
    before: [serve]
END
	dray plan -detailed-exitcode
	wants 2
	says '+ command.scratch\[node2\]'
	says 'Plan: 2 to add'
	on node1 test ! -e /tmp/scratch-of-dray || fail "the plan ran something"
	apply
	on node1 test -d /tmp/scratch-of-dray || fail "it did not run on node1"
	after
	same serve 'head[node1]'
	on node2 rmdir /tmp/scratch-of-dray
	dray plan -detailed-exitcode
	wants 2
	says 'command.scratch\[node2\]'
	says 'its check fails'
	dray apply -auto-approve -target 'command.scratch[node2]'
	wants 0
	sed -i '/^steps:/,$d' cluster.yaml
	dray apply -auto-approve
	wants 0
	says -e '- command.scratch\[node1\]'
	plan_is_empty
	on node1 test ! -e /tmp/scratch-of-dray || fail "undo did not run"
	after
	same serve
}

t_command_follows() {
	up
	cat >>cluster.yaml <<'END'
steps:
  - command: note
    nodes: head
    run: echo once >>/tmp/notes-of-dray
    undo: rm -f /tmp/notes-of-dray
    follows: [serve]
END
	on node1 rm -f /tmp/notes-of-dray
	apply
	apply -replace serve
	[ "$(on node1 wc -l /tmp/notes-of-dray | cut -d' ' -f1)" = 2 ] || fail "not once for each serve"
	dray apply -auto-approve -target command
	wants 0
	says 'No changes'
}

t_command_fails() {
	up
	cat >>cluster.yaml <<'END'
steps:
  - command: broken
    node: node2
    run: echo the reason >&2; exit 7
END
	dray apply -auto-approve
	wants 3
	says 'the reason'
	says 'command.broken\[node2\]'
	sed -i 's/exit 7/exit 0/' cluster.yaml
	apply
}

# A secret of a hook is shown nowhere: not in the output, in argv, or in records.
t_lua_secret() {
	up
	export LUA_SECRET=poison-lua-5761
	cat >secret.lua <<'END'
return {after_apply = function(ctx, event)
	local secret = ctx:secret("env:LUA_SECRET")
	ctx:log("it is %s", secret)
	local ok, why = pcall(ctx.run, ctx, {"echo", secret})
	ctx:log("argv: %s", why)
	local got = ctx:run{argv = {"sh", "-c", "cat; cat >/dev/null </dev/null"}, stdin = secret, node = "node2"}
	ctx:log("same: %s, %s", tostring(got.out == secret), got.out)
	error("and " .. secret)
end}
END
	other_args
	echo 'hooks: [{file: secret.lua, on_error: warn}]' >>cluster.yaml
	dray apply -auto-approve
	wants 0
	says 'it is (secret)'
	says 'argv: .*a secret must not be in argv'
	says 'and (secret)'
	not_says poison-lua
	! { state_of node1; state_of node2; } | grep -q poison-lua || fail "the secret is in the records"
	! grep -rq poison-lua . --include='out' --include=err || fail "the secret was printed"
	grep -q poison-lua <<<"$LUA_SECRET" || fail "the test cannot find it"
}

# ---- the examples -------------------------------------------------------------------

# board: the chat and the load balancer; $board is its port.
board() {
	coproc BOARD { exec python3 "$E2E/board.py" "$S/board" 8>&-; }
	read -r board <&"${BOARD[0]}"
}
posted() { grep -q "$1" "$S/board" || fail "the board has no $1; but: $(cat "$S/board")"; }

t_examples() {
	up
	board
	cp "$EXAMPLES"/{notify,drain,warm-up,policy}.lua .
	export CHAT=http://127.0.0.1:$board/chat LB=lb-token
	other_args
	cat >>cluster.yaml <<END
hooks:
  - {file: policy.lua, config: {replacements: 9, digest: false}}
  - {file: drain.lua, config: {api: 'http://127.0.0.1:$board', backend: llama, token: 'env:LB', wait: 9}}
  - {file: warm-up.lua, config: {model: tiny, port: $PORT, prompts: [one, two], max_tokens: 3}}
  - {file: notify.lua, config: {webhook: 'env:CHAT'}, on_error: warn}
END
	dray apply -auto-approve
	wants 0
	says 'drain.lua: drained before the restart of serve'
	says 'warm-up.lua: prompt 2: 3 tokens in'
	says 'back in the load balancer'
	posted 'PUT /backends/llama/state {"state": "drain"}'
	[ "$(grep -c 'GET /backends/llama ' board)" = 2 ] || fail "it did not wait for the requests: $(cat board)"
	posted 'PUT /backends/llama/state {"state": "ready"}'
	posted 'POST /chat {"text": "e2e: apply is done after'
	not_says lb-token
	plan_is_empty
	# failures are reported, too; if the load balancer refuses, serve stays up
	before
	: >board
	sed -i 's/max-model-len: [0-9]*/max-model-len: 77/' cluster.yaml
	LB=wrong dray apply -auto-approve
	wants 1
	says 'drain.lua:.*answered PUT /state with status 403'
	posted '"e2e: serve failed after'
	posted '"e2e: apply failed after 0 s: 1 failed, 1 skipped"'
	after
	same serve
	eval "exec ${BOARD[1]}>&-"
}

# ---- executors -----------------------------------------------------------------------

# The same cluster, with each node reached in another way: the user's ssh, namespaces of a
# process, and a stand-in for kubectl that accepts only what the real one would.
t_executors() {
	# shellcheck disable=SC2086
	up $ALL_NODES
	before
	cp "$E2E"/../../examples/executors/*.lua .
	mkdir -p bin
	cat >bin/kubectl <<END
#!/bin/bash
[ "\$*" = "--namespace=ml exec -i node3 --container=main -- sh" ] || { echo "error: what is \$*?" >&2; exit 1; }
echo "Defaulted container \"main\" out of: main, side" >&2
exec nsenter -t $(node_pid node3) -m -u -i -n -p -- env -i HOME=/root PATH="$NODE_PATH" sh
END
	chmod +x bin/kubectl
	cp cluster.yaml plain.yaml
	sed -i -e "/^  - host: node1/a\\    executor: ssh-wrapper.lua\n    labels: {ssh_config: $BED/ssh/config}" \
		-e "/^  - host: node2/a\\    executor: netns.lua\n    labels: {pid: '$(node_pid node2)'}" \
		-e "/^  - host: node3/a\\    executor: kubectl-exec.lua\n    labels: {namespace: ml, container: main}" cluster.yaml
	HOME=/root PATH=$S/bin:$PATH dray plan -detailed-exitcode
	wants 0
	says 'No changes'
	sed -i 's/max-model-len: [0-9]*/max-model-len: 99/' cluster.yaml
	HOME=/root PATH=$S/bin:$PATH dray apply -auto-approve
	wants 0
	chat
	after
	same 'head[node1]' 'worker[node2]' 'worker[node3]'
	differs serve
	sed -i 's/namespace: ml/namespace: mr/' cluster.yaml
	HOME=/root PATH=$S/bin:$PATH dray plan
	wants 1
	says 'node3'
	says 'error: what is --namespace=mr'
}

# A container as a node: real docker exec, with the engine of node1.
t_docker_exec() {
	up
	cp "$E2E"/../../examples/executors/docker-exec.lua .
	on node1 docker run -d --name box --network host --entrypoint /bin/sh "$IMAGE1" -c 'sleep 100 || while :; do read -t 1 x; done'
	sed -i -e "/^  - host: node[23]/,/gpus/d" cluster.yaml
	sed -i -e "s/^  - host: node1/  - host: box\n    executor: docker-exec.lua\n    labels: {docker: 'unix:\/\/\/proc\/$(node_pid node1)\/root\/run\/docker.sock'}/" \
		-e 's/pipeline: 2/pipeline: 1/' cluster.yaml
	dray discover
	on node1 docker rm -f box
	says 'box'
	not_says unreachable
}

scenario "hooks are told of an apply, each step once before and once after" t_hooks_told
more "a hook that fails before a step stops it; on_error: warn goes on" t_hook_stops_step
more "after_plan vetoes plan, apply and destroy; nothing is changed or saved" t_veto
more "hooks are told of a failed step and of the end" t_step_failed_told
more "on_drift comes with drift, and only then" t_drift_told
scenario "a command step: plan, run, drift, -target, undo" t_command
more "a command that follows serve runs again with each serve" t_command_follows
more "a command that fails says why, and is done when mended" t_command_fails
more "a secret of a hook is nowhere to be seen" t_lua_secret
more "the examples: policy, drain, warm-up, notify" t_examples
more "nodes by ssh, nsenter and a stand-in kubectl: the same cluster" t_executors
more "a node that is a container, by docker exec" t_docker_exec

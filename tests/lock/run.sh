#!/bin/bash
# run.sh - what was approved is what is done: operators, hooks and nodes that interfere
# between a plan and its apply. A node is a folder with its own machine-id and home, entered
# by a Lua executor through unshare(1): root, no network, no Docker. Ends with a counting
# line.
set -u
cd "$(dirname "$0")/../.." || exit 1
export DRAY=${DRAY:-$PWD/build/dray}
script=$PWD/tests/lock/operator.py
if [ "$(id -u)" != 0 ] || ! unshare -m true 2>/dev/null; then
	echo "SKIP lock: it takes root and unshare -m"
	echo "lock: 0 passed, 0 failed, 1 skipped"
	exit 0
fi
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp" || exit 1
export XDG_CACHE_HOME=$tmp/cache XDG_STATE_HOME=
passed=0 failed=0

mkdir -p bin model venv/bin venv/lib/python3/site-packages/vllm-0.32.0.dist-info
ln -s /bin/true venv/bin/vllm
echo weights >model/model.safetensors
cat >model/config.json <<'END'
{"architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": 256,
 "intermediate_size": 512, "num_hidden_layers": 12, "num_attention_heads": 8, "num_key_value_heads": 4,
 "head_dim": 32, "vocab_size": 512, "torch_dtype": "bfloat16", "max_position_embeddings": 512}
END
# shellcheck disable=SC2016
printf '#!/bin/sh\ncase $1 in --query-gpu=*) echo "0, GPU-0, NVIDIA H200, 143771, 0, 590.1" ;; esac\n' >bin/nvidia-smi
chmod +x bin/nvidia-smi
# The shell that is entered leaves its pid, so that a test can cut the connection. It uses
# only the host: a node that left the spec has no labels any more.
cat >box.lua <<END
return {connect = function(node)
	return {"unshare", "-m", "sh", "-c", 'mount --bind "\$1/machine-id" /etc/machine-id && echo \$\$ >>"\$1/pids" && ' ..
		'exec env -i HOME="\$1/home" PATH="\$2/bin:\$PATH" sh', "box", "$tmp/boxes/" .. node.host, "$tmp"}
end}
END

# boxes NAME...: new nodes on which nothing was ever done.
boxes() {
	local n i=0
	rm -rf boxes && mkdir boxes
	for n; do
		i=$((i + 1))
		mkdir -p "boxes/$n/home"
		printf '%032x\n' $i >"boxes/$n/machine-id"
		: >"boxes/$n/pids"
	done
}
# spec FILE WORD NODE...: each node's step writes WORD into its log.
spec() {
	local file=$1 word=$2 n i=0
	shift 2
	{
		echo "cluster: pair"
		echo "nodes:"
		for n; do
			i=$((i + 1))
			echo "  - {name: $n, host: $n, executor: box.lua, address: 10.9.9.$i, gpus: 1}"
		done
		echo "shared_dir: $tmp"
		echo "model: {path: $tmp/model}"
		echo "parallelism: {tensor: 1}"
		echo "engine: {runtime: none, venv: $tmp/venv, backend: mp}"
		# shellcheck disable=SC2016
		echo "steps: [{command: hello, nodes: all, run: 'echo $word >>\$HOME/log', undo: 'echo undone >>\$HOME/log'}]"
	} >"$file"
}
state_of() { echo "boxes/$1/home/.local/state/dray/pair/$(cat "boxes/$1/machine-id")"; }
log_of() { [ ! -e "boxes/$1/home/log" ] || tr '\n' ' ' <"boxes/$1/home/log"; }
members_of() { grep -o '"name":"[a-z]*"' "$(state_of "$1")/members.json" 2>/dev/null | cut -d'"' -f4 | sort | tr '\n' ' '; }
dray() { timeout -k 5 60 "$DRAY" "$@" >out 2>&1 </dev/null; rc=$?; }
# operator STEP...: dray on a terminal, and what its user does; see operator.py.
operator() { timeout -k 5 120 python3 "$script" "$@" >out 2>&1; rc=$?; }

# check NAME STATUS PATTERN...: the last run ended with that status and printed all of that.
check() {
	local name=$1 want=$2 ok=yes
	shift 2
	[ "$rc" = "$want" ] || ok="it ended with $rc, not $want"
	for pattern; do grep -q -e "$pattern" out || ok="it did not say: $pattern"; done
	if [ "$ok" = yes ]; then passed=$((passed + 1)) && return; fi
	failed=$((failed + 1))
	echo "not ok lock: $name: $ok"
	sed 's/^/    /' out
}
# is NAME GOT WANT
is() {
	if [ "$2" = "$3" ]; then passed=$((passed + 1)) && return; fi
	failed=$((failed + 1))
	echo "not ok lock: $1: '$2', not '$3'"
}
A="apply -target command.hello -auto-approve -f two.yaml"
B="apply -target command.hello -f one.yaml"
changed='The nodes have changed since the plan above was made'

# ---- two operators: one approves while the other has applied -------------------------------
fresh() {
	boxes a b
	spec one.yaml one a
	spec two.yaml two a b
}
fresh
operator "$B" wait 'Enter a value' run "$A" say yes wait 'Enter a value' say no
check "a plan that is another one is asked about again" 1 "$changed" \
	'command.hello\[b\]: approved: nothing; now: delete' 'apply cancelled; nothing was changed'
is "nothing was done on a" "$(log_of a)" 'two '
is "members of a name both" "$(members_of a)" 'a b '

fresh
operator "$B" wait 'Enter a value' run "$A" say yes wait 'Enter a value' say yes
check "approved once more, it is carried out" 0 "$changed" 'command.hello\[b\] will be destroyed' 'Steps: '
is "what the other left on b was undone" "$(log_of b)" 'two undone '
is "a has the later one" "$(log_of a | awk '{ print $NF }')" one
is "members of a name a alone" "$(members_of a)" 'a '

fresh
sed -i 's/gpus: 1}/gpus: 1, labels: {rack: r1}}/' one.yaml two.yaml
operator "$B" wait 'Enter a value' run "$A" say yes
check "a node that only the other one can reach" 1 "$changed" 'node b is not contacted' 'apply will not start'
is "is not lost" "$(members_of a)$(log_of b)" 'a b two '

fresh
cp two.yaml same.yaml
operator "apply -target command.hello -f same.yaml" wait 'Enter a value' run "$A" say yes
check "somebody did just that meanwhile" 0 "$changed" 'now: nothing' 'No changes\|Plan: 0 to add'
is "it is not done twice" "$(log_of a)$(log_of b)" 'two two '

fresh
dray apply -f two.yaml -target command.hello -auto-approve
spec three.yaml three a b
operator "destroy -f one.yaml" wait 'Enter a value' \
	run "apply -target command.hello -auto-approve -f three.yaml" say yes wait 'Enter a value' say yes
check "a destroy looks again, too" 0 "$changed" 'Destroy complete\|destroyed'
is "what was there last is undone on both" "$(log_of a)$(log_of b)" 'two three undone two three undone '

fresh
dray apply -f two.yaml -target command.hello -auto-approve
operator "destroy -f two.yaml" wait 'Enter a value' run "destroy -f two.yaml -auto-approve" say yes
check "two destroys" 0 "$changed" 'now: nothing' 'Steps: .* 0 destroyed'
is "leave nothing behind" "$(ls -d boxes/*/home/.local/state/dray/* 2>/dev/null)" ''

fresh
dray apply -f two.yaml -target command.hello -auto-approve
rm "$(state_of a)"/steps/* "$(state_of b)"/steps/*
dray destroy -f two.yaml -auto-approve
check "a destroy that was interrupted behind its last step" 0 'Steps: .* 0 destroyed'
is "leaves no records after the next one" "$(ls -d boxes/*/home/.local/state/dray/* 2>/dev/null)" ''

# ---- what stands between the look and the lock ----------------------------------------------
# A hook of B during which A applies.
cat >between.lua <<'END'
return {after_plan = function(ctx)
	local mark = ctx:run{node = "a", "sh", "-c", 'mkdir "$HOME/once" && echo first'}
	if not mark.out:match("first") then return end
	for _ = 1, 300 do
		if ctx:run{node = "a", "sh", "-c", 'cat "$HOME/go-on"'}.status == 0 then return end
		ctx:sleep(0.1)
	end
end}
END
between() { # ARGUMENTS...: B with the hook in the background, and A while it waits
	rm -rf boxes/a/home/once boxes/a/home/go-on
	timeout -k 5 90 "$DRAY" "$@" >b.out 2>&1 </dev/null &
	local pid=$! n=0
	while [ ! -d boxes/a/home/once ] && [ $n -lt 300 ]; do n=$((n + 1)) && sleep 0.1; done
	# shellcheck disable=SC2086
	dray $A
	check "the other operator's apply" 0 'Steps: '
	touch boxes/a/home/go-on
	rc=0
	wait $pid || rc=$?
	cp b.out out
}
fresh
cp one.yaml hooked.yaml
echo 'hooks: [{file: between.lua, timeout: 60}]' >>hooked.yaml
mkdir -p boxes/a/home/once
dray plan -f hooked.yaml -target command.hello -out b.plan
check "a plan is saved" 0 'Saved the plan'
between apply b.plan
check "a saved plan is stale under the lock, too" 5 'have changed since the saved plan was checked' \
	'command.hello\[a\]: approved: create' 'nothing was changed'
is "nothing of it was done" "$(log_of a)" 'two '
is "members of a still name both" "$(members_of a)" 'a b '

fresh
between apply -f hooked.yaml -target command.hello -auto-approve
check "-auto-approve goes on with the new plan, and says so" 0 "$changed" 'command.hello\[b\] will be destroyed'
is "b is not lost" "$(log_of b)" 'two undone '

fresh
between apply -f hooked.yaml -target command.hello -auto-approve -json
check "the same for programs" 0 '"@level":"warn","@message":"the nodes have changed'
is "every line is JSON" "$(python3 -c 'import json, sys
for line in open("out"): json.loads(line)' 2>&1)" ''

# ---- a node that was away while the user thought ---------------------------------------------
fresh
dray apply -f two.yaml -target command.hello -auto-approve
spec three.yaml three a b
operator "apply -target command.hello -f three.yaml" wait 'Enter a value' cut a wipe a say yes \
	wait 'Enter a value' say yes
check "it came back without what it had" 0 "$changed" 'command.hello\[a\]: approved: update.*now: create'
is "the approved undo did not run there" "$(log_of a)" 'two three '

fresh
operator "$B" wait 'Enter a value' cut a say yes
check "it came back as it was" 0 'Steps: 1 added'
is "and nothing was asked again" "$(grep -c 'Enter a value' out)" 1

# A hook that takes long under the lock, while a node goes away.
cat >cut.lua <<'END'
local function cut(ctx)
	pcall(ctx.run, ctx, {node = "a", "sh", "-c", 'kill -9 $(cat "$HOME/../pids")'})
	ctx:sleep(0.5)
end
return {before_apply = cut}
END
fresh
cp one.yaml cut.yaml
echo 'hooks: [{file: cut.lua, timeout: 60}]' >>cut.yaml
dray apply -f cut.yaml -target command.hello -auto-approve
check "a lock that is lost while a hook runs" 1 "connection to 'a' and its lock were lost before anything was started"
is "nothing was done without it" "$(log_of a)" ''
dray apply -f one.yaml -target command.hello -auto-approve
check "the next one" 0 'Steps: 1 added'
dray destroy -f cut.yaml -auto-approve
check "a destroy whose lock is lost" 1 "connection to 'a' and its lock were lost before anything was started"
is "nothing was undone without it" "$(log_of a)" 'one '

# ---- a lock that is held, and a terminal that goes away ---------------------------------------
# hold NODE: somebody has the lock of that node; $holder is who.
hold() {
	local lock
	lock=/run/lock/dray-pair-$(cat "boxes/$1/machine-id").lock
	[ "$(stat -L -c %a /run/lock)" = 1777 ] || lock=/dev/shm/${lock##*/}
	{ flock 9 && : >locked && exec sleep 600; } 9>>"$lock" &
	holder=$!
	until [ -e locked ]; do sleep 0.1; done
	rm locked
}
fresh
hold b
operator "apply -target command.hello -auto-approve -f two.yaml" wait 'waiting up to 20 s' 'do' "kill $holder"
check "a lock that is held is waited for" 0 "the lock on 'b' is held by .*waiting up to 20 s" 'Steps: 2 added'
hold a
dray apply -f one.yaml -target command.hello -auto-approve -lock-timeout 0
check "or not" 4 "the lock on 'a' is held by" 'nothing was changed' 'hint: -lock-timeout SECONDS waits longer'
is "it did not wait" "$(grep -c 'waiting up to' out)" 0
dray destroy -f two.yaml -auto-approve -lock-timeout=1
check "a destroy waits, too, but not for ever" 4 'waiting up to 1 s' 'nothing was changed'
kill "$holder"
dray apply -f one.yaml -lock-timeout -1
check "a limit is a number" 64 "'-lock-timeout' needs a number of at least 0 and at most 1000000, not '-1'"

# hangup WORD: an apply whose step runs until it is told to go on hears that its terminal is
# gone, and says WORD before it is told.
hangup() {
	local n=0
	until [ -e boxes/a/home/begun ] || [ $((n += 1)) -gt 600 ]; do sleep 0.1; done
	kill -HUP "$pid"
	until grep -q "$1" out || [ $((n += 1)) -gt 600 ]; do sleep 0.1; done
	touch boxes/a/home/go-on
	while kill -0 "$pid" 2>/dev/null; do
		[ $((n += 1)) -lt 1200 ] || kill -9 "$pid"
		sleep 0.1
	done
	rc=0
	wait "$pid" || rc=$?
}
slow() {
	fresh
	# shellcheck disable=SC2016
	sed -i 's|echo one|touch $HOME/begun; until [ -e $HOME/go-on ]; do sleep 0.1; done; echo one|' one.yaml
}
slow
"$DRAY" apply -f one.yaml -target command.hello -auto-approve >out 2>&1 </dev/null &
pid=$!
hangup 'interrupted: dray starts nothing more'
check "a terminal that goes away is one Ctrl-C" 130 'Steps: 1 added'
is "what ran was waited for" "$(log_of a)" 'one '
slow
(trap '' HUP && exec "$DRAY" apply -f one.yaml -target command.hello -auto-approve) >out 2>&1 </dev/null &
pid=$!
hangup ''
check "nohup keeps it from that" 0 'Steps: 1 added'

# ---- nothing happened: nothing is said --------------------------------------------------------
fresh
dray apply -f two.yaml -target command.hello -auto-approve -v
check "an apply that nobody disturbs" 0 'Steps: 2 added'
is "it says nothing of a change" "$(grep -c "$changed" out)" 0
dray destroy -f two.yaml -auto-approve
check "and its destroy" 0 'destroyed'
is "nothing is left" "$(ls boxes/*/home/.local/state/dray 2>/dev/null)" ''

echo "lock: $passed passed, $failed failed"
[ "$failed" = 0 ]

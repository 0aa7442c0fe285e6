#!/bin/bash
# run.sh - nodes and SSH ports that lie, beside a good node: dray ends with a documented code,
# in time, in little memory, the good node is served, and nothing is left. Ends with "N
# passed, N failed, N skipped". No network but loopback.
set -u
cd "$(dirname "$0")/../.." || exit 1
DRAY=${DRAY:-$PWD/build/dray} evil=$PWD/tests/evil
passed=0 failed=0 skipped=0 pids=()
T=$(mktemp -d)
trap '[ ${#pids[@]} = 0 ] || kill "${pids[@]}" 2>/dev/null; rm -rf "$T"' EXIT
export HOME=$T/home XDG_STATE_HOME='' XDG_CACHE_HOME=$T/home
mkdir -p "$T/home" "$T/spec/model"
cd "$T/spec" || exit 1
command -v python3 >/dev/null || { echo "SKIP evil: there is no python3"; echo "0 passed, 0 failed, 1 skipped"; exit 0; }

result() { # NAME WHY
	if [ -z "$2" ]; then passed=$((passed + 1)); echo "ok $1"; return; fi
	failed=$((failed + 1))
	echo "not ok $1: $2"
	sed 's/^/    /' "$T/out" | cut -c 1-200 | head -n 40
}

# The name of this folder is in every argument list, so that processes of ours that are left
# can be found by it.
ln -s "$evil/node.py" "$T/node.py"
cat >evil.lua <<END
return {connect = function(node)
	local argv = {"python3", "$T/node.py", node.labels.mode}
	if node.labels.arg then argv[4], argv[5] = node.labels.arg, "$T/spec/rec/good.txt" end
	return argv
end}
END
# spec [NODE...]: of a good node and these.
spec() {
	{
		echo "cluster: evil"
		echo "nodes:"
		echo "  - {name: good, executor: local, address: 10.0.0.8, gpus: 1}"
		[ $# = 0 ] || printf '  - {%s, gpus: 1}\n' "$@"
		echo "shared_dir: $T/spec"
		echo "model: {path: $T/spec/model}"
		echo "parallelism: {tensor: 1, pipeline: $(($# + 1))}"
		echo "engine: {image: 'vllm/vllm-openai:v0.16.0'}"
		echo "steps: [{command: hello, nodes: all, run: 'true'}]"
	} >cluster.yaml
}
# node NAME MODE: one that lies.
node() { echo "name: $1, executor: evil.lua, address: 10.0.1.$(printf %d "'$1"), labels: {mode: $2, arg: '${3:-}'}"; }
# gone FILE: nothing that has it in its words is left, or soon will be.
gone() {
	for _ in $(seq 300); do
		pgrep -f "$1" >/dev/null || return 0
		sleep 0.1
	done
	return 1
}
# held NAME SECONDS CODES PATTERN COMMAND...: ends with one of the codes, says that ("-" for
# anything), in little memory, and leaves no process. SECONDS guard against a hang.
held() {
	local name=$1 limit=$2 codes=$3 pattern=$4 why='' rc most
	shift 4
	/usr/bin/env python3 "$evil/watch.py" "$limit" "$T/most" "$DRAY" "$@" >"$T/out" 2>&1 </dev/null
	rc=$?
	most=$(cat "$T/most")
	[[ " $codes " == *" $rc "* ]] || why="it ended with $rc"
	[ "$pattern" = - ] || grep -q -- "$pattern" "$T/out" || why="it did not say: $pattern"
	! LC_ALL=C grep -q $'[\a\033\177]' "$T/out" || why="it printed control characters of a node"
	! grep -q '[a-z]Error: \|Traceback' "$T/out" || why="the liar itself failed"
	[ "$most" -lt 131072 ] || why="it took $most KiB"
	gone "$T/node.py" || why="a process is left"
	result "$name" "$why"
}

# Nodes that send nothing more take a timeout: wait for all of them together, beside the rest.
ln -s "$evil/node.py" "$T/slow.py"
mkdir "$T/slow"
spec "$(node a say)" "$(node b set)" "$(node c half)" "$(node d wrong-nonce)" "$(node e stderr)"
sed "s/evil.lua/slow.lua/; s#^cluster: evil#cluster: slow#" cluster.yaml >"$T/slow/cluster.yaml"
sed "s#/node.py#/slow.py#" evil.lua >"$T/slow/slow.lua"
(cd "$T/slow" && exec nice -n 19 python3 "$evil/watch.py" 100 "$T/slow/most" "$DRAY" status) >"$T/slow/out" 2>&1 </dev/null &
slow=$!

# ---- the shell protocol -------------------------------------------------------------------------
# Nodes that send nothing at all take one of the long limits: not here.
for mode in endless endless-frame huge start-twice noise escapes cut bad-start; do
	spec "$(node bad "$mode")"
	held "node: $mode" 20 "0 1" ' answer: good (head)' status
done
spec "$(node bad unsure)"
held "node: unsure: what helps" 20 "0 1" 'hint: .*evil' status
spec "$(node a endless)" "$(node b endless-frame)" "$(node c noise)" "$(node d cut)" "$(node e huge)" "$(node f escapes)"
held "six that lie at once" 20 "0 1" ' 1 of 7 answer' status
# Whole applies on a node whose look is fine and whose other answers are worthless.
spec
"$DRAY" plan -record rec -target command.hello >"$T/out" 2>&1
result "a look is recorded" "$([ -s rec/good.txt ] || echo "there is none")"
sed 's#- {name: good.*#- {name: good, executor: evil.lua, address: 10.0.0.8, gpus: 1, labels: {mode: random, arg: "SEED"}}#' \
	cluster.yaml >seed
for seed in $(seq 12); do
	sed "s/SEED/$seed/" seed >cluster.yaml
	held "node: random $seed, apply" 100 "0 1 3 4 5" - apply -auto-approve -target command.hello
done

# ---- SSH ----------------------------------------------------------------------------------------
ssh_nodes=()
for mode in lines noise ignore unasked garbage kexinit trickle; do
	coproc SSH { exec python3 "$evil/ssh.py" "$mode"; }
	read -r port <&"${SSH[0]}"
	pids+=("$SSH_PID")
	ssh_nodes+=("name: $mode, host: 127.0.0.1, address: 10.0.2.${#ssh_nodes[@]}, ssh: {port: $port, user: u, config: none, connect_timeout: 3}")
	spec "${ssh_nodes[-1]}"
	held "ssh: $mode" 15 "0 1" ' answer: good (head)' status
done 2>/dev/null
spec "${ssh_nodes[@]}"
held "ssh: all at once" 20 "0 1" ' 1 of 8 answer' status

# ---- an interrupt in each of these states -------------------------------------------------------
# catches PID: does it catch SIGINT, or read it from a descriptor, by now? Before that an
# interrupt would be lost.
catches() {
	awk '/^Sig(Cgt|Blk):/ && /[2367abef]$/ { found = 1 } END { exit !found }' "/proc/$1/status" 2>/dev/null
}
# interrupted NAME STATE COMMAND...: is interrupted once it is in that state, which STATE finds
# in $T/out, or by pgrep. It ends with 130, before what it waits for gives up after 30 s.
interrupted() {
	local name=$1 state=$2 why='' pid rc end
	shift 2
	"$DRAY" "$@" >"$T/out" 2>&1 </dev/null &
	pid=$!
	for _ in $(seq 600); do
		if [ -z "$state" ] || grep -q "$state" "$T/out" || pgrep -f "$state" >/dev/null; then break; fi
		sleep 0.1
	done
	for _ in $(seq 600); do
		if catches "$pid"; then break; fi
		sleep 0.1
	done
	sleep 0.2
	kill -INT "$pid"
	end=$((SECONDS + 25))
	while kill -0 "$pid" 2>/dev/null && [ $SECONDS -lt $end ]; do sleep 0.1; done
	! kill -0 "$pid" 2>/dev/null || { why="it goes on"; kill -KILL "$pid"; }
	wait "$pid" 2>/dev/null
	rc=$?
	[ "$rc" = 130 ] || why=${why:-"it ended with $rc"}
	gone "$T/node.py" || why="a process is left"
	result "interrupt: $name" "$why"
}
spec "$(node bad nohello)"
for verb in status plan discover; do interrupted "$verb" "$T/node.py" "$verb"; done
interrupted "the look of an apply" "$T/node.py" apply -auto-approve
spec "${ssh_nodes[-1]/connect_timeout: 3/connect_timeout: 60}"
interrupted "a handshake" '' plan
spec
echo "serve: {api_key: \"cmd:sh -c 'sleep 50; : $T/node.py'\"}" >>cluster.yaml
interrupted "a secret" "sleep 50; : $T/node.py" plan
spec
echo "hooks: [{file: slow.lua}]" >>cluster.yaml
echo 'return {before_plan = function(ctx) print("it sleeps") ctx:sleep(50) end}' >slow.lua
interrupted "a hook" "it sleeps" plan

# ---- names that nobody answers for --------------------------------------------------------------
spec
sed -i "s#^nodes:#nodes:\n  - {host: 'gpu-[1-200].cluster.example', gpus: 1, ssh: {connect_timeout: 3, config: none}}#; s/pipeline: 1/pipeline: 201/" cluster.yaml
echo "nameserver 10.1.1.9" >resolv
if unshare -n -m true 2>/dev/null; then
	cat >"$T/dray" <<END
#!/bin/sh
exec unshare -n -m sh -c 'ip link set lo up; ip link add d0 type veth peer name d1; ip link set d1 up
ip addr add 10.1.1.1/24 dev d0; ip link set d0 up; ip neigh add 10.1.1.9 lladdr 02:00:00:00:00:09 dev d0
mount --bind $T/spec/resolv /etc/resolv.conf; exec $DRAY "\$@"' dray "\$@"
END
	chmod +x "$T/dray"
	DRAY=$T/dray held "200 names without an answer" 20 "0 1" "find 'gpu-200.cluster.example': no answer within 3 s" status
	sed -i "s/connect_timeout: 3/connect_timeout: 60/" cluster.yaml
	DRAY=$T/dray interrupted "a name" '' plan
else
	skipped=$((skipped + 1))
	echo "SKIP names: no namespaces"
fi

# ---- the slow ones ------------------------------------------------------------------------------
wait "$slow"
rc=$? why=
cp "$T/slow/out" "$T/out"
[ "$rc" = 1 ] || why="it ended with $rc"
grep -q ' 1 of 6 answer' "$T/out" || why="the good node was not served"
[ "$(grep -c 'timed out after 30 s\|did not start dray.s loop within 30 s\|did not start a shell within 10 s' "$T/out")" = 5 ] || why="not all five are told"
[ "$(cat "$T/slow/most")" -lt 131072 ] || why="it took $(cat "$T/slow/most") KiB"
gone "$T/slow.py" || why="a process is left"
result "five after whom nothing comes" "$why"
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]

# lib.sh - the harness of the end-to-end tests; sourced by run.sh. Each scenario is a
# function that runs in a subshell: it writes specs, calls dray, and looks at the nodes
# by ways of its own. Every apply is followed by a plan that must be empty.
# shellcheck shell=bash disable=SC2016,SC2034

E2E=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
TESTBED=$E2E/../testbed
DRAY=${DRAY:-$E2E/../../build/dray}
# The bed's own helpers: in_node, node_pid, nodes, and where things are.
# shellcheck source=../testbed/lib.sh
. "$TESTBED/lib.sh"

IMAGE1=hub:$HUB_PORT/dray/standin:1 IMAGE2=hub:$HUB_PORT/dray/standin:2
RAW=$HUB/raw/vllm-project/vllm/main/examples/ray_serving/run_cluster.sh
N_PASSED=0 N_FAILED=0 N_SKIPPED=0

# ---- scenarios -----------------------------------------------------------------

# Ends the scenario.
fail() {
	echo "$*" >"$S/why"
	exit 1
}

# scenario NAME FUNCTION: runs it in a subshell with a folder $S for what it leaves.
# What a failed one left on the nodes is cleared away; its folder stays.
scenario() {
	local name=$1 fn=$2 start=${EPOCHREALTIME/./} rc=0 took
	[ -z "${ONLY:-}" ] || [[ $name =~ $ONLY ]] || return 0
	S=$WORK/${fn#t_}
	rm -rf "$S"
	mkdir -p "$S"
	# Not in a condition: that would switch -e off inside.
	(
		set -eEu
		trap '[ -e "$S/why" ] || echo "${FUNCNAME[0]:-} line $LINENO: $BASH_COMMAND" >"$S/why"' ERR
		cd "$S"
		"$fn"
	) >"$S/log" 2>&1
	rc=$?
	took=$(((${EPOCHREALTIME/./} - start) / 100000))
	took=$((took / 10)).$((took % 10))
	if [ $rc = 0 ]; then
		N_PASSED=$((N_PASSED + 1))
		echo "ok $name ($took s)"
	else
		N_FAILED=$((N_FAILED + 1))
		echo "not ok $name: $(cat "$S/why" 2>/dev/null || echo "ended with $rc") ($took s; see $S)"
		tail -n "${TAIL:-25}" "$S/log" | sed 's/^/    /'
		clean # the next one starts from what it makes itself
	fi
	quiet_faults
}

# skip NAME WHY: what can't be run here says so.
skip() {
	N_SKIPPED=$((N_SKIPPED + 1))
	echo "SKIP $1: $2"
}

# ---- the spec ------------------------------------------------------------------

# Everything a scenario changes is a variable; set some, then call spec.
spec_defaults() {
	CLUSTER=e2e NODES='node1 node2 node3' TENSOR=2 PIPELINE='' DATA='' BACKEND=ray SHARED=/srv/shared/e2e
	REPO=dray/tiny REVISION=main TOKEN='' CLIENT='' ENDPOINT=$HUB
	IMAGE=$IMAGE1 LAUNCHER=container URL=$RAW SHA='' ENV='' RUNTIME=docker
	NODE_ENV='' SSH='' PORT=8000 KEY='' PROMPT=hello PROBE_TIMEOUT=5
	read -r LENGTH <"$WORK/length" 2>/dev/null || LENGTH=256
	ARGS="max-model-len: $LENGTH"
}

# other_args: arguments of vllm that no scenario had before. They stay, so that the next
# scenario need not begin with a restart.
other_args() {
	LENGTH=$((LENGTH + 1))
	echo "$LENGTH" >"$WORK/length"
	ARGS="max-model-len: $LENGTH"
	spec
}

# spec: writes cluster.yaml (into the scenario's folder).
spec() {
	local n sha=${SHA:-$(sha256sum <"$HUB_ROOT${RAW#"$HUB"}" | cut -d' ' -f1)}
	local count
	count=$(wc -w <<<"$NODES")
	{
		echo "cluster: $CLUSTER"
		echo "nodes:"
		for n in $NODES; do
			echo "  - host: $n"
			echo "    address: $NET.${n#node}"
			echo "    gpus: 2"
			case $NODE_ENV in "$n "*) echo "    env: {${NODE_ENV#* }}" ;; esac
		done
		echo "ssh: {${SSH:-config: $BED/ssh/config, connect_timeout: 3}}"
		echo "shared_dir: $SHARED"
		echo "model:"
		echo "  repo: $REPO"
		echo "  revision: $REVISION"
		echo "  exclude: [original/*]"
		echo "  endpoint: $ENDPOINT"
		[ -z "$TOKEN" ] || echo "  token: $TOKEN"
		[ -z "$CLIENT" ] || echo "  client: $CLIENT"
		echo "parallelism: {tensor: $TENSOR, pipeline: ${PIPELINE:-$count}${DATA:+, data: $DATA}}"
		echo "engine:"
		case $RUNTIME in
		none) printf '  runtime: none\n  venv: /opt/vllm\n' ;;
		*) printf '  runtime: %s\n  image: %s\n  launcher: %s\n' "$RUNTIME" "$IMAGE" "$LAUNCHER" ;;
		esac
		echo "  backend: $BACKEND"
		[ "$LAUNCHER" != script ] || echo "  script: {url: $URL, sha256: $sha}"
		echo "  env: {RAY_OVERRIDE_RESOURCES: '{\"GPU\":2}'${ENV:+, $ENV}}"
		echo "  args: {$ARGS}"
		echo "serve: {port: $PORT, name: tiny${KEY:+, api_key: $KEY}}"
		echo "probe: {prompt: $PROMPT, max_tokens: 4, timeout: $PROBE_TIMEOUT}"
	} >cluster.yaml
}

# What dray fetched once it does not fetch again; a test of fetching starts without.
forget_fetched() { rm -rf "$WORK/cache"; }

# ---- dray ------------------------------------------------------------------------

# dray ARGS...: runs it; $rc, $out and $err are what it gave. Never fails by itself.
dray() {
	rc=0
	case $1 in apply | destroy) rm -f "$WORK/stands" ;; esac
	XDG_CACHE_HOME=$WORK/cache timeout -k 5 "${LIMIT:-60}" "$DRAY" "$@" >"$S/out" 2>"$S/err" </dev/null || rc=$?
	out=$(cat "$S/out") err=$(cat "$S/err")
	echo "\$ dray $* -> $rc"
	cat "$S/out" "$S/err"
}

# wants CODE: the last dray's exit status.
wants() { [ "$rc" = "$1" ] || fail "dray ended with $rc, not $1"; }

# It failed, before (1) or after (3) it changed anything.
wants_failure() { [ "$rc" = 1 ] || [ "$rc" = 3 ] || fail "dray ended with $rc, not with 1 or 3"; }

# says [-i] TEXT (a basic regular expression): it must be in what dray printed.
says() { grep -q "$@" "$S/out" "$S/err" || fail "dray did not say: $*"; }
not_says() { ! grep -q -- "$1" "$S/out" "$S/err" || fail "dray said: $1"; }

# A second plan finds nothing to do: the rule after every apply.
plan_is_empty() {
	dray plan -detailed-exitcode
	[ "$rc" = 0 ] || fail "the plan after the apply is not empty (exit $rc)"
	cksum <cluster.yaml >"$WORK/stands" # what up() need not apply again
}

# apply [ARGS...]: must converge, and the plan after it must be empty.
apply() {
	dray apply -auto-approve "$@"
	[ "$rc" = 0 ] || fail "apply ended with $rc"
	plan_is_empty
}

# apply_when_free: the same, but a step that outlived its dray may hold the lock a while.
apply_when_free() {
	local end=$((SECONDS + 60))
	dray apply -auto-approve "$@"
	while [ "$rc" = 4 ] && [ $SECONDS -le $end ]; do
		sleep 0.3
		dray apply -auto-approve "$@"
	done
	[ "$rc" = 0 ] || fail "the apply after it ended with $rc"
	plan_is_empty
}

# start ARGS...: dray in the background, its output in bg.out and bg.err, pid in $bg.
start() {
	rm -f "$WORK/stands" "$S/bg.out" "$S/bg.err" # an old word there is not this one's
	set -m # a shell without job control has its children ignore SIGINT
	XDG_CACHE_HOME=$WORK/cache "$DRAY" "$@" >"$S/bg.out" 2>"$S/bg.err" </dev/null &
	bg=$!
	set +m
	echo "\$ dray $* &"
}
# finish: waits for it; its status is in $rc.
finish() {
	local end=$((SECONDS + ${LIMIT:-60}))
	rc=0
	while kill -0 "$bg" 2>/dev/null; do
		[ $SECONDS -le $end ] || { kill -9 "$bg"; fail "dray does not end"; }
		sleep 0.05
	done
	wait "$bg" || rc=$?
	cp "$S/bg.out" "$S/out"
	cp "$S/bg.err" "$S/err"
	echo "-> $rc"
	cat "$S/out" "$S/err"
}

# ---- the nodes -------------------------------------------------------------------

on() { in_node "$@" </dev/null; }
# The command of the scenario's containers.
engine() { [ "${RUNTIME:-docker}" = podman ] && echo podman || echo docker; }

# wait_for SECONDS WHAT CMD...: until CMD succeeds.
wait_for() {
	local end=$((SECONDS + $1)) what=$2
	shift 2
	until "$@" >/dev/null 2>&1; do
		[ $SECONDS -le $end ] || fail "waited in vain for $what"
		sleep 0.05
	done
}

# The identity of what runs, by no help of dray's: a line for each container of ours and
# for the server process (its pid on the node and when it began).
instances() {
	local n
	[ "${RUNTIME:-docker}" != none ] || { processes; return; }
	for n in $(nodes); do
		on "$n" sh -c "$(engine)"' ps --no-trunc --format "{{.Names}} {{.ID}}"
			for p in /proc/[0-9]*; do
				cmd=$(tr "\0" " " <$p/cmdline 2>/dev/null)
				case $cmd in # not this script, which has the words in it too
				vll[m]" serve "* | *"/vll"[m]" serve "*) ;;
				*) continue ;;
				esac
				read -r line <$p/stat && set -- $line && echo "vllm ${p#/proc/}@${22}"
			done | sort -t@ -k2n | head -n 1' 2>/dev/null | sed "s/^/$n /"
	done | sed -E "s/^(node[0-9]+) dray-[a-z0-9]*-(head|worker|rank) /\2[\1] /; s/^node[0-9]+ vllm /serve /" |
		sort
}
# The same without containers: a line for each leader of a session that is Ray or vLLM.
processes() {
	local n
	for n in $(nodes); do
		on "$n" sh -c 'for p in /proc/[0-9]*; do
			read -r line 2>/dev/null <$p/stat || continue
			set -- ${line##*) }
			[ "$4" = "${p#/proc/}" ] || continue
			case $(tr "\0" " " <$p/cmdline 2>/dev/null) in
			"ray start "*" --head "* | *"/ray start "*" --head "*) step="head[$0]" ;;
			"ray start "* | *"/ray start "*) step="worker[$0]" ;;
			"vllm serve "*" mp "* | *"/vllm serve "*" mp "*) step="rank[$0]" ;;
			"vllm serve "* | *"/vllm serve "*) step=serve ;;
			*) continue ;;
			esac
			echo "$step ${p#/proc/}@${20}"
		done' "$n"
	done | sort
}
before() { instances >"$S/before"; echo "before:"; cat "$S/before"; }
after() { instances >"$S/after"; echo "after:"; cat "$S/after"; }
identity() { grep -F "$2 " "$S/$1" || :; }
# same STEP..., differs STEP...: compares before and after; gone STEP...: is not there.
same() {
	local s
	for s; do
		[ -n "$(identity before "$s")" ] || fail "$s was not there before"
		[ "$(identity before "$s")" = "$(identity after "$s")" ] || fail "$s is not the same as before"
	done
}
differs() {
	local s
	for s; do
		[ -n "$(identity after "$s")" ] || fail "$s is not there"
		[ "$(identity before "$s")" != "$(identity after "$s")" ] || fail "$s is still the same"
	done
}
gone() {
	local s
	for s; do [ -z "$(identity after "$s")" ] || fail "$s is still there"; done
}

# No second copy of anything: one container a node, one server process in all. (A request
# in flight is a child of the server with the same name, so it may take a moment.)
one_server() {
	[ "$(on node1 "$(engine)" exec "dray-$CLUSTER-head" sh -c \
		'for p in /proc/[0-9]*; do tr "\0" " " <$p/cmdline; echo; done 2>/dev/null' |
		grep -c '^vllm serve')" = 1 ]
}
one_of_each() {
	local n count
	for n in $NODES; do
		count=$(on "$n" "$(engine)" ps -aq | wc -l)
		[ "$count" = 1 ] || fail "$n has $count containers"
	done
	wait_for 3 "one server process" one_server
}

# It really answers.
chat() {
	curl -fsS -m 5 "http://$NET.1:$PORT/v1/chat/completions" -H 'Content-Type: application/json' \
		${1:+-H "Authorization: Bearer $1"} \
		-d '{"model": "tiny", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 3}' |
		grep -q '"completion_tokens":[1-9]' || fail "no chat completion"
}

# The state of a cluster on a node.
state_of() { on "$1" sh -c "cat /root/.local/state/dray/$CLUSTER/*/steps/* 2>/dev/null"; }
intent() { state_of "$2" | grep '"phase": *"intent"' | grep -qF "\"$1\""; }

# What a test demands of the stand-in: words for all of its processes; see standin.h.
demands() {
	on node1 sh -c "mkdir -p $SHARED/.cache/huggingface && echo '$*' >$SHARED/.cache/huggingface/standin"
}
no_demands() { on node1 rm -f "$SHARED/.cache/huggingface/standin"; }
fault() { curl -fsS -m 5 -d "$1" "$HUB/_fault" || fail "the hub takes no fault"; }
quiet_faults() { curl -fs -m 5 -d clear=1 "$HUB/_fault" || :; }

# Away with all that any test left: containers, records, the shared directory's files.
clean() {
	local n
	for n in $(nodes); do
		on "$n" sh -c 'docker ps -aq | xargs -r docker rm -f >/dev/null
			[ ! -e /var/lib/containers/storage/overlay-containers ] ||
				podman ps -aq | xargs -r podman rm -t 0 -f >/dev/null
			for p in $(grep -ls DRAY_CLUSTER= /proc/[0-9]*/environ); do
				p=${p#/proc/}; kill -9 ${p%/*} 2>/dev/null
			done
			rm -rf /root/.local/state/dray /home/ubuntu/.local/state/dray /tmp/dray*' &
	done
	wait
	rm -rf "$WORK/stands" "${BED:?}"/shared/* "${BED:?}"/small/* "$BED"/shared/.[a-z]*
	mkdir -p "$BED/shared/e2e" "$BED/small/e2e"
	quiet_faults
}

# The start of most scenarios: the plain cluster is up. Cheap when it is already.
up() {
	spec_defaults
	no_demands
	spec
	[ "$(cksum <cluster.yaml)" != "$(cat "$WORK/stands" 2>/dev/null)" ] || return 0
	dray apply -auto-approve
	if [ "$rc" != 0 ]; then # an earlier scenario failed: start anew
		clean
		dray apply -auto-approve
		wants 0
	fi
}
# Nothing is up, nothing is known; the image and the model stay where they are.
down() {
	spec_defaults
	clean
}

# Nothing of the cluster is left on any node: no container, process, record, lock.
nothing_left() {
	local n what
	for n in $(nodes); do
		what=$(on "$n" "$(engine)" ps -aq --filter "label=dray.cluster=$CLUSTER")
		[ -z "$what" ] || fail "$n has containers still: $what"
		what=$(on "$n" sh -c "find /root/.local/state/dray/$CLUSTER /home/ubuntu/.local/state/dray/$CLUSTER 2>/dev/null" || :)
		[ -z "$what" ] || fail "$n has state still: $what"
		what=$(on "$n" sh -c 'cat /proc/[0-9]*/cmdline 2>/dev/null | tr "\0" " " | grep -oE "[v]llm serve|[r]ay start|[h]f download|[r]un_cluster[.]" ' || :)
		[ -z "$what" ] || fail "$n has processes still: $what"
		what=$(on "$n" sh -c 'ls -d /tmp/dray* /tmp/ray 2>/dev/null' || :)
		[ -z "$what" ] || fail "$n has files still: $what"
	done
	what=$(find "$BED/shared" -path '*/.dray/*' -type f)
	[ -z "$what" ] || fail "the shared directory has still: $what"
}

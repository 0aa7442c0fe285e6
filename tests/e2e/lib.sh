# lib.sh - the harness of the end-to-end tests; run.sh sources it. Each scenario is a function
# that runs in a subshell: it writes specs, calls dray, and looks at the nodes in its own
# ways. Every apply is followed by a plan that must be empty.
# shellcheck shell=bash disable=SC2016,SC2034,SC2086,SC2119,SC2120

E2E=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
TESTBED=$E2E/../testbed
DRAY=${DRAY:-$E2E/../../build/dray}
# The bed's own helpers: in_node, node_pid, nodes, and where things are.
# shellcheck source=../testbed/lib.sh
. "$TESTBED/lib.sh"

IMAGE1=hub:$HUB_PORT/dray/standin:1 IMAGE2=hub:$HUB_PORT/dray/standin:2
RAW=$HUB/raw/vllm-project/vllm/main/examples/ray_serving/run_cluster.sh
KEPT=$WORK/bed$NR # what outlives a scenario of this bed
mkdir -p "$KEPT"
N_PASSED=0 N_FAILED=0 N_SKIPPED=0

# ---- scenarios -----------------------------------------------------------------

# nap SECONDS: a sleep that starts no process, since waiting is most of what we do.
exec {NAP}<> <(:)
nap() { read -rt "$1" -u "$NAP" || :; }

# Ends the scenario.
fail() {
	echo "$*" >"$S/why"
	exit 1
}

# scenario NAME FUNCTION: a scenario of `make check`. more NAME FUNCTION: a scenario of
# `make check-more` (TIER=more), which proves the same as another in another environment, or
# takes longer. TIER=all runs both. ONLY=REGEX runs those of both whose names match.
scenario() { run_scenario check "$@"; }
more() { run_scenario more "$@"; }

# run_scenario TIER NAME FUNCTION: run it in a subshell with a folder $S for its files. What a
# failed one left on the nodes is removed; its folder stays.
run_scenario() {
	local name=$2 fn=$3 start=${EPOCHREALTIME/./} rc=0 took
	if [ -n "${ONLY:-}" ]; then
		[[ $name =~ $ONLY ]] || return 0
	else
		case ${TIER:-check} in "$1" | all) ;; *) return 0 ;; esac
	fi
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

# skip NAME WHY: report what cannot run here.
skip() {
	N_SKIPPED=$((N_SKIPPED + 1))
	echo "SKIP $1: $2"
}

# ---- the spec ------------------------------------------------------------------

# Everything a scenario changes is a variable; set some, then call spec. Two nodes are what
# most need; ALL_NODES is for those whose point is a third.
ALL_NODES='node1 node2 node3'
spec_defaults() {
	CLUSTER=e2e NODES='node1 node2' TENSOR=2 PIPELINE='' DATA='' BACKEND=ray SHARED=/srv/shared/e2e LOCAL=''
	REPO=dray/tiny REVISION=main TOKEN='' CLIENT='' ENDPOINT=$HUB
	IMAGE=$IMAGE1 LAUNCHER=container URL=$RAW SHA='' ENV='' RUNTIME=docker
	NODE_ENV='' SSH='' SERVE='' PORT=8000 KEY='' PROMPT=hello PROBE_TIMEOUT=5
	{ read -r LENGTH <"$KEPT/length"; } 2>/dev/null || LENGTH=300
	ARGS="max-model-len: $LENGTH"
}

# other_args: arguments of vllm that no scenario had before. They stay, so that the next
# scenario need not start with a restart.
other_args() {
	LENGTH=$((LENGTH + 1))
	echo "$LENGTH" >"$KEPT/length"
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
		echo "ssh: {${SSH:-config: $BED/ssh/config, connect_timeout: 6}}"
		if [ -n "$LOCAL" ]; then echo "storage: {local: $LOCAL}"; else echo "shared_dir: $SHARED"; fi
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
		echo "serve: {port: $PORT, name: tiny$SERVE${KEY:+, api_key: $KEY}}"
		echo "probe: {prompt: $PROMPT, max_tokens: 4, timeout: $PROBE_TIMEOUT}"
	} >cluster.yaml
}

# What dray fetched once it does not fetch again; a test of fetching starts without.
forget_fetched() { rm -rf "$KEPT/cache"; }

# ---- dray ------------------------------------------------------------------------

# dray ARGS...: runs it; $rc, $out and $err are what it gave. Never fails by itself.
dray() {
	rc=0
	case $1 in apply | destroy) rm -f "$KEPT/stands" ;; esac
	XDG_CACHE_HOME=$KEPT/cache timeout -k 5 "${LIMIT:-300}" "$DRAY" "$@" >"$S/out" 2>"$S/err" </dev/null || rc=$?
	out=$(cat "$S/out") err=$(cat "$S/err")
	echo "\$ dray $* -> $rc"
	cat "$S/out" "$S/err"
}

# wants CODE: the last dray's exit status.
wants() { [ "$rc" = "$1" ] || fail "dray ended with $rc, not $1"; }

# It failed, before (1) or after (3) it changed anything.
wants_failure() { [ "$rc" = 1 ] || [ "$rc" = 3 ] || fail "dray ended with $rc, not with 1 or 3"; }

# says [-i] TEXT (a basic regular expression): dray must have printed it.
says() { grep -q "$@" "$S/out" "$S/err" || fail "dray did not say: $*"; }
not_says() { ! grep -q -- "$1" "$S/out" "$S/err" || fail "dray said: $1"; }

# A second plan finds nothing to do: the rule after every apply.
plan_is_empty() {
	dray plan -detailed-exitcode
	[ "$rc" = 0 ] || fail "the plan after the apply is not empty (exit $rc)"
	cksum <cluster.yaml >"$KEPT/stands" # what up() need not apply again
}

# apply [ARGS...]: must converge, and the plan after it must be empty.
apply() {
	dray apply -auto-approve "$@"
	[ "$rc" = 0 ] || fail "apply ended with $rc"
	plan_is_empty
}

# apply_at_once [ARGS...]: the same right after a dray was killed. A command that changes something
# outlives its dray and holds the lock; here it ends within a minute.
apply_at_once() { apply -lock-timeout 60 "$@"; }

# start ARGS...: dray in the background, its output in bg.out and bg.err, pid in $bg.
start() {
	rm -f "$KEPT/stands" "$S/bg.out" "$S/bg.err" # an old word there is not this one's
	set -m # a shell without job control has its children ignore SIGINT
	XDG_CACHE_HOME=$KEPT/cache "$DRAY" "$@" >"$S/bg.out" 2>"$S/bg.err" </dev/null &
	bg=$!
	set +m
	echo "\$ dray $* &"
}
# finish: waits for it; its status is in $rc.
finish() {
	local end=$((SECONDS + ${LIMIT:-300}))
	rc=0
	while kill -0 "$bg" 2>/dev/null; do
		[ $SECONDS -le $end ] || { kill -9 "$bg"; fail "dray does not end"; }
		nap 0.05
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

# wait_for SECONDS WHAT CMD...: wait until CMD succeeds.
wait_for() {
	local end=$((SECONDS + $1)) what=$2
	shift 2
	until "$@" >/dev/null 2>&1; do
		[ $SECONDS -le $end ] || fail "waited in vain for $what"
		nap 0.1
	done
}

# containers NODE [all]: print "NAME ID CLUSTER" of the running containers, or of all, from
# dockerd's files. dockerd writes them before it answers, and reading them starts no process.
containers() {
	local file text name id cluster
	for file in "$BED/$1"/disk/var/lib/docker/containers/*/config.v2.json; do
		[ -e "$file" ] || continue
		text=
		read -r -d '' text <"$file" || :
		[ "${2:-}" = all ] || [[ $text == *'"Running":true'* ]] || continue
		[[ $text =~ '"Name":"/'([^\"]+) ]] && name=${BASH_REMATCH[1]}
		[[ $text =~ '"ID":"'([0-9a-f]+) ]] && id=${BASH_REMATCH[1]}
		cluster=-
		[[ $text =~ '"dray.cluster":"'([^\"]+) ]] && cluster=${BASH_REMATCH[1]}
		echo "$name $id $cluster"
	done
}
# on_node NODE PATTERN: the machine's pids of the node's processes whose command line matches,
# including those in containers, which share the node's network.
on_node() {
	# shellcheck disable=SC2046
	of_node "$1" $(pgrep -f "$2")
}
# of_node NODE PID...: those of them that are the node's. pgrep reads all processes of the machine,
# so who wants those of every node asks it once.
of_node() {
	local p node found=1
	node=$(node_pid "$1")
	shift
	for p; do
		[ "/proc/$p/ns/net" -ef "/proc/$node/ns/net" ] || continue
		echo "$p"
		found=0
	done
	return $found
}
# began PID: print PID@STARTTIME and its session.
began() {
	local line
	read -r line 2>/dev/null <"/proc/$1/stat" || return
	# shellcheck disable=SC2086
	set -- "$1" ${line##*) }
	echo "$1@${21} $5"
}

# The identity of what runs, without the help of dray: a line for each of our containers and
# for the server process (its pid and start time).
instances() {
	local n p name id servers
	case ${RUNTIME:-docker} in none | apptainer) processes; return ;; esac
	servers=$(pgrep -f '(^|/)vllm serve ') || :
	for n in $(nodes); do
		node_pid "$n" >/dev/null || continue
		if [ "$(engine)" = docker ]; then containers "$n"
		else on "$n" podman ps --no-trunc --format "{{.Names}} {{.ID}}"; fi |
			while read -r name id _; do
				name=${name##*-}
				case $name in head | worker | rank) echo "${name}[$n] $id" ;; esac
			done
		# Running requests are children of the server, with the same command line.
		for p in $(of_node "$n" $servers); do began "$p" || :; done | sort -t@ -k2n | sed -n 's/ .*//; s/^/serve /p; q'
	done | sort
}
# The same without containers: a line for each leader of a session that is Ray or vLLM.
processes() {
	local n p cmd id session pids
	pids=$(pgrep -f '(^|/)(ray start|vllm serve) ') || :
	for n in $(nodes); do
		node_pid "$n" >/dev/null || continue
		for p in $(of_node "$n" $pids); do
			read -r id session < <(began "$p") || continue
			[ "$session" = "$p" ] || continue
			cmd=$(tr '\0' ' ' <"/proc/$p/cmdline") || continue
			case $cmd in
			"ray start "*" --head "* | *"/ray start "*" --head "*) echo "head[$n] $id" ;;
			"ray start "* | *"/ray start "*) echo "worker[$n] $id" ;;
			"vllm serve "*" mp "* | *"/vllm serve "*" mp "*) echo "rank[$n] $id" ;;
			"vllm serve "* | *"/vllm serve "*) echo "serve $id" ;;
			esac
		done
	done | sort
}
before() { instances >"$S/before"; echo "before:"; cat "$S/before"; }
after() { instances >"$S/after"; echo "after:"; cat "$S/after"; }
identity() { grep -F "$2 " "$S/$1" || :; }
# same STEP..., differs STEP...: compare before and after; gone STEP...: it is not there.
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

# No second copy of anything: one container a node, one server process in all. (A running
# request is a child of the server with the same name, so it may take a moment.)
one_server() { [ "$(on_node node1 '^vllm serve ' | wc -l)" = 1 ]; }
one_of_each() {
	local n count
	for n in $NODES; do
		count=$(all_containers "$n" | wc -l)
		[ "$count" = 1 ] || fail "$n has $count containers"
	done
	wait_for 3 "one server process" one_server
}
# all_containers NODE: of the scenario's runtime, those that ended too.
all_containers() {
	if [ "$(engine)" = docker ]; then containers "$1" all; else on "$1" podman ps -aq; fi
}

# kill_worker NODE TITLE: the first process with that title is killed, and the engine does not notice.
kill_worker() {
	local pid
	demands blind
	pid=$(on_node "$1" "^$2" | head -n 1)
	[ -n "$pid" ] || fail "the stand-in is no stand-in: no $2 on $1"
	kill -9 "$pid"
}
# status_says TEXT: dray status does, without a question to the API.
status_says() {
	dray status -no-probe
	[ "$rc" = 1 ] && grep -q "$1" "$S/out"
}

# It really answers.
chat() {
	curl -fsS -m "${CHAT_S:-10}" "http://$NET.1:$PORT/v1/chat/completions" -H 'Content-Type: application/json' \
		${1:+-H "Authorization: Bearer $1"} \
		-d '{"model": "tiny", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 3}' |
		grep -q '"completion_tokens":[1-9]' || fail "no chat completion"
}

# The state of a cluster on a node, for its user root.
state_of() { cat "$BED/$1/disk/root/.local/state/dray/$CLUSTER"/*/steps/* 2>/dev/null; }
# intent STEP NODE: a record there says that the step has begun. It is asked again and again, so it
# starts no process.
intent() {
	local file text
	for file in "$BED/$2/disk/root/.local/state/dray/$CLUSTER"/*/steps/*; do
		text=
		{ read -r -d '' text <"$file"; } 2>/dev/null || :
		[[ ! $text =~ '"phase":'\ *'"intent"' || $text != *"\"$1\""* ]] || return 0
	done
	return 1
}

# What a test demands of the stand-in: words for all its processes; see standin.h.
demands_file() { echo "$BED/${SHARED#/srv/}/.cache/huggingface/standin"; }
demands() {
	local file
	file=$(demands_file)
	mkdir -p "${file%/*}"
	echo "$*" >"$file.new" && mv "$file.new" "$file"
}
no_demands() { rm -f "$(demands_file)"; }
fault() {
	: >"$KEPT/fault"
	curl -fsS -m 5 -d "$1" "$HUB/_fault" || fail "the hub takes no fault"
}
quiet_faults() {
	[ ! -e "$KEPT/fault" ] || curl -fs -m 5 -d clear=1 "$HUB/_fault" || :
	rm -f "$KEPT/fault"
}

# Remove everything that any test left: containers, records, files of the shared directory.
clean() {
	local n
	for n in $(nodes); do
		[ -z "$(containers "$n" all)" ] || on "$n" sh -c 'docker ps -aq | xargs docker rm -f >/dev/null' &
		on "$n" sh -c '[ ! -e /var/lib/containers/storage/overlay-containers ] ||
				podman ps -aq | xargs -r podman rm -t 0 -f >/dev/null
			for p in $(grep -ls DRAY_CLUSTER= /proc/[0-9]*/environ; grep -ls -e "^VLLM::" -e "^ray::" /proc/[0-9]*/cmdline); do
				p=${p#/proc/}; kill -9 ${p%/*} 2>/dev/null
			done
			rm -rf /root/.local/state/dray /home/ubuntu/.local/state/dray /tmp/dray*' &
	done
	wait
	rm -rf "$KEPT/stands" "${BED:?}"/shared/* "${BED:?}"/small/* "$BED"/shared/.[a-z]*
	mkdir -p "$BED/shared/e2e" "$BED/small/e2e"
	quiet_faults
}

# no_images: no node has one. Docker keeps an image that another is built on until that is gone, so it is asked
# more than once.
no_images() {
	local n
	for n in $(nodes); do
		on "$n" sh -c 'for i in 1 2 3; do docker images -q | sort -u | xargs -r docker rmi -f; done >/dev/null 2>&1
			[ -z "$(docker images -q)" ]' || fail "$n keeps images"
	done
}

# The start of most scenarios: the plain cluster is up, over NODES or two of them. Cheap when
# it is already.
up() {
	spec_defaults
	[ $# = 0 ] || NODES=$*
	stands
}
# stands: the cluster of the spec is up, by an apply if it was not known to be.
stands() {
	no_demands
	spec
	[ "$(cksum <cluster.yaml)" != "$(cat "$KEPT/stands" 2>/dev/null)" ] || return 0
	dray apply -auto-approve
	if [ "$rc" != 0 ]; then # an earlier scenario failed: start anew
		clean
		dray apply -auto-approve
		wants 0
	fi
	cksum <cluster.yaml >"$KEPT/stands"
}
# Nothing is up, nothing is known; the image and the model stay where they are.
down() {
	spec_defaults
	clean
}

# Nothing of the cluster is left on any node: no container, process, record, lock.
nothing_left() {
	local n what disk pids
	pids=$(pgrep -f 'vllm serve|ray start|hf download|run_cluster[.]|^VLLM::|^ray::') || :
	for n in $(nodes); do
		disk=$BED/$n/disk
		what=$(containers "$n" all | grep " $CLUSTER$" || :)
		[ "$(engine)" = docker ] || what=$what$(on "$n" podman ps -aq --filter "label=dray.cluster=$CLUSTER")
		[ -z "$what" ] || fail "$n has containers still: $what"
		what=$(find "$disk/root/.local/state/dray/$CLUSTER" "$disk/home/ubuntu/.local/state/dray/$CLUSTER" 2>/dev/null || :)
		[ -z "$what" ] || fail "$n has state still: $what"
		what=$(of_node "$n" $pids || :)
		[ -z "$what" ] || fail "$n has processes still: $what"
		what=$(find "$disk/tmp" -mindepth 1 -maxdepth 1 \( -name 'dray*' -o -name ray \))
		[ -z "$what" ] || fail "$n has files still: $what"
	done
	what=$(find "$BED/shared" -path '*/.dray/*' -type f)
	[ -z "$what" ] || fail "the shared directory has still: $what"
}

# kill_in STEP NODE: start an apply and kill it while the step runs; the next one starts at once.
kill_in() {
	# A wedge for the probe would be seen, and mended, before it.
	start apply -auto-approve ${3:+"$3"}
	if [ "$1" = probe ]; then # leaves no intent
		wait_for 20 "the probe" grep -q '^probe: Running' "$S/bg.out"
	else
		wait_for 20 "the intent of $1" intent "$1" "$2"
	fi
	nap 0.2
	kill -9 "$bg"
	finish
	[ "$rc" = 137 ] || fail "the apply was not killed in $1 but ended with $rc"
	quiet_faults
	no_demands
	apply_at_once
	one_of_each
	chat
}

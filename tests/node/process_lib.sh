# process_lib.sh - for tests of process-up.sh, process-down.sh and what looks at processes (runtime
# none), with a virtual environment whose vllm and ray do as the test says; sourced, behind lib.sh
# shellcheck shell=bash disable=SC2034,SC2154
STATUS=$(text_of ray-status)
PORT=$(($(free_port))) CLUSTER=c$$

# with LIBRARIES NAME ARGS: as node, with state.sh and those scripts before the text.
with() {
	local text name=$2
	# shellcheck disable=SC2086
	text=$(library gpus state whose lockfile $1)$'\n'$(text_of "$2")$'\n'
	shift 2
	text=${text/end_limit=60 /end_limit=5 }
	[ -z "${NAMELESS-}" ] || text=${text//\/etc\/machine-id/$ROOM/machine-id} text=${text//\/var\/lib\/dbus\/machine-id/$ROOM/none}
	[ -z "${EARLIER-}" ] || text=${text/ DRAY_OWNER=\"\$self\"/} # as an earlier version
	# shellcheck disable=SC2086
	PATH=$ROOM/bin:$PATH $SH -c "$text" "$name" "$@" >"$ROOM/out" 2>"$ROOM/err" 3>"$ROOM/said"
	rc=$?
	out=$(<"$ROOM/out") err=$(<"$ROOM/err") said=$(<"$ROOM/said")
}
program() { # NAME, its text on stdin
	mkdir -p "$ROOM/venv/bin"
	{ echo '#!/bin/sh'; cat; } >"$ROOM/venv/bin/$1"
	chmod +x "$ROOM/venv/bin/$1"
}
up() { # STEP READY key|no STALL COMMAND...
	local step=$1 ready=$2 key=$3 stall=$4 group=
	shift 4
	case $step in rank*) group=yes ;; esac
	with 'process serve-log vllm' process-up cluster=$CLUSTER step="$step" venv="$ROOM/venv" ready="$ready" \
		group=$group key="${key#no}" bind=0.0.0.0 port=$PORT stall="$stall" inputs='{"a":"b\\c"}' \
		await="${AWAIT-}" -- 'HF_HOME=/x y' B=2 -- "$@"
}
down() { # STEP [NODE]
	with 'process end-of-file keep gpus vllm' process-down cluster=$CLUSTER step="$1" node="${2-}" \
		former="${FORMER:-/tmp/none}" venv="$ROOM/venv" status_sh="$STATUS" lines=5000 bytes=100000 </dev/null
}
# The files of a step, and what is left of its processes.
at() { echo "$ROOM"/state/dray/$CLUSTER/*/run/"$1"; }
left() { pgrep -f "[m]arker-$$"; }
# many N: wait for a while until N are left: the last one may still be ending.
many() {
	local n
	for _ in {1..300}; do
		n=$(left | wc -l)
		[ "$n" != "$1" ] || break
		sleep 0.2
	done
	echo "$n"
}
observed() {
	with 'net container-look gpus-look process model-look named-look files-look' observe cluster=$CLUSTER ports="${1-}" head=dray-$CLUSTER-head runtime=none \
		venv="$ROOM/venv" package=vllm needs=ray </dev/null
}

# lib.sh - for tests of the node side: the scripts of planner/kinds under each shell of
# $SHELLS, in a folder of their own, with a docker that does as the test says; sourced
# shellcheck shell=bash
set -u
TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
KINDS=$TOP/planner/kinds
passed=0 failed=0 skipped=0
ROOM=$(mktemp -d)
trap 'rm -rf "$ROOM"' EXIT

# The shells that a node's sh may be.
SHELLS=()
for s in dash bash "busybox ash"; do
	if command -v "${s%% *}" >/dev/null; then SHELLS+=("$s")
	else skipped=$((skipped + 1)); echo "SKIP $s: it is not installed"; fi
done

# fresh: an empty home, shared directory and docker.
fresh() {
	rm -rf "${ROOM:?}"/*
	mkdir -p "$ROOM/home" "$ROOM/shared" "$ROOM/bin" "$ROOM/docker"
	export HOME=$ROOM/home XDG_STATE_HOME=$ROOM/state DOCKER_ROOM=$ROOM/docker
	cp "$TOP/tests/node/docker" "$ROOM/bin/docker"
}

# node NAME ARGS: runs planner/kinds/NAME.sh as the shell loop does: its text, fd 3 and
# stdin from the caller. Time goes faster: who counts naps gives up sooner. Leaves $out,
# $err, $said, $rc.
# As dray does, it puts the libraries of a script before it.
node() {
	local name=$1 libraries=''
	shift
	case $name in
	observe) libraries=$(cat "$KINDS/net.sh" "$KINDS/state.sh" "$KINDS/process.sh") ;;
	record | members | image-look | rank-down | ray-up) libraries=$(cat "$KINDS/state.sh") ;;
	serve-up | rank-up) libraries=$(cat "$KINDS/serve-log.sh") ;;
	esac
	# shellcheck disable=SC2086
	PATH=$ROOM/bin:$PATH $SH -c "sleep() { /bin/sleep 0.05; }
$libraries
$(cat "$KINDS/$name.sh")" "$name" "$@" \
		>"$ROOM/out" 2>"$ROOM/err" 3>"$ROOM/said"
	rc=$?
	out=$(cat "$ROOM/out") err=$(cat "$ROOM/err") said=$(cat "$ROOM/said")
}

# is WHAT CONDITION...: one check.
is() {
	local what=$1
	shift
	if "$@"; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		echo "not ok ${0##*/} $SH: $what"
		printf '   rc=%s\n' "${rc-}"
		printf '%s\n' "${out-}" "${err-}" "${said-}" | head -n 20 | sed 's/^/   | /'
	fi
}
has() { [[ $1 == *"$2"* ]]; }
lacks() { [[ $1 != *"$2"* ]]; }

# each TEST...: every test under every shell.
each() {
	local t
	for SH in "${SHELLS[@]}"; do
		for t; do
			fresh
			"$t"
		done
	done
	printf '%s: %d passed, %d failed, %d skipped\n' "$(basename "$0" .sh)" $passed $failed $skipped
	[ $failed = 0 ]
}

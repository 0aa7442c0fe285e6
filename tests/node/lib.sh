# lib.sh - for tests of the node side: the scripts of planner/steps under each shell of
# $SHELLS, in a folder of their own, with a docker that does as the test says; sourced
# shellcheck shell=bash
set -u
TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
passed=0 failed=0 skipped=0
ROOM=$(mktemp -d)
chmod 755 "$ROOM"
trap 'rm -rf "$ROOM"' EXIT

# The shells that a node's sh may be; $ONLY_SHELL restricts a run to one of them.
SHELLS=()
for s in dash bash "busybox ash"; do
	if command -v "${s%% *}" >/dev/null; then SHELLS+=("$s")
	else skipped=$((skipped + 1)); echo "SKIP $s: it is not installed"; fi
done
[ -z "${ONLY_SHELL-}" ] || SHELLS=("$ONLY_SHELL")

# shellcheck disable=SC2034
ME=$EUID@$ROOM/state/dray # the owner of what is made here

# fresh: an empty home, shared directory and docker.
fresh() {
	rm -rf "${ROOM:?}"/*
	mkdir -p "$ROOM/home" "$ROOM/shared" "$ROOM/bin" "$ROOM/docker"
	mkdir -m 1777 "$ROOM/locks"
	export HOME=$ROOM/home XDG_STATE_HOME=$ROOM/state DOCKER_ROOM=$ROOM/docker
	cp "$TOP/tests/node/docker" "$ROOM/bin/docker"
}

[ -s "$TOP/${B:-build}/gen/limits.txt" ] || make -s -C "$TOP" "${B:-build}/gen/limits.txt" || exit 1
# read_script FILE: its text, behind the limits that it names, as the build makes it.
read_script() {
	awk -f "$TOP/planner/base/limits.awk" "$TOP/${B:-build}/gen/limits.txt" "$1"
	cat "$1"
}
# Where the scripts lie, and their texts: read once, since they are needed thousands of times. run.sh
# has them read for all files: each takes two processes.
declare -A PLACES TEXTS
if [ -s "${NODE_TEXTS-}" ]; then
	# shellcheck source=/dev/null
	. "$NODE_TEXTS"
else
	while read -r s; do
		name=${s##*/} name=${name%.sh}
		PLACES[$name]=$s TEXTS[$name]=$(read_script "$s")
	done < <(find "$TOP/planner" -name '*.sh')
fi
# script_of NAME: where that script lies; in $ROOM/scripts, where the test has one of its own.
script_of() {
	if [ -e "$ROOM/scripts/$1.sh" ]; then echo "$ROOM/scripts/$1.sh"; else echo "${PLACES[$1]}"; fi
}
# text_of NAME: its text as the build makes it, with args.sh before it where it calls that.
text_of() {
	local text=${TEXTS[$1]-}
	[ ! -e "$ROOM/scripts/$1.sh" ] || text=$(read_script "$ROOM/scripts/$1.sh")
	[[ $'\n'$text != *$'\nargs '* ]] || printf '%s\n' "${TEXTS[args]}"
	printf '%s\n' "$text"
}
# library NAME...: their texts. Locks lie in a place of the test's own.
library() {
	local lib
	for lib; do
		if [ "$lib" = lockfile ]; then
			sed "s|^lock_places=.*|lock_places=$ROOM/locks|" "${PLACES[$lib]}"
		elif [ -e "$ROOM/scripts/$lib.sh" ]; then
			read_script "$ROOM/scripts/$lib.sh"
		else
			printf '%s\n' "${TEXTS[$lib]}"
		fi
		echo
	done
}

# node NAME ARGS: runs planner/steps/NAME.sh as the shell loop does: its text, fd 3 and
# stdin from the caller. Time goes faster: who counts naps gives up sooner. Leaves $out,
# $err, $said, $rc.
# As dray does, it puts the libraries of a script before it. LIMIT is the seconds that docker
# may take, NAP those of a sleep,
# BEFORE text that comes first.
node() {
	local name=$1 libraries='' soon=''
	[ -z "${LIMIT-}" ] || soon="limit_of() { limit=$LIMIT; }"
	shift
	case $name in
	observe) libraries=$(library net archive container-look gpus-look state whose lockfile process model-look named-look files-look sif-look) ;;
	sif-up | sif-copy) libraries=$(library sif-look) ;;
	put-record | put-bench | image-observe) libraries=$(library state) ;;
	image-up | prune) libraries=$(library state) ;;
	image-load) libraries=$(library archive state image-wait) ;;
	image-pack) libraries=$(library image-wait) ;;
	image-copy) libraries=$(library state image-wait) ;;
	options-try) libraries=$(library state vllm) ;;
	bench-run) libraries=$(library vllm-bench) ;;
	command-up | command-down) libraries=$(library state noted) ;;
	print-history | files-*) libraries=$(library state) ;;
	put-members) libraries=$(library state downloading lockfile) ;;
	container-diagnose) libraries=$(library end-of-file) ;;
	container-down) libraries=$(library state whose keep) ;;
	download-*) libraries=$(library state whose downloading) ;;
	join-up) libraries=$(library state whose vllm container-up) ;;
	rank-down) libraries=$(library state whose gpus) ;;
	serve-down) libraries=$(library state whose keep gpus vllm) ;;
	weights-take) libraries=$(library state) ;;
	weights-give | weights-send) libraries=$(library giving) ;;
	kept-logs) libraries=$(library state keep) ;;
	serve-up) libraries=$(library state whose serve-log vllm) ;;
	rank-up) libraries=$(library state whose serve-log vllm container-up) ;;
	esac
	case $name in
	*image* | prune | join* | ray* | rank* | serve* | download* | container* | transport | bench-run | options-try)
		libraries="${TEXTS[bounded]}
${TEXTS[docker]}
$soon
$libraries"
		;;
	esac
	# shellcheck disable=SC2086
	PATH=$ROOM/bin:$PATH $SH -c "${BEFORE-}
sleep() { /bin/sleep ${NAP:-0.05}; }
$libraries
$(text_of "$name")" "$name" "$@" \
		>"$ROOM/out" 2>"$ROOM/err" 3>"$ROOM/said"
	rc=$?
	out=$(<"$ROOM/out") err=$(<"$ROOM/err") said=$(<"$ROOM/said")
}

# free_port: one of 127.0.0.1 where nobody listens, below those that clients are lent.
free_port() {
	local port=$((20000 + RANDOM % 10000))
	while (: <>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do port=$((port + 1)); done
	echo "$port"
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
		printf '%s\n' "${out-}" "${err-}" "${said-}" | head -n "${SHOWN:-20}" | sed 's/^/   | /'
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

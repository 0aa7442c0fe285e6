#!/bin/bash
# run.sh [FILE...] - the end-to-end tests with the stand-in engine, three hosts to a test
# bed. They mostly wait, so several beds are up at a time (BEDS, 3 without it); each takes
# the next file when it is done with one, and a file's lines are printed together. The second
# line of a file says how long all of it takes, and whether it begins with the plain cluster, and
# ends with it. A bed brings that up once for all such files, so they come first. The longest come
# first otherwise.
# TIER=more runs those of `make check-more`, TIER=all runs all. ONLY=REGEX runs the scenarios
# of that name, of either tier; KEEP=1 leaves the bed up (it is one then). DRAY_BED_NR is the
# first bed's number. What a scenario left is in $B/e2e/NAME.
set -u
cd "$(dirname "$0")/../.." || exit 1
case ${B:=build} in /*) WORK=$B/e2e ;; *) WORK=$PWD/$B/e2e ;; esac
mkdir -p "$WORK"

cant() {
	echo "SKIP e2e: $1"
	echo "0 passed, 0 failed, 1 skipped"
	exit 0
}
[ "$(id -u)" = 0 ] || cant "the test bed needs root"
for tool in dockerd sshd ip nsenter curl python3 busybox gcc; do
	PATH=$PATH:/usr/sbin command -v $tool >/dev/null || cant "no $tool (make deps)"
done

start=$SECONDS
exec 6>"$WORK/user"
flock -n 6 || { echo "not ok $WORK is free: another run.sh uses it"; echo "0 passed, 1 failed"; exit 1; }
[ $# -gt 0 ] || set -- tests/e2e/[0-9]*.sh
beds=${BEDS:-3}
[ -z "${KEEP:-}" ] || beds=1
[ "$beds" -le $# ] || beds=$#
first=${DRAY_BED_NR:-0} last=$((${DRAY_BED_NR:-0} + beds - 1))
for f; do
	[ -r "$f" ] || { echo "not ok $f: there is no such file"; echo "0 passed, 1 failed"; exit 1; }
done
# What is still to be done, in the order that the files' second lines ask for.
for f; do
	{ read -r _ && read -r line; } <"$f"
	case $line in *'from the plain cluster to it.') order=1 ;; *'from the plain cluster.') order=2 ;; *) order=3 ;; esac
	took=${line#'# Takes '}
	echo "$order ${took%% *} $f"
done | sort -k1,1n -k2,2nr | cut -d' ' -f3 >"$WORK/todo"
rm -f "$WORK"/counts.* "$WORK"/ours.*

# next: the next file to do; false when there is none.
next() {
	flock 7
	read -r f <"$WORK/todo" && sed -i 1d "$WORK/todo"
	local rc=$?
	flock -u 7
	return $rc
}

# bed NUMBER: the bed of that number, and all that it does.
bed() {
	local f up=$WORK/up$1.log
	exec 6>&- # what a bed leaves running does not hold it
	exec 7>"$WORK/lock" # for the list of files, and for what is printed
	export DRAY_BED_NR=$1
	[ -z "${DRAY_BED:-}" ] || [ "$1" = "$first" ] || export DRAY_BED=$DRAY_BED$1
	# shellcheck source=../testbed/lib.sh
	TESTBED=$PWD/tests/testbed && . tests/testbed/lib.sh
	use_bed || { echo "not ok bed $1 is free"; echo "0 1 0" >"$WORK/counts.$1"; return; }
	: >"$WORK/ours.$1" # it is ours now
	if ! tests/testbed/up.sh 3 standin >"$up" 2>&1 7>&-; then
		flock 7
		cat "$up"
		echo "not ok bed $1 comes up"
		echo "0 1 0" >"$WORK/counts.$1"
		tests/testbed/down.sh 7>&-
		return
	fi
	# What is in it depends on the bed that is up.
	# shellcheck source=lib.sh
	. tests/e2e/lib.sh
	rm -f "$KEPT/length" "$KEPT/stands" # of an earlier run
	if [ -n "${KEEP:-}" ]; then # the images of an earlier run
		for n in $(nodes); do on "$n" sh -c 'docker images -q | xargs -r docker rmi -f'; done >/dev/null 2>&1
		clean
	fi
	while next; do
		{
			local began=$SECONDS
			echo "-- ${f##*/}, in bed $1"
			# shellcheck disable=SC1090
			. "$f"
			echo "-- ${f##*/} took $((SECONDS - began)) s"
		} >"$WORK/out.$1" 2>&1
		flock 7
		cat "$WORK/out.$1"
		flock -u 7
	done
	if [ -z "${KEEP:-}" ]; then
		tests/testbed/down.sh 7>&-
		if left=$(tests/testbed/check-clean.sh); then
			N_PASSED=$((N_PASSED + 1))
			echo "ok bed $1 leaves nothing on the machine"
		else
			N_FAILED=$((N_FAILED + 1))
			echo "not ok bed $1 leaves nothing on the machine: $left"
		fi
	fi
	echo "$N_PASSED $N_FAILED $N_SKIPPED" >"$WORK/counts.$1"
	rm "$WORK/ours.$1"
}

# Every bed is a process group of its own, so that all of it can be ended.
set -m
pids=
for ((i = first; i <= last; i++)); do
	bed $i &
	pids="$pids $!"
done
set +m
beds_down() {
	for p in $pids; do kill -TERM -- "-$p"; done
	[ -z "${KEEP:-}" ] || return
	for ((i = first; i <= last; i++)); do
		[ -e "$WORK/ours.$i" ] || continue
		(
			[ -z "${DRAY_BED:-}" ] || [ "$i" = "$first" ] || DRAY_BED=$DRAY_BED$i
			DRAY_BED_NR=$i tests/testbed/down.sh
		)
	done
}
trap 'beds_down; exit 130' INT TERM
# shellcheck disable=SC2086
wait $pids
read -r passed failed skipped < <(cat "$WORK"/counts.* | awk '{ p += $1; f += $2; s += $3 } END { print p + 0, f + 0, s + 0 }')
for ((i = first; i <= last; i++)); do
	[ -e "$WORK/counts.$i" ] || { failed=$((failed + 1)); echo "not ok bed $i came to its end"; }
done
echo "e2e took $((SECONDS - start)) s"
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]

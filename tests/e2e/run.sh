#!/bin/bash
# run.sh [FILE...] - the end-to-end tests with the stand-in engine on three hosts of the
# test bed. ONLY=REGEX runs the scenarios of that name; KEEP=1 leaves the bed up.
# What a scenario left is in $B/e2e/NAME.
set -u
cd "$(dirname "$0")/../.." || exit 1
case ${B:=build} in /*) WORK=$B/e2e ;; *) WORK=$PWD/$B/e2e ;; esac
export DRAY_BED=${DRAY_BED:-${TMPDIR:-/tmp}/dray-bed}
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

# One bed on a machine at a time: wait for whoever has it.
exec 8>/run/lock/dray-bed.user
flock -n 8 || { echo "waiting for another user of the test bed"; flock -w 900 8 || cant "the test bed is busy"; }

bed_down() {
	[ -n "${KEEP:-}" ] || tests/testbed/down.sh
}
trap 'bed_down; exit 130' INT TERM
start=$SECONDS
if ! tests/testbed/up.sh 3 standin >"$WORK/up.log" 2>&1; then
	cat "$WORK/up.log"
	echo "not ok the bed comes up"
	echo "0 passed, 1 failed"
	exit 1
fi
# shellcheck source=lib.sh
. tests/e2e/lib.sh
for n in $(nodes); do # the images of an earlier run with KEEP
	in_node "$n" sh -c 'docker images -q | xargs -r docker rmi -f' >/dev/null 2>&1 </dev/null
done
rm -f "$WORK/length"
clean
[ $# -gt 0 ] || set -- tests/e2e/[0-9]*.sh
for f; do
	# shellcheck disable=SC1090
	. "$f"
done
clean
if [ -z "${KEEP:-}" ]; then
	bed_down
	if left=$(tests/testbed/check-clean.sh); then
		N_PASSED=$((N_PASSED + 1))
		echo "ok the bed leaves nothing on the machine"
	else
		N_FAILED=$((N_FAILED + 1))
		echo "not ok the bed leaves nothing on the machine: $left"
	fi
fi
echo "e2e took $((SECONDS - start)) s"
echo "$N_PASSED passed, $N_FAILED failed, $N_SKIPPED skipped"
[ "$N_FAILED" = 0 ]

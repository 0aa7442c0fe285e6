#!/bin/bash
# run.sh - the demo with the real engine and with assertions: two hosts, real hf,
# run_cluster.sh, Ray and vLLM (CPU build), a tiny model; with both launchers, without Ray,
# without containers, and on one machine without root. Layouts are chosen by `parallelism:
# auto`, except for launcher script, which uses the demo's own spec. Prints at its end how long
# faults take until they are noticed, and until it serves again. ONLY=REGEX, KEEP=1 and
# the files that are left are as in tests/e2e/run.sh.
# shellcheck disable=SC2016,SC2034,SC2119
set -u
cd "$(dirname "$0")/../.." || exit 1
case ${B:=build} in /*) WORK=$B/engine ;; *) WORK=$PWD/$B/engine ;; esac
mkdir -p "$WORK"

cant() {
	echo "SKIP engine: $1"
	echo "0 passed, 0 failed, 1 skipped"
	exit 0
}
[ "$(id -u)" = 0 ] || cant "the test bed needs root"
for tool in dockerd sshd ip nsenter curl python3 debootstrap gcc; do
	PATH=$PATH:/usr/sbin command -v $tool >/dev/null || cant "no $tool (make deps)"
done
# shellcheck source=../testbed/lib.sh
TESTBED=$PWD/tests/testbed && . tests/testbed/lib.sh
use_bed || cant "the test bed is busy"

bed_down() { [ -n "${KEEP:-}" ] || tests/testbed/down.sh; }
trap 'bed_down; exit 130' INT TERM
start=$SECONDS
if ! tests/testbed/up.sh 2 real >"$WORK/up.log" 2>&1; then
	tail -n 5 "$WORK/up.log"
	bed_down
	cant "the real engine could not be installed (no registry?); see $WORK/up.log"
fi
echo "the bed is up after $((SECONDS - start)) s"
# shellcheck disable=SC2034
CHAT_S=60 # the real engine on a loaded machine
# shellcheck source=../e2e/lib.sh
. tests/e2e/lib.sh
ROOT=$PWD CLIENT=$CACHE/raw/vllm-project/vllm/main/examples/basic/online_serving/openai_chat_completion_client.py

# shellcheck source=lib.sh
. tests/engine/lib.sh

rm -f "$WORK/faults"
clean
# shellcheck disable=SC1090
for f in tests/engine/[0-9]*.sh; do
	. "$f"
done
clean
if [ -z "${KEEP:-}" ]; then
	bed_down
	tests/testbed/check-clean.sh || N_FAILED=$((N_FAILED + 1))
fi
if [ -s "$WORK/faults" ]; then
	printf '%-40s %10s %14s\n' FAULT NOTICED 'SERVES AGAIN'
	cat "$WORK/faults"
fi
echo "engine took $((SECONDS - start)) s"
echo "$N_PASSED passed, $N_FAILED failed, $N_SKIPPED skipped"
[ "$N_FAILED" = 0 ]

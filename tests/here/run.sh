#!/bin/bash
# run.sh [REGEX] - whole commands on this machine, which is the only node (executor: local,
# runtime: none), with the stand-in engine. Needs neither root nor a test bed. TIER=more runs those of
# `make check-more`, TIER=all runs all. REGEX: only tests of that name, of either tier. Ends with a
# counting line.
set -u
cd "$(dirname "$0")/../.." || exit 1
tests=$PWD/tests
DRAY=${DRAY:-$PWD/build/dray}
# shellcheck source=lib.sh
. "$tests/here/lib.sh"
# shellcheck disable=SC1090,SC2154
for f in "$tests"/here/[0-9]*.sh; do
	. "$f"
done
if [ -n "${SOAK-}" ]; then
	# shellcheck source=../soak.sh
	. "$tests/soak.sh"
	check "soak: a busy engine is not one that hangs" t_soak
fi
echo "here: $passed passed, $failed failed"
[ "$failed" = 0 ]

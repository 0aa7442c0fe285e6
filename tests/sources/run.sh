#!/bin/bash
# run.sh [REGEX] - models that are not on the Hub, from their servers to the stand-in engine: this
# machine is the only node (executor: local, runtime: none). Needs no root. REGEX: only tests of that
# name. Ends with a counting line.
set -u
cd "$(dirname "$0")/../.." || exit 1
tests=$PWD/tests
DRAY=${DRAY:-$PWD/build/dray}
# shellcheck source=lib.sh
. "$tests/sources/lib.sh"
# shellcheck disable=SC1090,SC2154
for f in "$tests"/sources/[0-9]*.sh; do
	. "$f"
done
echo "sources: $passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]

#!/bin/bash
# run.sh - every test of the node side, a few seconds in all
cd "$(dirname "$0")" || exit 1
passed=0 failed=0 skipped=0
for t in *_test.sh; do
	line=$(bash "$t" | tee /dev/stderr | tail -n 1)
	[[ $line =~ ^[a-z_]+:\ ([0-9]+)\ passed,\ ([0-9]+)\ failed,\ ([0-9]+)\ skipped ]] || {
		echo "not ok $t: it did not say what it tested"
		failed=$((failed + 1))
		continue
	}
	passed=$((passed + BASH_REMATCH[1])) failed=$((failed + BASH_REMATCH[2]))
	skipped=$((skipped + BASH_REMATCH[3]))
done 2>&1
echo "$passed passed, $failed failed, $skipped skipped"
[ $failed = 0 ]

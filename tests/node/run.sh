#!/bin/bash
# run.sh - every test of the node side at once, some seconds in all
cd "$(dirname "$0")" || exit 1
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
for t in *_test.sh; do
	bash "$t" >"$out/$t" 2>&1 &
done
wait
passed=0 failed=0 skipped=0
for t in *_test.sh; do
	cat "$out/$t"
	line=$(tail -n 1 "$out/$t")
	if [[ $line =~ ^[a-z_]+:\ ([0-9]+)\ passed,\ ([0-9]+)\ failed,\ ([0-9]+)\ skipped ]]; then
		passed=$((passed + BASH_REMATCH[1])) failed=$((failed + BASH_REMATCH[2]))
		skipped=$((skipped + BASH_REMATCH[3]))
	else
		echo "not ok $t: it did not say what it tested"
		failed=$((failed + 1))
	fi
done
echo "$passed passed, $failed failed, $skipped skipped"
[ $failed = 0 ]

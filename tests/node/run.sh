#!/bin/bash
# run.sh [FILE...] - the tests of the node side, four files at a time, the longest first
cd "$(dirname "$0")" || exit 1
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
[ $# -gt 0 ] || set -- docker_test.sh process_test.sh discover_test.sh *_test.sh
files=$(printf '%s\n' "${@##*/}" | awk '!seen[$0]++')
# shellcheck disable=SC2016
xargs -P 4 -I '{}' sh -c 'bash "./$2" >"$1/$2" 2>&1' node "$out" '{}' <<<"$files"
passed=0 failed=0 skipped=0
for t in $files; do
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

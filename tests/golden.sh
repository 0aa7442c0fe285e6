#!/bin/bash
# golden.sh [NAME...] - runs the golden cases: each folder tests/golden/NAME has a `cmd`
# (shell, with `dray` as a command), the files it needs, and what must come of it in
# `expected`: stdout and stderr as they came, then the exit code. UPDATE=1 rewrites
# `expected`; read the diff. A case runs in a copy outside of any git checkout.
set -u
cd "$(dirname "$0")/golden" || exit 1
DRAY=${DRAY:-$(cd ../.. && pwd)/build/dray}
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
mkdir "$tmp/bin" "$tmp/home"
ln -s "$DRAY" "$tmp/bin/dray"
passed=0 failed=0

# What differs from run to run has no place in a golden file.
settle() { sed -E "s#$tmp/[a-z]+#TMP#g; s/observed in [0-9.]+ s/observed in 0.00 s/"; }

# case_run NAME: its output on stdout.
case_run() {
	rm -rf "$tmp/case" && cp -r "$1" "$tmp/case" && rm -f "$tmp/case/expected"
	(cd "$tmp/case" && exec env -i PATH="$tmp/bin:/usr/bin:/bin" HOME="$tmp/home" LC_ALL=C \
		TERM=dumb TMPDIR="$tmp" sh ./cmd) 2>&1 </dev/null
	echo "exit $?"
}

for name in "${@:-*}"; do
	for dir in $name; do
		if [ ! -f "$dir/cmd" ]; then
			echo "not ok golden $dir: it has no cmd"
			failed=$((failed + 1))
			continue
		fi
		case_run "$dir" | settle >"$tmp/got"
		if [ -n "${UPDATE:-}" ]; then
			cp "$tmp/got" "$dir/expected"
		fi
		if [ -f "$dir/expected" ] && diff -u "$dir/expected" "$tmp/got" >"$tmp/diff"; then
			passed=$((passed + 1))
		else
			failed=$((failed + 1))
			echo "not ok golden $dir"
			cat "$tmp/diff" 2>/dev/null
		fi
	done
done
echo "golden: $passed passed, $failed failed"
[ "$failed" = 0 ]

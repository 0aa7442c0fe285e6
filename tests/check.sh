#!/bin/bash
# check.sh [PART...] - runs the parts of `make check` and adds up what they report.
# Parts: unit golden docs lint lua node bundle ssh e2e (all of them without an argument), valgrind.
# A part prints its own lines and ends with "N passed, N failed[, N skipped]".
set -u
cd "$(dirname "$0")/.." || exit 1
B=${B:-build} DRAY=${DRAY:-$PWD/build/dray}
export DRAY B
passed=0 failed=0 skipped=0 start=$SECONDS
log=$(mktemp)
trap 'rm -f "$log"' EXIT

# ok NAME / bad NAME [FILE]: one check of this script itself.
ok() { passed=$((passed + 1)); echo "ok $1"; }
bad() { failed=$((failed + 1)); echo "not ok $1"; [ $# -lt 2 ] || cat "$2"; }
skip() { skipped=$((skipped + 1)); echo "SKIP $1: $2"; }

# counted NAME COMMAND...: a test program that ends with a counting line.
counted() {
	local name=$1 line rc n
	shift
	echo "== $name"
	"$@" 2>&1 | tee "$log"
	rc=${PIPESTATUS[0]}
	line=$(grep -E '^([a-z0-9-]+: )?[0-9]+ passed, [0-9]+ failed' "$log" | tail -n 1)
	[ -n "$line" ] || { bad "$name: it did not say what it tested (exit $rc)"; return; }
	n=$(grep -oE '[0-9]+ passed' <<<"$line"); passed=$((passed + ${n% *}))
	n=$(grep -oE '[0-9]+ failed' <<<"$line"); failed=$((failed + ${n% *}))
	n=$(grep -oE '[0-9]+ skipped' <<<"$line"); [ -z "$n" ] || skipped=$((skipped + ${n% *}))
	[ "$rc" = 0 ] || [[ $line =~ [1-9][0-9]*\ failed ]] || bad "$name: exit $rc"
}

unit() {
	local t n
	for t in "$B"/tests/unit/*_test; do
		if "$t" >"$log" 2>&1; then
			n=$(awk '/\[  PASSED  \] [0-9]+/ { n += $4 } END { print n + 0 }' "$log")
			passed=$((passed + n))
			echo "ok ${t##*/} ($n)"
		else
			bad "${t##*/}" "$log"
		fi
	done
}

# Tests that start programs need pidfd_open(), which an older valgrind does not know.
valgrind_() {
	local t
	for t in "$B"/tests/unit/*_test; do
		if SLOW=5 valgrind -q --error-exitcode=9 --leak-check=full --errors-for-leak-kinds=definite \
			"$t" >"$log" 2>&1; then ok "valgrind ${t##*/}"
		elif grep -q 'unhandled amd64-linux syscall: 434$' "$log"; then
			skip "valgrind ${t##*/}" "this valgrind has no pidfd_open()"
		else bad "valgrind ${t##*/}" "$log"; fi
	done
}

# The pages in docs/ and the text of README say what the binary says.
docs() {
	local f
	for f in 'spec.md:schema -format markdown' 'dray.schema.json:schema' 'commands.md:help -format markdown' \
		'lua-api.md:hooks api' 'dray.lua:hooks api -format luals'; do
		# shellcheck disable=SC2086
		if "$DRAY" ${f#*:} | diff -u "docs/${f%%:*}" - >"$log"; then ok "docs/${f%%:*} is as the binary says"
		else bad "docs/${f%%:*} is old: run 'make docs'" "$log"; fi
	done
	(cd tests/golden/discover-rdma && "$DRAY" discover -facts facts -json) | grep -oE '^ *"[a-z_]+":' |
		grep -oE '[a-z_]+' | sort -u | while read -r f; do grep -q "\`$f\`" docs/discover.md || echo "$f"; done >"$log"
	if [ -s "$log" ]; then bad "keys that docs/discover.md does not list" "$log"
	else ok "docs/discover.md lists all keys"; fi
	cat tests/golden/*/expected | grep '^{"@level"' | grep -oE '"[a-z_]+":' | grep -oE '[a-z_]+' | sort -u |
		while read -r f; do grep -qE "\`([a-z]+\.)?$f\`" docs/json.md || echo "$f"; done >"$log"
	if [ -s "$log" ]; then bad "keys that docs/json.md does not list" "$log"
	else ok "docs/json.md lists all keys"; fi
	for f in examples/*.yaml; do
		if HF_TOKEN=x "$DRAY" validate -f "$f" >"$log" 2>&1; then ok "$f is valid"; else bad "$f" "$log"; fi
		if grep -q "${f##*/}" README.md; then ok "README lists $f"; else bad "README does not list $f"; fi
	done
	if command -v scdoc >/dev/null; then
		if "$DRAY" help -format scdoc | scdoc >/dev/null 2>"$log"; then ok "dray(1)"; else bad "dray(1)" "$log"; fi
		if "$DRAY" schema -format scdoc | scdoc >/dev/null 2>"$log"; then ok "dray.yaml(5)"; else bad "dray.yaml(5)" "$log"; fi
	else
		skip "manual pages" "scdoc is not installed"
	fi
}

lint() {
	if command -v shellcheck >/dev/null; then
		if shellcheck -x planner/kinds/*.sh executors/*.sh tests/*.sh tests/*/*.sh .ci/run .ci/bundle >"$log" 2>&1
		then ok shellcheck; else bad shellcheck "$log"; fi
	else
		skip shellcheck "it is not installed"
	fi
	if tests/layers.sh >"$log" 2>&1; then ok layers; else bad layers "$log"; fi
}

# The end-to-end tests mostly wait; what needs no test bed runs beside them.
all() {
	local beside pid
	beside=$(mktemp)
	tests/check.sh unit golden lua node ssh bundle hub >"$beside" 2>&1 &
	pid=$!
	lint
	docs
	counted e2e tests/e2e/run.sh
	wait "$pid"
	counted 'unit golden lua node ssh bundle hub' cat "$beside"
	rm -f "$beside"
}

for part in "${@:-all}"; do
	case $part in
	all) all ;;
	unit | docs | lint) "$part" ;;
	valgrind) valgrind_ ;;
	golden) counted golden tests/golden.sh ;;
	hub | bundle | engine) counted "$part" "tests/$part.sh" ;;
	rules)
		counted rules tests/engine-rules.sh
		counted weights tests/engine-weights.sh
		;;
	node | ssh | lua | e2e) counted "$part" "tests/$part/run.sh" ;;
	*) echo "check.sh: no such part: $part" >&2; exit 2 ;;
	esac
done
echo "check took $((SECONDS - start)) s"
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]

#!/bin/bash
# check.sh [PART...] - runs the parts of `make check` and adds up what they report. Without an
# argument all but those of `make check-engine` (engine, rules), and valgrind. With TIER=more
# those of `make check-more`: what e2e, here, node, ssh and lint leave out in the first tier, and three
# parts that are of this tier only. A part prints its own lines and ends with "N passed, N failed[, N skipped]".
# One alone is shown as it goes; of several, $JOBS run at a time, and each is shown when it ends.
# What failed is told again last.
set -u
cd "$(dirname "$0")/.." || exit 1
B=${B:-build} DRAY=${DRAY:-$PWD/build/dray}
export DRAY B
passed=0 failed=0 skipped=0 start=$SECONDS
dir=$(mktemp -d)
log=$dir/log
# What still runs gets the chance to clean up after itself.
trap 'kill $(jobs -p) 2>/dev/null; wait; rm -rf "$dir"' EXIT
trap 'exit 130' INT TERM HUP
# A python3 that is a script, as pyenv's, starts ten processes before it is Python: go past it.
python=$(command -v python3)
if [ -n "$python" ] && [ "$(head -c 2 "$python")" = '#!' ]; then
	python=$(python3 -c 'import sys; print(sys.executable)')
	PATH=${python%/*}:$PATH
fi
# Node scripts look through all processes of their machine. Tests for which this machine is the node
# have it to themselves, if that is possible: what runs beside them is not searched, too.
apart=()
! unshare -mpf --mount-proc true 2>/dev/null || apart=(unshare -mpf --mount-proc --kill-child)
# The longest first, and beside them those that mostly wait: more than three at a time wait for a core.
export TIER=${TIER:-check}
case $TIER in
more) all='e2e ssh node here lint nodes soak bundle' ;;
*) all='e2e here sources evil node lua ssh unit lock golden hub docs lint' ;;
esac
JOBS=${JOBS:-3}

# ok NAME / bad NAME [FILE]: one check of this script itself.
ok() { passed=$((passed + 1)); echo "ok $1"; }
bad() { failed=$((failed + 1)); echo "not ok $1"; [ $# -lt 2 ] || cat "$2"; }
skip() { skipped=$((skipped + 1)); echo "SKIP $1: $2"; }

# bounded COMMAND...: shows what it prints, keeps that in $log, and ends it after $LIMIT
# seconds. What it leaves running cannot hold us up: nobody waits for the end of a pipe.
LIMIT=${LIMIT:-2700}
bounded() {
	local pid watch show rc=0
	: >"$log"
	timeout -k 20 "$LIMIT" "$@" >"$log" 2>&1 &
	pid=$!
	{
		read -rt $((LIMIT - 1)) -u 9
		echo "it takes longer than $LIMIT s; what runs:"
		ps -eo pid,ppid,etimes,stat,args --sort=-etimes | awk '!/\]$/ { print substr($0, 1, 160) }' | tail -n 60
	} 9<> <(:) >>"$log" &
	watch=$!
	tail -s 0.2 -n +1 -f --pid="$pid" "$log" &
	show=$!
	# A signal ends a wait, and not what runs in front.
	wait "$pid" || rc=$?
	wait "$show"
	kill "$watch" 2>/dev/null && wait "$watch" 2>/dev/null
	return "$rc"
}

# counted NAME COMMAND...: a test program that ends with a counting line.
counted() {
	local name=$1 rc=0
	shift
	bounded "$@" || rc=$?
	add_up "$name" "$log" "$rc"
}

# Some of them wait, so that there are more of them at a time than cores; the longest first.
unit() {
	local t n out=$dir/unit long='run run_lock layout lua_session vm_hostile session custom sim'
	mkdir "$out"
	# shellcheck disable=SC2016,SC2086
	{ printf "$B/tests/unit/%s_test\n" $long; printf '%s\n' "$B"/tests/unit/*_test; } | awk '!seen[$0]++' | tr '\n' '\0' | xargs -0 -P 4 -I '{}' sh -c \
		'timeout -k 5 600 "$1" >"$2/${1##*/}" 2>&1; echo $? >"$2/${1##*/}.status"' unit '{}' "$out"
	for t in "$B"/tests/unit/*_test; do
		t=${t##*/}
		if [ "$(cat "$out/$t.status")" = 0 ]; then
			n=$(awk '/\[  PASSED  \] [0-9]+/ { n += $4 } END { print n + 0 }' "$out/$t")
			passed=$((passed + n))
			echo "ok $t ($n)"
			grep -h '^diagnosis: ' "$out/$t"
		else
			bad "$t" "$out/$t"
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
	local f case=$dir/case
	mkdir "$case"
	for f in 'spec.md:schema -format markdown' 'dray.schema.json:schema' 'commands.md:help -format markdown'; do
		# shellcheck disable=SC2086
		if "$DRAY" ${f#*:} | diff -u "docs/${f%%:*}" - >"$log"; then ok "docs/${f%%:*} is as the binary says"
		else bad "docs/${f%%:*} is old: run 'make docs'" "$log"; fi
	done
	if awk -v page=1 -f planner/base/limits.awk "$B/gen/limits.txt" | diff -u docs/limits.md - >"$log"
	then ok "docs/limits.md has the rows of limits.def"
	else bad "docs/limits.md is old: run 'make docs'" "$log"; fi
	tests/golden.sh -unpack discover-rdma "$case"
	(cd "$case" && "$DRAY" discover -facts facts -json) | grep -oE '^ *"[a-z_]+":' |
		grep -oE '[a-z_]+' | sort -u | while read -r f; do grep -q "\`$f\`" docs/discover.md || echo "$f"; done >"$log"
	if [ -s "$log" ]; then bad "keys that docs/discover.md does not list" "$log"
	else ok "docs/discover.md lists all keys"; fi
	cat tests/golden/*.test | grep '^{"@level"' | grep -oE '"[a-z_]+":' | grep -oE '[a-z_]+' | sort -u |
		while read -r f; do grep -qE "\`([a-z]+\.)?$f\`" docs/json.md || echo "$f"; done >"$log"
	if [ -s "$log" ]; then bad "keys that docs/json.md does not list" "$log"
	else ok "docs/json.md lists all keys"; fi
	sed -n '/struct fact_type {/,/^};/p' planner/facts/facts.c | grep -oE '^.\{"[a-z]+"' | grep -oE '[a-z]+' |
		while read -r f; do grep -q "^| \`$f\` |" docs/guarantees.md || echo "$f"; done >"$log"
	grep -hv '^[[:space:]]*#' planner/steps/observe.sh planner/steps/net.sh planner/runtimes/container-look.sh planner/discover/discover.sh planner/accelerators/gpus-look.sh | grep -oE '\<fact [a-z]+' | grep -oE '[a-z]+$' | sort -u |
		while read -r f; do grep -q "^| \`$f\` |" docs/guarantees.md || echo "$f"; done >>"$log"
	[ "$(grep -cE '^[|] .[a-z]+. [|]' docs/guarantees.md)" -ge 30 ] || echo "it lists hardly any" >>"$log"
	if [ -s "$log" ]; then bad "facts that docs/guarantees.md does not list" "$log"
	else ok "docs/guarantees.md lists all facts"; fi
	tests/layers.sh -v | awk '/ files / { print $1 }' | while read -r f; do
		grep -q "^| \`$f\` |" docs/internals.md || echo "room $f"
	done >"$log"
	# shellcheck disable=SC2016
	grep -oE '`(planner|executors|lua|cmd|tests|docs)/[a-z_./-]+`' docs/internals.md | tr -d '`' | sort -u |
		while read -r f; do [ -e "$f" ] || echo "$f is not there"; done >>"$log"
	if [ -s "$log" ]; then bad "docs/internals.md against the tree" "$log"
	else ok "docs/internals.md has every room, and its paths exist"; fi
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

# script_folder FOLDER: shellcheck over the scripts of a folder, unless they passed before as
# they are, with what they source.
script_folder() {
	local key files=("$1"/*.sh)
	[ "$1" != .ci ] || files=(.ci/run .ci/bundle)
	key=$({
		shellcheck --version
		cat "${files[@]}"
		grep -ho 'source=[^ ]*' "${files[@]}" | sed 's|.*[=/]||' | sort -u |
			while read -r name; do find tests planner executors -name "$name" -exec cat {} +; done
	} | sha256sum)
	[ ! -e "$B/lint/${key%% *}" ] || return 0
	shellcheck -x "${files[@]}" && : >"$B/lint/${key%% *}"
}

# The scripts that are shipped; with TIER=more also those of the tests, which take much longer.
lint() {
	local rooms='planner executors'
	[ "$TIER" != more ] || rooms+=' tests'
	if command -v shellcheck >/dev/null; then
		mkdir -p "$B/lint"
		export -f script_folder
		# shellcheck disable=SC2016,SC2086
		if { echo .ci; find $rooms -name '*.sh' -printf '%h\n' | sort -u; } |
			xargs -P 2 -I '{}' bash -c 'script_folder "$1"' folder '{}' >"$log" 2>&1
		then ok shellcheck; else bad shellcheck "$log"; fi
	else
		skip shellcheck "it is not installed"
	fi
	if tests/layers.sh >"$log" 2>&1; then ok layers; else bad layers "$log"; fi
	for f in tests/facts/*; do
		grep -qE "^-- .* = (.* )?${f##*/}[/ ]" tests/golden/*.test || echo "$f"
	done >"$log"
	if [ -s "$log" ]; then bad "facts that no golden case uses" "$log"; else ok "golden cases use all facts"; fi
}

# together PART...: each by a check.sh of its own, into a file.
together() {
	local part next pid rc bed='' waiting=("$@") left=() running=0
	local -A part_of
	while [ ${#waiting[@]} -gt 0 ] || [ "$running" -gt 0 ]; do
		left=()
		for part in "${waiting[@]}"; do
			# There is one test bed.
			case $part in e2e | engine | rules) next=$part ;; *) next= ;; esac
			if [ "$running" -ge "$JOBS" ] || { [ -n "$next" ] && [ -n "$bed" ]; }; then
				left+=("$part")
				continue
			fi
			bed=$bed$next
			"$0" "$part" >"$dir/$part.out" 2>&1 &
			part_of[$!]=$part
			running=$((running + 1))
		done
		waiting=("${left[@]}")
		rc=0
		wait -n -p pid || rc=$?
		part=${part_of[$pid]}
		[ "$part" != "$bed" ] || bed=
		running=$((running - 1))
		cat "$dir/$part.out"
		add_up "$part" "$dir/$part.out" "$rc"
	done
}

# add_up PART FILE STATUS: its last counting line is ours, too.
add_up() {
	local line n
	line=$(grep -E '^([a-z0-9-]+: )?[0-9]+ passed, [0-9]+ failed' "$2" | tail -n 1)
	[ -n "$line" ] || { bad "$1: it did not say what it tested (exit $3)"; return; }
	n=$(grep -oE '[0-9]+ passed' <<<"$line"); passed=$((passed + ${n% *}))
	n=$(grep -oE '[0-9]+ failed' <<<"$line"); failed=$((failed + ${n% *}))
	n=$(grep -oE '[0-9]+ skipped' <<<"$line"); [ -z "$n" ] || skipped=$((skipped + ${n% *}))
	[ "$3" = 0 ] || [[ $line =~ [1-9][0-9]*\ failed ]] || bad "$1: exit $3"
}

# again: what failed, for who sees but the end of a log.
again() {
	local part
	[ "$failed" != 0 ] || return 0
	echo "what failed:"
	for part; do grep '^not ok' "$dir/$part.out" | sed "s/^/$part: /"; done
}

if [ $# != 1 ]; then
	# shellcheck disable=SC2086
	[ $# -gt 0 ] || set -- $all
	together "$@"
	again "$@"
	# How many of the recorded failures dray explains (unit tests).
	grep -hs '^diagnosis: ' "$dir/unit.out"
else
	echo "== $1"
	case $1 in
	unit | docs | lint) "$1" ;;
	valgrind) valgrind_ ;;
	golden) counted golden tests/golden.sh ;;
	nodes) counted nodes tests/gpu/nodes.sh standin "$B/nodes" ;;
	hub | bundle) counted "$1" "tests/$1.sh" ;;
	rules)
		counted rules tests/engine-rules.sh
		counted weights tests/engine-weights.sh
		;;
	soak) counted soak tests/soak.sh 20s ;;
	here | lua | lock | evil | sources) counted "$1" ${apart[@]+"${apart[@]}"} "tests/$1/run.sh" ;;
	node | ssh | e2e | engine) counted "$1" "tests/$1/run.sh" ;;
	*) echo "check.sh: no such part: $1" >&2; exit 2 ;;
	esac
fi
echo "check $* took $((SECONDS - start)) s"
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]

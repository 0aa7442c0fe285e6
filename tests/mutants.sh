#!/bin/bash
# mutants.sh [NAME...] - check that a fast test covers every row of limits.def. In a copy of the
# tree, double and halve each row (or those named), a port plus one; rebuild what uses it; then
# the fast tests must fail. Prints the changes that no test notices. It takes minutes.
set -u
cd "$(dirname "$0")/.." || exit 1
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
killed=0 survived=0
# Cheapest first.
tests=(edges tasks executor_port custom_lua vm_options supervise)
export B=build
git ls-files -z | xargs -0 cp --parents -t "$tree"
cd "$tree" || exit 1
programs=()
for t in "${tests[@]}"; do programs+=("$B/tests/unit/${t}_test"); done
make -s -j"$(nproc)" CFLAGS=-O0 "${programs[@]}" >make.log 2>&1 || { cat make.log; exit 1; }
cp planner/base/limits.def rows

# rebuild NAME: rebuild what uses the row, in C or, in lower case, in a script.
rebuild() {
	local low=${1,,} f
	# Make all objects newer than the headers, so that only what uses the row is rebuilt.
	find $B -name '*.o' -exec touch {} +
	rm -f $B/gen/limits.txt $B/lib.a $B/planner/base/limits.o
	grep -lrwE "$1|${1}_text" --include='*.c' planner executors lua cmd | while read -r f; do rm -f "$B/${f%.c}.o"; done
	if grep -qrw "$low" --include='*.sh' planner executors; then
		rm -f $B/planner/base/scripts.o $B/tests/unit/tasks_test.o
	else
		make -s $B/gen/limits.txt && touch $B/gen/scripts.inc $B/planner/base/scripts.o $B/tests/unit/tasks_test.o
	fi
	make -s CFLAGS=-O0 "${programs[@]}" >make.log 2>&1
}
# dead: some fast test fails.
dead() {
	local t
	for t in "${programs[@]}"; do
		"$t" >/dev/null 2>&1 || return 0
	done
	return 1
}
! dead || { echo "a test fails without any mutant"; exit 1; }
while read -r name value unit _; do
	[ "$name" != = ] || continue
	[ $# = 0 ] || [[ " $* " == *" $name "* ]] || continue
	case $unit in
	PORT) others="$((value + 1)) $((value - 1))" ;;
	*) others="$((value * 2)) $((value == 1 ? 3 : value / 2))" ;;
	esac
	for other in $others; do
		sed "s/^LIMIT($name, $value,/LIMIT($name, $other,/" rows >planner/base/limits.def
		if ! rebuild "$name"; then
			echo "$name = $other: it does not build"; cat make.log; exit 1
		elif dead; then
			killed=$((killed + 1))
		else
			survived=$((survived + 1))
			echo "$name = $other, not $value: survives"
		fi
	done
done <<<"$(cat $B/gen/limits.txt)"
echo "$killed mutants killed, $survived survived"
[ "$survived" = 0 ]

# 42-moments.sh - apply and destroy are killed with -9 at moments from the first line of their
# Takes 425 s.
# output to the last, and the next one starts at once: it converges, and what was coming up as it
# should is not started again.
# shellcheck shell=bash disable=SC2016,SC2034,SC2153,SC2154

# kill_at N ARGS: dray is killed when it prints its Nth line (0: never); $lines is how many it
# printed. What ran then is in "before".
kill_at() {
	local n=$1 line
	shift
	lines=0 rc=0
	rm -f "$KEPT/stands" said
	mkfifo said
	XDG_CACHE_HOME=$KEPT/cache timeout -s KILL 120 "$DRAY" "$@" -json -auto-approve >said 2>>killed.err </dev/null &
	while read -r line; do
		lines=$((lines + 1))
		[ "$lines" != "$n" ] || pkill -KILL -P $! || : # it may have ended
	done <said
	wait $! || rc=$?
	echo "killed at line $n of dray $*"
	before
}
# the_same: whatever ran before still does. A rank that has not met the first one has loaded
# nothing.
the_same() {
	local step rest
	after
	[ "$BACKEND" != mp ] || [ -n "$(identity before 'rank[node1]')" ] || return 0
	while read -r step rest; do same "$step"; done <before
}
one_each() {
	local n
	for n in $NODES; do
		[ "$RUNTIME" = none ] || [ "$(all_containers "$n" | wc -l)" = 1 ] || fail "$n has not one container"
	done
	[ "$BACKEND" = mp ] || [ "$RUNTIME" = none ] || wait_for 60 "one server process" one_server
}

# applies COUNT:BACKEND [RUNTIME]: of a cluster that is not there.
applies() {
	local k all
	down
	BACKEND=${1#*:} RUNTIME=${2:-docker}
	spec
	demands slow-load=2
	kill_at 0 apply
	[ "$rc" = 0 ] || fail "the apply ended with $rc"
	all=$lines
	for ((k = 0; k < ${1%:*}; k++)); do
		clean
		demands slow-load=2
		kill_at $((1 + k * (all - 1) / ${1%:*})) apply
		apply -lock-timeout 60
		one_each
		the_same
		chat
	done
}
# destroys COUNT:BACKEND [RUNTIME]
destroys() {
	local k all
	down
	BACKEND=${1#*:} RUNTIME=${2:-docker}
	spec
	apply
	kill_at 0 destroy
	[ "$rc" = 0 ] || fail "the destroy ended with $rc"
	all=$lines
	for ((k = 0; k < ${1%:*}; k++)); do
		apply
		kill_at $((1 + k * (all - 1) / ${1%:*})) destroy
		dray destroy -auto-approve -lock-timeout 60
		wants 0
		nothing_left
	done
}

t_applies() { applies 20:ray; }
t_destroys() { destroys 20:ray; }
t_applies_mp() { applies 6:mp; }
t_applies_none() { applies 6:ray none; }

more "an apply is killed at 20 moments" t_applies
more "a destroy is killed at 20 moments" t_destroys
more "backend mp: an apply is killed at 6 moments" t_applies_mp
more "runtime none: an apply is killed at 6 moments" t_applies_none

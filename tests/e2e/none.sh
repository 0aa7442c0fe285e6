# none.sh - what the scenarios of runtime none share; 85-none.sh and 88-none-ranks.sh source it
# shellcheck shell=bash disable=SC2016,SC2034,SC2153,SC2154

# The cluster as processes; cheap if it is already up. Backend: ray or mp.
none_up() {
	spec_defaults
	RUNTIME=none BACKEND=$1
	stands
}

# end_one STEP: kill its process with -9, as the out-of-memory killer does.
end_one() {
	local pid
	pid=$(processes | awk -v s="$1" '$1 == s { sub(/@.*/, "", $2); print $2 }')
	[ -n "$pid" ] || fail "$1 has no process"
	kill -9 "$pid"
}

# One leader for each step, and nothing else of the engine, on all nodes together.
one_process_each() {
	local count
	count=$(processes | cut -d' ' -f1 | sort | uniq -d)
	[ -z "$count" ] || fail "twice there: $count"
	[ "$(processes | wc -l)" = "$1" ] || fail "not $1 processes: $(processes)"
}

no_containers() {
	local n
	for n in $(nodes); do
		[ -z "$(containers "$n" all)" ] || fail "$n has containers"
	done
}

# A process of another program: what it is must not matter.
stranger() { # NODE PORT
	on "$1" sh -c 'cd /tmp && setsid python3 -m http.server '"$2"' >/dev/null 2>&1 & echo $! >/tmp/foreign'
	wait_for 5 "the foreign server" on "$1" curl -fs -m 2 -o /dev/null "http://127.0.0.1:$2/"
}

stranger_lives() { on "$1" sh -c 'kill -0 $(cat /tmp/foreign)' || fail "the stranger was touched"; }

stranger_away() { on "$1" sh -c 'kill $(cat /tmp/foreign); rm /tmp/foreign'; }

# kill_none STEP NODE: like kill_in of lib.sh, without containers to count.
kill_none() {
	start apply -auto-approve
	wait_for 20 "the intent of $1" intent "$1" "$2"
	nap 0.3
	kill -9 "$bg"
	finish
	[ "$rc" = 137 ] || fail "the apply was not killed in $1 but ended with $rc"
	no_demands
	apply_at_once
	chat
}

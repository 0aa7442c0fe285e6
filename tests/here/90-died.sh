# 90-died.sh - what outlives the first process of an engine
# shellcheck shell=bash disable=SC2016,SC2034,SC2153,SC2154

# The engine's other processes have a title where their environment was.
titled() { # PARENT
	local pid
	for pid in $(pgrep -P "$1" -f '^VLLM::'); do
		echo "$pid"
		titled "$pid"
	done
}

t_first_killed() {
	local first rest pid
	up
	first=$(cat state/dray/"$CLUSTER"/*/run/rank@here/pid)
	rest=$(titled "$first")
	[ -n "$rest" ] || fail "the stand-in is no stand-in: no process with a title"
	for pid in $rest; do
		[ -z "$(tr -d '\0' <"/proc/$pid/environ")" ] || fail "$pid has an environment"
	done
	kill -9 "$first"
	dray destroy -auto-approve
	wants 0
	# shellcheck disable=SC2086
	ended $rest || fail "destroy was done while these ran:" $rest
}

check "destroy ends what outlives the engine's first process" t_first_killed

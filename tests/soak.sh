#!/bin/bash
# soak.sh [MINUTES | SECONDSs] - is a busy engine ever taken for one that hangs? The stand-in of
# tests/here gets more requests than it can run at a time, each slow, and `dray status` looks again
# and again, LOOKERS at a time, for so long (default 15 minutes). Each look that does not say
# SERVING, or does not end with 0, is an alarm. At the end the engine is wedged, and that must
# be one. Prints the looks, the alarms, and what was said; ends with a counting line.
# tests/here/run.sh reads this file, too: t_soak is one of its tests.
# shellcheck disable=SC2154
LOOKERS=8 CLIENTS=40 SLOTS=4 TOKEN_MS=250

# soak_client: one request after another; each waits for its turn.
soak_client() {
	until [ -e soak.end ]; do
		if curl -sS -m 600 -o "soak.answer.$1" "http://127.0.0.1:$PORT/v1/chat/completions" \
			-H 'Content-Type: application/json' \
			-d '{"model": "tiny", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 8}' 2>>soak.curl &&
			grep -q '"completion_tokens":8' "soak.answer.$1"
		then echo >>soak.served
		elif [ ! -e soak.end ]; then echo >>soak.failed; sleep 1; fi
	done
}
# soak_look END: until then, a line "STATUS STATE WAITING MS WORDS" for each look.
soak_look() {
	local rc began said
	while [ $SECONDS -lt "$1" ]; do
		rc=0 began=$(date +%s%3N)
		said=$("$DRAY" status 2>&1 </dev/null) || rc=$?
		awk -v rc=$rc -v ms=$(($(date +%s%3N) - began)) '
			NR == 1 { state = $2 }
			/^API / { sub(/^API +[^ ]+ +/, ""); sub(/ +up .*/, ""); sub(/in [0-9.]+ s$/, "in time"); words = $0 }
			/^load / { waiting = $4 }
			/^(step|dray:)|^  +[a-z]+(\[|:)/ { bad = bad "; " $0 }
			END { print rc, (state ? state : "-"), waiting + 0, ms, words bad }' <<<"$said" >>soak.looks
	done
}
soak_is_busy() {
	dray status
	grep -q '^load .* [1-9][0-9] waiting' out
}
soak_hangs() {
	dray status
	[ "$rc" = 1 ] && grep -q HANGS out
}
soak_end() {
	touch soak.end
	no_demands
	# shellcheck disable=SC2086
	kill $soak_pids 2>/dev/null
	wait
}

t_soak() {
	local i looks alarms busy end least=${SOAK_LEAST:-1} began=$SECONDS
	soak_pids=
	rm -f soak.*
	up
	demands "slots=$SLOTS token-ms=$TOKEN_MS"
	trap soak_end EXIT
	for i in $(seq $CLIENTS); do soak_client "$i" & soak_pids="$soak_pids $!"; done
	wait_for "a full queue" soak_is_busy
	began=$SECONDS end=$((SECONDS + SOAK))
	local lookers=
	for i in $(seq $LOOKERS); do soak_look $end & lookers="$lookers $!"; soak_pids="$soak_pids $!"; done
	# shellcheck disable=SC2086
	wait $lookers
	looks=$(wc -l <soak.looks)
	alarms=$(grep -cv '^0 SERVING ' soak.looks || :)
	busy=$(awk '$3 > 0' soak.looks | wc -l)
	echo "soak: $looks looks in $((SECONDS - began)) s, $alarms alarms; requests waited in $busy of them," \
		"$(wc -l <soak.served) were served;" \
		"the slowest look took $(awk '$4 > m { m = $4 } END { printf "%.1f s", m / 1000 }' soak.looks)"
	awk '{ print $2 ": " substr($0, index($0, $5)) }' soak.looks | sort | uniq -c | sort -rn | head -n 12 | sed 's/^ */soak:   /'
	[ "$alarms" = 0 ] || fail "$alarms alarms: $(grep -v '^0 SERVING ' soak.looks | head -n 3 | tr '\n' ';')"
	[ "$looks" -ge "$least" ] || fail "only $looks looks"
	[ "$busy" -gt 0 ] || fail "the engine was never busy"
	[ ! -e soak.failed ] || fail "requests failed: $(tail -n 1 soak.curl)"
	# The same engine, and nobody gets a token any more once those have ended that run already.
	demands "slots=$SLOTS token-ms=$TOKEN_MS wedge"
	wait_for "an engine that hangs" soak_hangs
}

if [ "${BASH_SOURCE[0]}" = "$0" ]; then
	time=${1:-15}
	case $time in
	*[!0-9s]* | '' | s | *s*s | *s?*) echo "usage: soak.sh [MINUTES | SECONDSs]" >&2; exit 2 ;;
	*s) export SOAK=${time%s} SOAK_LEAST=1 ;;
	*) export SOAK=$((time * 60)) SOAK_LEAST=$((time * 500 / 15)) ;;
	esac
	exec "${0%/*}/here/run.sh" '^soak'
fi

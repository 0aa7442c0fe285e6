# 30-options.sh - what the engine's parser refuses
# shellcheck shell=bash disable=SC2016,SC2034,SC2153,SC2154

# reading HOW: the engine that a plan finds counts in parsed how often its parser is asked; HOW is
# what it does then.
reading() {
	mkdir -p reads/bin
	cp -r "$CACHE/standin/venv/lib" reads/ 2>/dev/null || true
	printf '#!/bin/sh\necho read >>%s/parsed\n%s\nexec %s/standin/venv/bin/vllm "$@"\n' "$tmp" "$1" "$CACHE" >reads/bin/vllm
	chmod +x reads/bin/vllm
	spec
	sed -i "s|venv: [^,]*|venv: $tmp/reads|" cluster.yaml
}

parsed() { grep -c . parsed || true; }

t_options() {
	local i before pids
	down
	rm -f parsed
	ARGS='no-such-thing: 1'
	reading :
	for i in 1 2; do
		dray plan
		wants 1
		says 'refuses this: there is no option --no-such-thing'
	done
	[ "$(parsed)" = 1 ] || fail "the parser was asked $(parsed) times by two plans"
	dray apply -auto-approve
	wants 1
	says 'refuses this: there is no option --no-such-thing'
	[ "$(parsed)" = 1 ] || fail "the parser was asked by an apply after the plans"
	ARGS='max-model-len: 300'
	reading :
	dray plan
	wants 0
	not_says 'has not said'
	[ "$(parsed)" = 2 ] || fail "other arguments: the parser was asked $(parsed) times"
	# One that crashes says nothing about the options: that is said, each time.
	reading 'echo "ImportError: no torch" >&2; exit 1'
	ARGS='max-model-len: 301'
	reading 'echo "ImportError: no torch" >&2; exit 1'
	for i in 1 2; do
		dray plan
		wants 0
		says "has not said whether it knows 'engine.args': status 1: ImportError: no torch"
	done
	[ "$(parsed)" = 4 ] || fail "no verdict: the parser was asked $(parsed) times"
	# One that starts a server instead does not outlive the plan that asked.
	reading "sleep 7431 & echo \$! \$\$ >$tmp/pids; trap '' TERM HUP; wait; sleep 7431"
	start plan
	wait_for "the server" test -s pids
	kill -9 "$bg"
	finish
	pids=$(cat pids)
	# shellcheck disable=SC2086
	wait_for "its end" ended $pids
	ARGS='max-model-len: 300'
	spec
}

check "the parser of the engine is asked once" t_options

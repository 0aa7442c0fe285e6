#!/bin/bash
# shell.sh: the loop in one shell of a node; what it leaves when it is ended (how it talks is
# session_test's)
. "$(dirname "$0")/lib.sh"

# ended SIGNALS...: the shell gets them while a script runs in it; what its folder has then.
ended() {
	local pid signal
	rm -rf "$ROOM/in" "$ROOM/memory" && mkfifo "$ROOM/in" && mkdir "$ROOM/memory"
	# shellcheck disable=SC2086
	XDG_RUNTIME_DIR=$ROOM/memory $SH -c "$(cat "$TOP/executors/shell.sh")" <"$ROOM/in" >"$ROOM/out" 2>&1 &
	pid=$!
	exec 7>"$ROOM/in"
	printf 'nonce\nnonce 1 test 7 0 0 child 100\nsleep 1nonce\n' >&7
	for _ in {1..50}; do grep -q '^nonce 1 start' "$ROOM/out" && break; sleep 0.1; done
	is "$*: it ran" grep -q '^nonce 1 start' "$ROOM/out"
	for signal; do kill "-$signal" "$pid"; done
	exec 7>&-
	wait "$pid"
	is "$*: its folder is gone" [ -z "$(ls "$ROOM/memory")" ]
}
ends() {
	ended
	ended HUP
	ended TERM
	ended HUP TERM
	ended HUP TERM INT PIPE
}
each ends

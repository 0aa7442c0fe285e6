#!/bin/bash
# What cause.sh and ray-status.sh read from recorded output
. "$(dirname "$0")/lib.sh"
F=$TOP/tests/fixtures/vllm-failures

# A line without the colours and marks that ranks and loggers add.
plain() { sed 's/\x1b\[[0-9;]*m//g; s/.*\r//; s/^\(([A-Za-z_]*[A-Za-z0-9_ ]* pid=[^)]*) *\)*//; s/^[A-Z]* [0-9-]* [0-9:]* \[[^]]*\] *//; s/^ *//' | cut -c1-90; }

# These causes come second, or in other words.
causes() {
	local case file line want
	while IFS=$'\t' read -r case file line _; do
		[ "$case" != case ] || continue
		[ "$file" != - ] || continue
		want=$(sed -n "${line}p" "$F/$file" | plain)
		node cause <"$F/$file"
		case $case in
		57-*) is "$case" has "$out" "Gloo connectFullMesh failed" ;;
		30-*) is "$case" has "$out" "$want" ;;
		*) is "$case" has "${out%%$'\n'*}" "$want" ;;
		esac
		is "$case: three lines at most" [ "$(wc -l <"$ROOM/out")" -le 3 ]
	done <"$F/causes.tsv"
}
nothing() {
	printf 'INFO 11-22 20:20:16 [core.py:1] all is well\n' >"$ROOM/log"
	node cause <"$ROOM/log"
	is "a log without a cause" [ -z "$out" ]
	printf '(EngineCore pid=3) ERROR 11-22 20:20:16 [core.py:1] RuntimeError: Engine core initialization failed. See root cause above. Failed core proc(s): {}\n' >"$ROOM/log"
	node cause <"$ROOM/log"
	is "the last line of every failure is none" [ -z "$out" ]
}
# What is under "RuntimeError:" belongs to it.
below() {
	printf '(APIServer pid=3) %s\n' 'RuntimeError: ' '        An attempt was made' '' '  File "x.py"' \
		'RuntimeError: Engine core initialization failed. See root cause above.' >"$ROOM/log"
	node cause <"$ROOM/log"
	is "the words of the next line" [ "$out" = "RuntimeError: An attempt was made" ]
	printf 'RuntimeError:\n' >"$ROOM/log"
	node cause <"$ROOM/log"
	is "or none, at the end of the log" [ "$out" = "RuntimeError:" ]
}
status() {
	node ray-status <"$F/ray-status-idle.txt"
	is idle [ "$out" = "2 0 2" ]
	node ray-status <"$F/ray-status-serving.txt"
	is serving [ "$out" = "2 2 2" ]
	printf 'No cluster status.\n' >"$ROOM/log"
	node ray-status <"$ROOM/log"
	is "no status" [ $rc = 1 ]
	printf '======== Autoscaler status: x ========\nActive:\n 1 node_a\nIdle:\n 2 node_b\nPending:\n 1 node_c\nRecent failures:\n node_x: gone\n\nTotal Usage:\n 0.5/8.0 GPU\n' >"$ROOM/log"
	node ray-status <"$ROOM/log"
	is "idle nodes count, halves are in use" [ "$out" = "3 1 8" ]
}
each causes nothing below status

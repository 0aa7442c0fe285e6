#!/bin/bash
# What ray-status.sh reads from recorded output
. "$(dirname "$0")/lib.sh"
F=$TOP/tests/fixtures/vllm-failures

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
each status

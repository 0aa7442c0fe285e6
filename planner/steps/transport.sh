# transport.sh - says how NCCL talks between the nodes, as its own log tells (NCCL_DEBUG=INFO).
# What cannot be read is not an error.
#	name  the container; empty: a process of this node, and process.sh comes before this text
#	log   a file in the container; empty: the container's own output
#	cluster, step  whose process it is
#	rdma  "yes": the nodes have RDMA ports that NCCL should use
# shellcheck shell=sh disable=SC2154
args '' 'name log cluster step rdma' "$@" || exit
# its_log: what the engine wrote, and what Ray kept of its workers' words.
its_log() {
	if [ -z "$name" ]; then
		places "$cluster"
		cat "$run/$(folder_of "$step")/log" 2>/dev/null
		return
	elif [ -z "$log" ]; then
		docker logs "$name" 2>&1
	else
		docker exec "$name" cat "$log" 2>/dev/null
	fi
	docker exec "$name" sh -c 'cat /tmp/ray/session_latest/logs/worker-*.out /tmp/ray/session_latest/logs/worker-*.err' 2>/dev/null
}
its_log | awk -v rdma="$rdma" '
!/NCCL INFO/ { next }
/via NET\/Socket/ { socket++ }
/via NET\/IB/ { ib++; if (/GDRDMA/) direct++ }
/via NET\// && !/via NET\/(IB|Socket)/ { other = $0; sub(/.*via NET\//, "", other); sub(/[\/ ].*/, "", other) }
/Using network |Using internal Network / {
	network = $0; sub(/.*(Using network|Using internal Network) /, "", network); sub(/[^A-Za-z0-9_.-].*/, "", network)
	used[network] = 1
}
/NET\/IB : Using / {
	ports = $0; sub(/.*NET\/IB : Using /, "", ports); sub(/ *(\[RO\])? *;.*/, "", ports)
	gsub(/\[[0-9]+\]/, "", ports)
}
/NET\/Socket : Using / {
	over = $0; sub(/.*NET\/Socket : Using /, "", over); gsub(/\[[0-9]+\]|<[0-9]*>/, "", over)
	gsub(/[^A-Za-z0-9_.: -]/, "", over); over = substr(over, 1, 100)
}
/NET\/IB : No device found/ { why = "it found no RDMA device" }
/NET\/IB :? ?.*(Unable to open|failed)|Call to ibv_[a-z_]* failed/ { if (!why) { why = $0; sub(/.*NCCL INFO */, "", why); sub(/[\r\n].*/, "", why) } }
END {
	if (!rdma && (socket || (!ib && !other && "Socket" in used)))
		print "note NCCL talks over TCP sockets" (over ? ": " over : "")
	else if (socket || (!ib && !other && "Socket" in used))
		print "note warning: NCCL fell back to TCP sockets, though the nodes have active RDMA ports" (why ? ": " why : "")
	else if (ib)
		print "note NCCL talks over IB" (direct ? " with GPUDirect" : ", without GPUDirect") (ports ? ": " ports : "")
	else if ("IB" in used)
		print "note NCCL talks over IB" (ports ? ": " ports : "")
	else if (other || network)
		print "note NCCL talks over " (other ? other : network)
}' | while IFS= read -r line; do printf 'set %s\n' "$line" >&3; done
exit 0

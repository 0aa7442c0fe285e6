# transport.sh CONTAINER LOG - says which way NCCL took between the nodes, as its own log
# tells (NCCL_DEBUG=INFO). LOG is a file in the container, "-" the container's own output.
# What cannot be read is no failure.
# shellcheck shell=sh
name=$1 log=$2
{
	if [ "$log" = - ]; then
		docker logs "$name" 2>&1
	else
		docker exec "$name" cat "$log" 2>/dev/null
	fi
	# Where Ray kept its workers' words to itself.
	docker exec "$name" sh -c 'cat /tmp/ray/session_latest/logs/worker-*.out /tmp/ray/session_latest/logs/worker-*.err' 2>/dev/null
} | awk '
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
/NET\/IB : No device found/ { why = "it found no RDMA device" }
/NET\/IB :? ?.*(Unable to open|failed)|Call to ibv_[a-z_]* failed/ { if (!why) { why = $0; sub(/.*NCCL INFO */, "", why); sub(/[\r\n].*/, "", why) } }
END {
	if (socket || (!ib && !other && "Socket" in used))
		print "note warning: NCCL fell back to TCP sockets, though the nodes have active RDMA ports" (why ? ": " why : "")
	else if (ib)
		print "note NCCL talks over IB" (direct ? " with GPUDirect" : ", without GPUDirect") (ports ? ": " ports : "")
	else if ("IB" in used)
		print "note NCCL talks over IB" (ports ? ": " ports : "")
	else if (other || network)
		print "note NCCL talks over " (other ? other : network)
}' | while IFS= read -r line; do printf 'set %s\n' "$line" >&3; done
exit 0

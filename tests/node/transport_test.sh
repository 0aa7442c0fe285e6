#!/bin/bash
# transport.sh: the transport that NCCL uses, from its own log
. "$(dirname "$0")/lib.sh"

# logs FILE-IN-CONTAINER TEXT [RDMA]: a docker whose container has that log.
logs() {
	printf '%b' "$2" >"$ROOM/log"
	cat >"$ROOM/bin/docker" <<-'STUB'
		#!/bin/sh
		case "$1 $3 $4" in
		'logs  ') cat "$LOG" ;;
		'exec cat '*) cat "$LOG" ;;
		*) exit 1 ;;
		esac
	STUB
	chmod +x "$ROOM/bin/docker"
	export LOG=$ROOM/log
	node transport name=dray-c1-head log="$1" rdma="${3-yes}" </dev/null
}
p='(RayWorkerProc pid=9, ip=10.0.0.2) host:9:9 [0] NCCL INFO'
ways() {
	logs /tmp/dray/serve.log "INFO 1\n$p NET/IB : Using [0]mlx5_0:1/IB [1]mlx5_1:1/IB [RO]; OOB eth0:10.0.0.1<0>\n$p Using network IB\n$p Channel 00/0 : 0[0] -> 1[0] [send] via NET/IB/0/GDRDMA\n"
	is "over IB, GPUs directly" has "$said" 'set note NCCL talks over IB with GPUDirect: mlx5_0:1/IB mlx5_1:1/IB'
	logs '' "$p NET/IB : Using [0]rocep1s0f0:1/RoCE [RO]; OOB x\n$p Channel 00/0 : 0 -> 1 [receive] via NET/IB/0\n"
	is "over RoCE, by the host's memory" has "$said" 'NCCL talks over IB, without GPUDirect: rocep1s0f0:1/RoCE'
	logs '' "$p Using network IB\n"
	is "only the name" has "$said" 'NCCL talks over IB'
	logs '' "$p NET/IB : No device found.\n$p NET/Socket : Using [0]eth0:10.0.0.1<0>\n$p Using network Socket\n$p Channel 00/0 : 0 -> 1 [send] via NET/Socket/0\n"
	is "it fell back, and why" has "$said" 'warning: NCCL fell back to TCP sockets, though the nodes have active RDMA ports: it found no RDMA device'
	# As recorded with NCCL 2.28 under Ray, which folds repeated lines and colours them.
	logs '' "$p NET/IB : No device found.\n$p NET/IB : Using [RO]; OOB eth0:192.0.2.2<0>\n$p Failed to initialize NET plugin IB\n$p Using network Socket\033[32m [repeated 7x across cluster]\033[0m\n"
	is "folded by Ray" has "$said" 'fell back to TCP sockets, though the nodes have active RDMA ports: it found no RDMA device'
	logs '' "$p Using internal Network Socket\n"
	is "older words" has "$said" 'fell back to TCP'
	logs '' "$p NET/Socket : Using [0]eth0:10.0.0.1<0>\n$p Using network Socket\n$p Channel 00/0 : 0 -> 1 [send] via NET/Socket/0\n" ''
	is "sockets, where there is nothing better" has "$said" 'set note NCCL talks over TCP sockets: eth0:10.0.0.1'
	is "then it is no warning" lacks "$said" warning
	logs '' "$p NET/Socket : Using [0]\033]0;x\a\$(id)<0>\n$p Using network Socket\n" ''
	is "nothing but names of it is shown" lacks "$said" $'\033'
	logs '' "$p Using network AWS Libfabric\n"
	is "another plugin" has "$said" 'NCCL talks over AWS'
	logs '' "nothing of interest via NET/Socket\n"
	is "no word of NCCL, no note" [ -z "$said" ]
	is "never a failure" [ $rc = 0 ]
	rm "$ROOM/bin/docker"
	printf '#!/bin/sh\nexit 1\n' >"$ROOM/bin/docker"
	chmod +x "$ROOM/bin/docker"
	node transport name=dray-c1-head </dev/null
	is "no container, no failure" [ "$rc:$said" = 0: ]
}
each ways

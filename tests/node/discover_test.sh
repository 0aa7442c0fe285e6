#!/bin/bash
# net.sh, discover.sh and reach.sh: cards and RDMA ports out of a sysfs tree made here, GPUs
# as recorded, hosts without the usual tools
. "$(dirname "$0")/lib.sh"

# look SCRIPT ARGS: as the planner sends it, with the functions of net.sh before.
look() {
	local name=$1
	shift
	# shellcheck disable=SC2086
	PATH=${only:-$ROOM/bin:$PATH} $SH -c "$(cat "$KINDS/net.sh" "$KINDS/$name.sh")" "$name" "$@" \
		>"$ROOM/out" 2>"$ROOM/err" 3>"$ROOM/said" </dev/null
	rc=$?
	out=$(cat "$ROOM/out") err=$(cat "$ROOM/err") said=
}
line() { printf '%s\n' "$out" | grep -qxF "$(printf '%b' "$1")"; }
put() { mkdir -p "$(dirname "$ROOM/sys/$1")" && printf '%s\n' "$2" >"$ROOM/sys/$1"; }

# card NAME STATE SPEED MTU [physical]: a network card in the tree.
card() {
	put "class/net/$1/operstate" "$2"
	[ "$3" = - ] || put "class/net/$1/speed" "$3"
	put "class/net/$1/mtu" "$4"
	[ $# -lt 5 ] || mkdir -p "$ROOM/sys/class/net/$1/device"
}
# port DEVICE PORT STATE RATE LAYER: an RDMA port.
port() {
	put "class/infiniband/$1/ports/$2/state" "$3"
	put "class/infiniband/$1/ports/$2/rate" "$4"
	put "class/infiniband/$1/ports/$2/link_layer" "$5"
}
# gid DEVICE PORT INDEX GID TYPE INTERFACE
gid() {
	put "class/infiniband/$1/ports/$2/gids/$3" "$4"
	put "class/infiniband/$1/ports/$2/gid_attrs/types/$3" "$5"
	put "class/infiniband/$1/ports/$2/gid_attrs/ndevs/$3" "$6"
}
zero=0000:0000:0000:0000:0000:0000:0000:0000

cards() {
	card eth0 up 25000 9000 physical
	card eth1 down - 1500 physical
	card bond0 up 50000 9000
	mkdir "$ROOM/sys/class/net/bond0/bonding"
	card docker0 down - 1500
	mkdir "$ROOM/sys/class/net/docker0/bridge"
	card veth12ab up 10000 1500
	card lo unknown - 65536
	look discover - - "$ROOM/sys" "$ROOM/dev"
	is "it ends" line end
	is "a card" line 'nic\teth0\tup\t25000\t9000\tphysical'
	is "one that is down has no speed" line 'nic\teth1\tdown\t-\t1500\tphysical'
	is "a bond" line 'nic\tbond0\tup\t50000\t9000\tbond'
	is "a bridge" line 'nic\tdocker0\tdown\t-\t1500\tbridge'
	is "no ends of containers" lacks "$out" veth12ab
	is "not the loopback" lacks "$out" $'nic\tlo'
	is "no RDMA" lacks "$out" $'\nrdma'
}
infiniband() {
	card ib0 up 400000 4092 physical
	port mlx5_0 1 '4: ACTIVE' '400 Gb/sec (4X NDR)' InfiniBand
	put class/infiniband/mlx5_0/fw_ver 28.39.1002
	put class/infiniband/mlx5_0/hca_type MT4129
	put class/infiniband/mlx5_0/board_id MT_0000000838
	put class/infiniband/mlx5_0/device/numa_node 1
	put class/infiniband/mlx5_0/device/net/ib0/dev_port 0
	put class/infiniband/mlx5_0/ports/1/phys_state '5: LinkUp'
	put class/infiniband/mlx5_0/ports/1/lid 0x2c
	put class/infiniband/mlx5_0/ports/1/sm_lid 0x1
	gid mlx5_0 1 0 fe80:0000:0000:0000:506b:4b03:00cb:c3b6 '' ''
	gid mlx5_0 1 1 $zero '' ''
	port mlx5_1 1 '1: DOWN' '10 Gb/sec (4X SDR)' InfiniBand
	mkdir -p "$ROOM/sys/class/infiniband/hfi_odd"
	look discover - - "$ROOM/sys" "$ROOM/dev"
	is "no /dev/infiniband" line 'rdma\tmlx5_0\t1\t4: ACTIVE\t400 Gb/sec (4X NDR)\tInfiniBand\tib0\tno'
	mkdir -p "$ROOM/dev/infiniband"
	look discover - - "$ROOM/sys" "$ROOM/dev"
	is "with it" line 'rdma\tmlx5_0\t1\t4: ACTIVE\t400 Gb/sec (4X NDR)\tInfiniBand\tib0\tyes'
	is "a port that is down" line 'rdma\tmlx5_1\t1\t1: DOWN\t10 Gb/sec (4X SDR)\tInfiniBand\t-\tyes'
	is "the card" line 'hca\tmlx5_0\tMT4129\tMT_0000000838\t28.39.1002\t1\tdevice'
	is "its port" line 'hcaport\tmlx5_0\t1\t5: LinkUp\t0x2c\t0x1'
	is "a GID" line 'gid\tmlx5_0\t1\t0\tfe80:0000:0000:0000:506b:4b03:00cb:c3b6\t-\t-'
	is "not the empty ones" lacks "$out" "$zero"
	is "a device without ports is none" lacks "$out" hfi_odd
	is "nothing on stderr" [ -z "$err" ]
}
# Two ports of one function, told apart by the GID table or by dev_port.
roce() {
	card ens1 up 200000 9000 physical
	port mlx5_2 1 '4: ACTIVE' '200 Gb/sec (4X HDR)' Ethernet
	port mlx5_2 2 '4: ACTIVE' '200 Gb/sec (4X HDR)' Ethernet
	gid mlx5_2 1 0 fe80:0000:0000:0000:0000:00ff:fe00:0001 'IB/RoCE v1' ens1
	gid mlx5_2 1 3 0000:0000:0000:0000:0000:ffff:0a00:0001 'RoCE v2' ens1
	put class/infiniband/mlx5_2/device/net/ens1/dev_port 0
	put class/infiniband/mlx5_2/device/net/ens2/dev_port 1
	look discover - - "$ROOM/sys" "$ROOM/dev"
	is "the first port" line 'rdma\tmlx5_2\t1\t4: ACTIVE\t200 Gb/sec (4X HDR)\tEthernet\tens1\tno'
	is "the second" line 'rdma\tmlx5_2\t2\t4: ACTIVE\t200 Gb/sec (4X HDR)\tEthernet\tens2\tno'
	is "RoCE v2" line 'gid\tmlx5_2\t1\t3\t0000:0000:0000:0000:0000:ffff:0a00:0001\tRoCE v2\tens1'
}
many_gids() {
	local i
	port mlx5_3 1 '4: ACTIVE' '100 Gb/sec' Ethernet
	for ((i = 0; i < 40; i++)); do gid mlx5_3 1 $i "fe80::$i" 'RoCE v2' ens9; done
	look discover - - "$ROOM/sys" "$ROOM/dev"
	is "a table is shown as far as it helps" [ "$(printf '%s\n' "$out" | grep -c ^gid)" = 16 ]
}
# As recorded on a host with two H200; this nvidia-smi knows fewer fields than are asked for.
gpus() {
	sed "s#^dir=.*#dir=$TOP/tests/fixtures/nvidia-h200-x2#" "$TOP/tests/testbed/nvidia-smi" >"$ROOM/bin/nvidia-smi"
	chmod +x "$ROOM/bin/nvidia-smi"
	look discover - - "$ROOM/sys" "$ROOM/dev"
	is "unknown fields are left out" has "$out" 'raw	nvidia-gpu	index, uuid, name, memory.total [MiB]'
	is "the rest is there" has "$out" 'Disabled, Enabled, Completed, Success'
	is "GPUs as an observation has them" line 'gpu\t1\tGPU-9e3a9ec8-ef49-2b3e-2bee-e9536603f806\tNVIDIA H200\t143771 MiB\t0 MiB\t580.159.04'
	is "the matrix, escapes and all" has "$out" 'raw	nvidia-topo	\t'$'\033''[4mGPU0\tGPU1\tCPU Affinity'
	is "the links" has "$out" 'Link 17: 26.562 GB/s'
	is "CUDA" has "$out" 'CUDA Version: 13.0'
	is "no gpunone" lacks "$out" gpunone
}
gpus_ill() {
	printf '#!/bin/sh\necho "NVIDIA-SMI has failed because it couldn'"'"'t communicate with the NVIDIA driver."\nexit 9\n' >"$ROOM/bin/nvidia-smi"
	chmod +x "$ROOM/bin/nvidia-smi"
	look discover - - "$ROOM/sys" "$ROOM/dev"
	is "why there are none" has "$out" "gpunone	nvidia-smi: NVIDIA-SMI has failed because"
	is "and it goes on" line end
}
amd() {
	printf '#!/bin/sh\necho "{\\"card0\\": {\\"Card Series\\": \\"MI300X\\"}}"\n' >"$ROOM/bin/rocm-smi"
	chmod +x "$ROOM/bin/rocm-smi"
	look discover - - "$ROOM/sys" "$ROOM/dev"
	is "as it came" line 'raw\trocm-smi\t{"card0": {"Card Series": "MI300X"}}'
	is "no gpunone" lacks "$out" gpunone
}
disks() {
	mkdir "$ROOM/a dir"
	HF_HOME=$ROOM/cache/not/there look discover "$ROOM/a dir" - "$ROOM/sys" "$ROOM/dev"
	is "the shared directory" has "$out" "disk	shared	$ROOM/a dir	"
	is "as an observation has it" has "$out" "shared	$ROOM/a dir	"
	is "it may be written" has "$(printf '%s\n' "$out" | grep ^shared)" "	yes"
	is "what is not there yet has the sizes of what is above" has "$out" "disk	cache	$ROOM/cache/not/there	"
	is "and says so" has "$(printf '%s\n' "$out" | grep 'disk	cache')" "	missing"
	look discover "$ROOM/none" - "$ROOM/sys" "$ROOM/dev"
	is "no shared directory" has "$(printf '%s\n' "$out" | grep ^shared)" "	missing"
}
# No ip, docker, getent, timeout, python: everything else is told all the same.
bare() {
	local tool only=$ROOM/bare
	mkdir "$only"
	for tool in awk sed cat cut head tail df stat id uname date tr grep paste hostname busybox dash bash; do
		ln -s "$(command -v $tool)" "$only/" 2>/dev/null
	done
	# The script adds the usual places itself; here they must not be found.
	sed 's#^LC_ALL=C PATH=.*#LC_ALL=C#' "$KINDS/discover.sh" >"$ROOM/discover.sh"
	KINDS=$ROOM
	cp "$TOP/planner/kinds/net.sh" "$ROOM/net.sh"
	look discover - - "$ROOM/sys" "$ROOM/dev"
	KINDS=$TOP/planner/kinds
	is "it ends" line end
	is "who it is" has "$out" "id	"
	is "memory" has "$out" "ram	"
	is "Docker is missing" line 'docker\tmissing\t-\tno docker command'
	is "addresses out of the routing tree" line 'addr\tlo\t127.0.0.1\t8'
	is "why no GPUs" line 'gpunone\tno nvidia-smi, rocm-smi or amd-smi'
}
# The words of the kernel are not those of the user's language.
locale() {
	{ LANG=de_DE.UTF-8 LC_ALL=de_DE.UTF-8 LANGUAGE=de look discover - - "$ROOM/sys" "$ROOM/dev"; } 2>/dev/null
	is "numbers with points" has "$out" "clock	"
	is "it ends" line end
}
reaching() {
	local port
	port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
	look reach "127.0.0.1 $port" "127.0.0.2 1"
	is "a refusal is an answer" line "reach\t127.0.0.1\tyes\tport $port"
	is "each has its line" line 'reach\t127.0.0.2\tyes\tport 1'
	is "it ends" line end
	look reach
	is "nothing to do" [ "$out" = end ]
}
each cards infiniband roce many_gids gpus gpus_ill amd disks bare locale reaching

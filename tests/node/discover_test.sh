#!/bin/bash
# net.sh, discover.sh and reach.sh: cards and RDMA ports from a sysfs tree made here, GPUs as
# recorded, hosts without the usual tools
. "$(dirname "$0")/lib.sh"

# look SCRIPT ARGS: as the planner sends it, with its libraries before.
look() {
	local name=$1
	shift
	# shellcheck disable=SC2086
	PATH=${only:-$ROOM/bin:$PATH} $SH -c "$(library net whose gpus-look)
$(text_of "$name")" "$name" "$@" \
		>"$ROOM/out" 2>"$ROOM/err" 3>"$ROOM/said" </dev/null
	rc=$?
	out=$(cat "$ROOM/out") err=$(cat "$ROOM/err") said=
}
line() { printf '%s\n' "$out" | grep -qxF "$(printf '%b' "$1")"; }
put() { mkdir -p "$(dirname "$ROOM/sys/$1")" && printf '%s\n' "$2" >"$ROOM/sys/$1"; }

# card NAME STATE SPEED MTU [physical]: add a network card to the tree.
card() {
	put "class/net/$1/operstate" "$2"
	[ "$3" = - ] || put "class/net/$1/speed" "$3"
	put "class/net/$1/mtu" "$4"
	[ $# -lt 5 ] || mkdir -p "$ROOM/sys/class/net/$1/device"
}
# port DEVICE PORT STATE RATE LAYER: add an RDMA port.
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
	look discover sys="$ROOM/sys" dev="$ROOM/dev" proc="${PROC:-/proc}"
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
	put class/infiniband/mlx5_0/node_type '1: CA'
	port irdma0 1 '4: ACTIVE' '100 Gb/sec (4X EDR)' Ethernet
	put class/infiniband/irdma0/node_type '4: RNIC'
	mkdir -p "$ROOM/sys/class/infiniband/hfi_odd"
	look discover sys="$ROOM/sys" dev="$ROOM/dev" proc="${PROC:-/proc}"
	is "no /dev/infiniband" line 'rdma\tmlx5_0\t1\t4: ACTIVE\t400 Gb/sec (4X NDR)\tInfiniBand\tib0\tno'
	mkdir -p "$ROOM/dev/infiniband"
	look discover sys="$ROOM/sys" dev="$ROOM/dev" proc="${PROC:-/proc}"
	is "with it" line 'rdma\tmlx5_0\t1\t4: ACTIVE\t400 Gb/sec (4X NDR)\tInfiniBand\tib0\tyes'
	is "one that is neither InfiniBand nor RoCE" line 'rdma\tirdma0\t1\t4: ACTIVE\t100 Gb/sec (4X EDR)\tiWARP\t-\tyes'
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
	look discover sys="$ROOM/sys" dev="$ROOM/dev" proc="${PROC:-/proc}"
	is "the first port" line 'rdma\tmlx5_2\t1\t4: ACTIVE\t200 Gb/sec (4X HDR)\tEthernet\tens1\tno'
	is "the second" line 'rdma\tmlx5_2\t2\t4: ACTIVE\t200 Gb/sec (4X HDR)\tEthernet\tens2\tno'
	is "RoCE v2" line 'gid\tmlx5_2\t1\t3\t0000:0000:0000:0000:0000:ffff:0a00:0001\tRoCE v2\tens1'
}
many_gids() {
	local i
	port mlx5_3 1 '4: ACTIVE' '100 Gb/sec' Ethernet
	for ((i = 0; i < 40; i++)); do gid mlx5_3 1 $i "fe80::$i" 'RoCE v2' ens9; done
	look discover sys="$ROOM/sys" dev="$ROOM/dev" proc="${PROC:-/proc}"
	is "a table is shown as far as it helps" [ "$(printf '%s\n' "$out" | grep -c ^gid)" = 16 ]
}
# As recorded on a host with two H200.
gpus() {
	cp "$TOP"/tests/fixtures/nvidia-h200-x2/* "$ROOM"
	sed "s#^dir=.*#dir=$ROOM#" "$TOP/tests/testbed/nvidia-smi" >"$ROOM/bin/nvidia-smi"
	chmod +x "$ROOM/bin/nvidia-smi"
	look discover sys="$ROOM/sys" dev="$ROOM/dev" proc="${PROC:-/proc}"
	is "a GPU" has "$out" '\n1, GPU-9e3a9ec8-ef49-2b3e-2bee-e9536603f806, NVIDIA H200, 143771 MiB, 616 MiB, 0 MiB, 580.159.04,'
	is "all that is asked for" has "$out" 'Disabled, Enabled, Enabled, 0, No, No, Completed, Success, Default, 700.00 W'
	is "the matrix, escapes and all" has "$out" 'raw	nvidia-topo	\t'$'\033''[4mGPU0\tGPU1\tCPU Affinity'
	is "the links" has "$out" 'Link 17: 26.562 GB/s'
	is "CUDA" has "$out" 'CUDA Version: 13.0'
	is "no gpunone" lacks "$out" gpunone
	# The nvidia-smi of an older driver: of seven fields that it does not know it names the first.
	sed -i "2i echo \"\$*\" >>'$ROOM/asked'" "$ROOM/bin/nvidia-smi"
	cut -d, -f1-12 "$TOP/tests/fixtures/nvidia-h200-x2/query.csv" >"$ROOM/query.csv"
	look discover sys="$ROOM/sys" dev="$ROOM/dev" proc="${PROC:-/proc}"
	is "fields that it does not know are left out" has "$out" 'raw	nvidia-gpu	index, uuid, name, memory.total [MiB], memory.used'
	is "the rest is there" has "$out" 'Disabled, Enabled, Completed, Success'
	is "no gpunone of an older driver" lacks "$out" gpunone
	is "it is asked twice" [ "$(grep -c query-gpu=index "$ROOM/asked")" = 2 ]
}
gpus_ill() {
	printf '#!/bin/sh\necho "NVIDIA-SMI has failed because it couldn'"'"'t communicate with the NVIDIA driver."\nexit 9\n' >"$ROOM/bin/nvidia-smi"
	chmod +x "$ROOM/bin/nvidia-smi"
	look discover sys="$ROOM/sys" dev="$ROOM/dev" proc="${PROC:-/proc}"
	is "why there are none" has "$out" "gpunone	nvidia-smi: NVIDIA-SMI has failed because"
	# timeout ends with 124.
	printf '#!/bin/sh\nexit 124\n' >"$ROOM/bin/nvidia-smi"
	look discover sys="$ROOM/sys" dev="$ROOM/dev" proc="${PROC:-/proc}"
	is "a driver that hangs" line 'gpunone\tnvidia-smi: no answer within 30 seconds'
	printf '#!/bin/sh\nprintf "index, uuid, name, m, u, d, mig.mode.current\\n0, G, H100, 8 MiB, 0 MiB, 580.1, Enabled\\n"\n' >"$ROOM/bin/nvidia-smi"
	look discover sys="$ROOM/sys" dev="$ROOM/dev" proc="${PROC:-/proc}"
	is "what it says later" has "$out" '\n0, G, H100, 8 MiB, 0 MiB, 580.1, Enabled'
	is "and it goes on" line end
}
amd() {
	printf '#!/bin/sh\necho "{\\"card0\\": {\\"Card Series\\": \\"MI300X\\"}}"\n' >"$ROOM/bin/rocm-smi"
	chmod +x "$ROOM/bin/rocm-smi"
	look discover sys="$ROOM/sys" dev="$ROOM/dev" proc="${PROC:-/proc}"
	is "as it came" line 'raw\trocm-smi\t{"card0": {"Card Series": "MI300X"}}'
	is "no gpunone" lacks "$out" gpunone
	printf '#!/bin/sh\necho "ERROR: no driver"\n' >"$ROOM/bin/rocm-smi"
	look discover sys="$ROOM/sys" dev="$ROOM/dev" proc="${PROC:-/proc}"
	is "a tool that names none" line 'gpunone\tamd-smi or rocm-smi names none'
}
disks() {
	mkdir "$ROOM/a dir"
	HF_HOME=$ROOM/cache/not/there look discover shared="$ROOM/a dir" sys="$ROOM/sys" dev="$ROOM/dev" proc="${PROC:-/proc}"
	is "the shared directory" has "$out" "disk	shared	$ROOM/a dir	"
	is "as an observation has it" has "$out" "shared	$ROOM/a dir	"
	is "it may be written" has "$(printf '%s\n' "$out" | grep ^shared)" "	yes"
	is "what is not there yet has the sizes of what is above" has "$out" "disk	cache	$ROOM/cache/not/there	"
	is "and says so" has "$(printf '%s\n' "$out" | grep 'disk	cache')" "	missing"
	look discover shared="$ROOM/none" sys="$ROOM/sys" dev="$ROOM/dev" proc="${PROC:-/proc}"
	is "no shared directory" has "$(printf '%s\n' "$out" | grep ^shared)" "	missing"
}
# The script adds the usual places itself; they must not be found here.
local_discover() {
	mkdir "$ROOM/scripts"
	sed 's#^LC_ALL=C PATH=.*#LC_ALL=C#' "$TOP/planner/discover/discover.sh" >"$ROOM/scripts/discover.sh"
}
# Without ip, docker, getent, timeout and python, everything else is still reported.
bare() {
	local tool only=$ROOM/bare
	mkdir "$only"
	for tool in awk sed cat cut head tail df stat id uname date tr grep paste hostname busybox dash bash; do
		ln -s "$(command -v $tool)" "$only/" 2>/dev/null
	done
	local_discover
	look discover sys="$ROOM/sys" dev="$ROOM/dev" proc="${PROC:-/proc}"
	is "it ends" line end
	is "who it is" has "$out" "id	"
	is "memory" has "$out" "ram	"
	is "Docker is missing" line 'docker\tmissing\t-\tno docker command'
	is "addresses out of the routing tree" line 'addr\tlo\t127.0.0.1\t8'
	is "IPv6 too, where there is any" [ "$(printf '%s\n' "$out" | grep '^addr.*:' | sort)" = "$(
		ip -o -6 addr show 2>/dev/null | awk '{ split($4, a, "/"); sub(/@.*/, "", $2)
			print "addr\t" $2 "\t" a[1] "\t" a[2] }' | sort)" ]
	is "why no GPUs" line 'gpunone\tno nvidia-smi, rocm-smi or amd-smi'
}
# tree ADDRESS...: a /proc whose routing tree has these addresses, and whose routes come
# from stdin: INTERFACE DESTINATION MASK METRIC in the kernel's hexadecimal.
tree() {
	local a
	mkdir -p "$ROOM/proc/net"
	{
		echo 'Main:'
		printf '  +-- 0.0.0.0/0 3 0 5\n     |-- 0.0.0.0\n        /0 universe UNICAST\n'
		for a; do printf '           |-- %s\n              /32 host LOCAL\n' "$a"; done
		echo 'Local:'
		for a; do printf '           |-- %s\n              /32 host LOCAL\n' "$a"; done
		printf '           |-- 10.1.2.255\n              /32 link BROADCAST\n'
	} >"$ROOM/proc/net/fib_trie"
	{
		printf 'Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT\n'
		while read -r name to mask; do printf '%s\t%s\t0\t1\t0\t0\t0\t%s\t0\t0\t0\n' "$name" "$to" "$mask"; done
	} >"$ROOM/proc/net/route"
}
# files MINE: addr_files of net.sh over that tree.
files() {
	out=$($SH -c "$(library net)
addr_files \"\$@\"" net "$ROOM/proc" "$ROOM/sys" "$1" 2>"$ROOM/err") err=$(cat "$ROOM/err")
}
proc_addresses() {
	card eth0 up 25000 9000 physical
	card ib0 up 400000 4092 physical
	card lo unknown - 65536
	# A /16 with a /20 in it, a host route, and a default route.
	tree 127.0.0.1 10.1.2.3 10.1.16.9 203.0.113.200 <<-END
		eth0 00000000 00000000
		eth0 0000010A 0000FFFF
		ib0 0010010A 00F0FFFF
		eth0 C8710EC0 FFFFFFFF
		eth0 007100CB 00FFFFFF
	END
	cat >"$ROOM/proc/net/if_inet6" <<-END
		00000000000000000000000000000001 01 80 10 80       lo
		fe80000000000000506b4b0300cbc3b6 03 40 20 80      ib0
		20010db8000000010000000000000012 02 40 00 80     eth0
		20010db8000000000001000000000001 02 7f 00 80     eth0
		00010002000300040005000600070008 02 80 00 80     eth0
	END
	files ''
	is "the address of the default route is first" [ "${out%%$'\n'*}" = $'addr\teth0\t10.1.2.3\t16' ]
	is "the smaller network names the interface" line 'addr\tib0\t10.1.16.9\t20'
	is "a /24" line 'addr\teth0\t203.0.113.200\t24'
	is "loopback" line 'addr\tlo\t127.0.0.1\t8'
	is "each once" [ "$(printf '%s\n' "$out" | sort | uniq -d)" = '' ]
	is "no broadcast address" lacks "$out" 10.1.2.255
	is "::1" line 'addr\tlo\t::1\t128'
	is "link-local" line 'addr\tib0\tfe80::506b:4b03:cb:c3b6\t64'
	is "the longest run of zeros is ::" line 'addr\teth0\t2001:db8:0:1::12\t64'
	is "the first of two alike" line 'addr\teth0\t2001:db8::1:0:0:1\t127'
	is "no zeros" line 'addr\teth0\t1:2:3:4:5:6:7:8\t128'
	files 10.1.16.9
	is "the one we came to is first" [ "${out%%$'\n'*}" = $'addr\tib0\t10.1.16.9\t20' ]
	is "nothing on stderr" [ -z "$err" ]
	PROC=$ROOM/proc only=$ROOM/none SSH_CONNECTION='10.0.0.1 22 10.1.16.9 22' files_by_discover
	# (The shell of busybox has an ip of its own.)
	[ "${SH%% *}" = busybox ] || is "discover reads them too" line 'addr\tib0\t10.1.16.9\t20'
}
# The whole of discover.sh, with a PATH that has no ip.
files_by_discover() {
	local tool
	mkdir "$only"
	for tool in awk sed cat cut head tail df stat id uname date tr grep paste hostname busybox dash bash; do
		ln -s "$(command -v $tool)" "$only/" 2>/dev/null
	done
	local_discover
	export SSH_CONNECTION
	look discover sys="$ROOM/sys" dev="$ROOM/dev" proc="$PROC"
	export -n SSH_CONNECTION
}
# A pod: one address in no network, and all traffic uses a gateway that is in none, either.
proc_pod() {
	card eth0 up 10000 1450 physical
	tree 127.0.0.1 10.244.7.19 <<-END
		eth0 00000000 00000000
		eth0 0101FEA9 FFFFFFFF
	END
	files ''
	is "the default route's interface" [ "${out%%$'\n'*}" = $'addr\teth0\t10.244.7.19\t32' ]
	tree 127.0.0.1 10.244.7.19 </dev/null
	files ''
	is "the only interface there is" line 'addr\teth0\t10.244.7.19\t32'
	card eth1 up 10000 1450 physical
	files ''
	is "of two nobody knows" lacks "$out" 10.244.7.19
	rm "$ROOM/proc/net/fib_trie"
	files ''
	is "without the tree" [ -z "$err" ]
	rm -r "$ROOM/proc"
	files ''
	is "without anything" [ -z "$err" ]
}
# Two cards in one network: the kernel uses the first route, whatever the address.
proc_two_cards() {
	tree 10.1.2.3 10.1.2.4 <<-END
		ens1 0002010A 00FFFFFF
		ens2 0002010A 00FFFFFF
	END
	files ''
	is "the route that counts" line 'addr\tens1\t10.1.2.4\t24'
}
# An ip that is not allowed to ask (a sandbox without netlink).
ip_forbidden() {
	printf '#!/bin/sh\necho "Cannot open netlink socket: Operation not permitted" >&2\nexit 1\n' >"$ROOM/bin/ip"
	chmod +x "$ROOM/bin/ip"
	look discover sys="$ROOM/sys" dev="$ROOM/dev" proc=/proc
	is "the files are read then" line 'addr\tlo\t127.0.0.1\t8'
}
# The kernel's words don't depend on the user's language.
locale() {
	{ LANG=de_DE.UTF-8 LC_ALL=de_DE.UTF-8 LANGUAGE=de look discover sys="$ROOM/sys" dev="$ROOM/dev" proc="${PROC:-/proc}"; } 2>/dev/null
	is "the facts are there" has "$out" "id	"
	is "it ends" line end
}
reaching() {
	local port
	port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
	look reach "127.0.0.1 $port" "127.0.0.2 1"
	is "a refusal is an answer" line "reach\t127.0.0.1\tyes\tport 48127"
	is "each has its line" line 'reach\t127.0.0.2\tyes\tport 48127'
	is "more than that port gets through" line 'open\t127.0.0.2\tyes\tport 48127'
	is "it ends" line end
	look reach
	is "nothing to do" [ "$out" = end ]
}
# One that says nothing: the others are tried all the same. (Its queue is full.)
silence() {
	local quiet=127.$(($$ % 250 + 1)).$(($$ / 250 % 250)) # another shell may be tried beside this one
	mkfifo "$ROOM/port"
	python3 -c 'import socket, sys, time
full = []
def silent(*address):
	s = socket.socket(); s.bind(address); s.listen(0); full.append(s)
	for _ in range(4):
		c = socket.socket(); c.setblocking(False); c.connect_ex(s.getsockname()); full.append(c)
	return s.getsockname()[1]
quiet = sys.argv[1]
silent(quiet + ".3", 48127); silent(quiet + ".4", 48127)
print(silent(quiet + ".3", 0), flush=True); time.sleep(60)' "$quiet" >"$ROOM/port" &
	read -r port <"$ROOM/port"
	# shellcheck disable=SC2016
	printf '#!/bin/sh\nshift; exec /usr/bin/timeout 0.3 "$@"\n' >"$ROOM/bin/timeout"
	chmod +x "$ROOM/bin/timeout"
	look reach "127.0.0.1 1" "$quiet.3 $port" "127.0.0.2 1" "127.0.0.2 2"
	is "silence is no answer" line "reach\t$quiet.3\tno\tno answer from port $port within 2 seconds"
	is "the one before it" line 'reach\t127.0.0.1\tyes\tport 48127'
	is "those behind it" line 'reach\t127.0.0.2\tyes\tport 2'
	is "each once" [ "$(grep -c ^reach <<<"$out")" = 4 ]
	look reach "127.0.0.2 1" "$quiet.4 1"
	is "a wall behind an open door" line "open\t$quiet.4\tno\tport 48127: no answer within 2 seconds"
	is "the door" line "reach\t$quiet.4\tyes\tport 1"
	is "none" line 'open\t127.0.0.2\tyes\tport 48127'
	kill $!
	wait $! 2>/dev/null
}
# The version of the engine, so that saved facts have it.
venv() {
	mkdir -p "$ROOM/venv/bin" "$ROOM/venv/lib/python3.12/site-packages/vllm-0.24.0.dist-info" \
		"$ROOM/venv/lib/python3.12/site-packages/nvidia_nccl_cu13-2.30.4.dist-info"
	printf '#!/bin/sh\n' >"$ROOM/venv/bin/vllm"
	chmod +x "$ROOM/venv/bin/vllm"
	look discover sys="$ROOM/sys" dev="$ROOM/dev" proc="${PROC:-/proc}" venv="$ROOM/venv" package=vllm needs=ray
	is "its NCCL" line 'nccl\t2.30.4'
	is "its version" line "venv\\t$ROOM/venv\\tok\\t0.24.0\\t-\\tno"
	look discover sys="$ROOM/sys" dev="$ROOM/dev" proc="${PROC:-/proc}" venv="$ROOM/none" package=vllm needs=ray
	is "one that is missing" line "venv\\t$ROOM/none\\tmissing\\t-\\t-\\tno"
	look discover sys="$ROOM/sys" dev="$ROOM/dev" proc="${PROC:-/proc}"
	is "none asked for" lacks "$out" $'\nvenv'
}

each venv cards infiniband roce many_gids gpus gpus_ill amd disks bare proc_addresses proc_pod \
	proc_two_cards ip_forbidden locale reaching silence

#!/bin/bash
# logins.sh BUILD DRAY [N...] - what a look costs with many nodes (64 and 256 without N): dray plan (by
# dray's own client and by executor openssh) and dray discover, beside pyinfra with nine facts,
# ansible-core's setup, and bare libssh2 that logs in and runs `true`, on the same nodes in the same run.
# Then how much longer a plan of the last N takes than one of the first.
#
# A node is a set of namespaces of this machine with its own network, processes, name and machine-id, its
# own memory file system, and an sshd. It has two GPUs as a stand-in of nvidia-smi tells, no Docker, and
# a virtual environment where vLLM would be. Nothing runs on it before or after. All of it ends with
# this script. What cannot be installed is skipped, and it is said why.
#	PEERS  a folder for pyinfra and ansible-core; without it one below ~/.cache; none: without them
#	RUNS   how often each is run, the median counts: 3 without it, the slow ones once
#	BLOCKS how often the last N is compared with the first one: 5 without it, 0: never
#	ROWS   a pattern: only rows whose name it matches, and the first one
set -eu
cd "$(dirname "$0")/../.."
PYINFRA=3.10.0 ANSIBLE=2.19.14
NET=10.99

if [ "${1-}" != inside ]; then
	cant() { echo "SKIP many logins: $1"; exit 0; }
	[ "$(id -u)" = 0 ] || cant "namespaces need root"
	for tool in ip unshare nsenter ssh-keygen python3 /usr/sbin/sshd; do
		PATH=$PATH:/usr/sbin command -v $tool >/dev/null || cant "there is no $tool"
	done
	unshare -nmupf --mount-proc true 2>/dev/null || cant "no namespaces here"
	build=$(realpath "$1") dray=$(realpath "$2")
	shift 2
	peers=${PEERS:-${XDG_CACHE_HOME:-$HOME/.cache}/dray-bench-peers}
	for want in "pyinfra==$PYINFRA" "ansible-core==$ANSIBLE"; do
		[ "$peers" != none ] || continue
		venv=$peers/$want
		[ ! -e "$venv/done" ] || continue
		rm -rf "$venv"
		if python3 -m venv "$venv" >/dev/null 2>&1 &&
			"$venv/bin/pip" install -q --disable-pip-version-check "$want" >"$venv/log" 2>&1; then
			: >"$venv/done"
		fi
	done
	exec unshare -nmpf --mount-proc --kill-child "$0" inside "$build" "$dray" "$(realpath -m "$peers")" "$@"
fi
build=$2 dray=$3 peers=$4
shift 4
[ $# -gt 0 ] || set -- 64 256
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
T=$(mktemp -d)
trap 'rm -rf "$T"' EXIT
mkdir -p "$T/home/.ssh" "$T/empty" "$T/bin" "$T/id" "$T/shared" "$T/model" "$T/venv/bin" /run/sshd
export HOME=$T/home XDG_CACHE_HOME=$T/home/.cache ANSIBLE_HOME=$T/home/.ansible NO_COLOR=1
export ANSIBLE_SSH_ARGS="-C -o ControlMaster=auto -o ControlPersist=60s -o UserKnownHostsFile=$HOME/.ssh/known_hosts"
unset SSH_AUTH_SOCK

# ---- what the nodes have --------------------------------------------------------------

cat >"$T/bin/nvidia-smi" <<-'END'
	#!/bin/sh
	case $* in
	*query-gpu=index,uuid,name*csv,noheader*)
		read -r name </proc/sys/kernel/hostname
		for i in 0 1; do echo "$i, GPU-$name-$i, NVIDIA H200, 143771, 12, 580.65, Disabled"; done
		;;
	*query-gpu*) exit 2 ;;
	esac
END
for program in vllm ray hf; do printf '#!/bin/sh\n' >"$T/venv/bin/$program"; done
chmod +x "$T/bin/nvidia-smi" "$T/venv/bin/"*
mkdir -p "$T/venv/lib/python3.11/site-packages/vllm-0.18.0.dist-info" \
	"$T/venv/lib/python3.11/site-packages/ray-2.50.0.dist-info"
cat >"$T/model/config.json" <<-'END'
	{"architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": 1024,
	"intermediate_size": 2048, "num_attention_heads": 8, "num_key_value_heads": 8,
	"num_hidden_layers": 256, "vocab_size": 32000, "torch_dtype": "bfloat16",
	"max_position_embeddings": 4096}
END
python3 tests/make-weights.py "$T/model/config.json" "$T/model" >/dev/null

ssh-keygen -q -t ed25519 -N '' -C bench -f "$T/host"
ssh-keygen -q -t ed25519 -N '' -C bench -f "$T/key"
echo "$NET.*.* $(cut -d' ' -f1,2 "$T/host.pub")" >"$HOME/.ssh/known_hosts"
cat >"$T/sshd" <<-END
	HostKey $T/host
	AuthorizedKeysFile $T/key.pub
	StrictModes no
	UsePAM no
	PermitRootLogin prohibit-password
	SetEnv HOME=$T/empty PATH=$T/bin:$PATH
END

ip link set lo up
# Every node has a cable of its own to this machine, which routes. On one bridge 256 nodes would
# have more neighbours than the kernel keeps for all namespaces together (gc_thresh3, 1024).
sysctl -qw net.ipv4.ip_forward=1
address() { echo "$NET.$(($1 / 200)).$(($1 % 200 + 1))"; }
ups=()
# up FROM TO: those nodes.
up() {
	local i
	for ((i = $1; i < $2; i++)); do
		printf '%032x\n' $((i + 1)) >"$T/id/$i"
		mkfifo "$T/go$i" # before its reader starts
		# shellcheck disable=SC2016
		unshare -nmupf --mount-proc --kill-child bash -c '
			hostname "node$1" && mount --bind "$2/id/$1" /etc/machine-id
			mount -t tmpfs none /dev/shm
			mount -t sysfs none /sys # with its own cards only, as a host has
			read -r _ <"$2/go$1"
			exec /usr/sbin/sshd -D -f "$2/sshd" -E "$2/log"' node $i "$T" </dev/null >/dev/null 2>&1 &
		ups+=($!)
	done
	for ((i = $1; i < $2; i++)); do
		until ip link add "n$i" type veth peer name eth0 netns "${ups[i]}" 2>/dev/null; do sleep 0.05; done
		ip addr add "$NET.255.254/32" dev "n$i"
		ip link set "n$i" up
		ip route add "$(address $i)/32" dev "n$i" src "$NET.255.254"
		nsenter -t "${ups[i]}" -n sh -c "ip link set lo up; ip addr add $(address $i)/16 dev eth0
			ip link set eth0 up; ip route replace $NET.0.0/16 via $NET.255.254 dev eth0 onlink"
		echo >"$T/go$i"
	done
	for ((i = $1; i < $2; i++)); do
		until (: <>"/dev/tcp/$(address $i)/22") 2>/dev/null; do sleep 0.05; done
	done
	settle
}
# settle: waits until the machine has nothing to do, a minute at most: what comes first in the table
# is what the other rows are compared with.
settle() {
	local i work idle last_work=0 last_idle=0 a b c d
	for ((i = 0; i < 60; i++)); do
		read -r _ a b c d _ </proc/stat
		work=$((a + b + c - last_work)) idle=$((d - last_idle))
		[ $i = 0 ] || [ $((20 * work)) -gt $idle ] || return 0
		last_work=$((a + b + c)) last_idle=$d
		sleep 1
	done
}
# The process 1 of node I; forked PID: how many processes were begun there so far.
first() { pgrep -P "${ups[$1]}"; }
forked() { nsenter -t "$1" -m -p cat /proc/sys/kernel/ns_last_pid; }

# ---- who looks ------------------------------------------------------------------------

inputs() { # N
	local i
	{
		echo "cluster: bench"
		echo "nodes:"
		for ((i = 0; i < $1; i++)); do echo "  - {name: node$i, host: $(address $i), gpus: 2}"; done
		echo "ssh: {user: root, identity: $T/key, known_hosts: $HOME/.ssh/known_hosts}"
		echo "shared_dir: $T/shared"
		echo "model: {path: $T/model}"
		echo "parallelism: {tensor: 2, pipeline: $1}"
		echo "engine: {runtime: none, venv: $T/venv, backend: mp}"
	} >"$T/cluster.yaml"
	sed 's/gpus: 2}/gpus: 2, executor: openssh}/' "$T/cluster.yaml" >"$T/openssh.yaml"
	sed "s#^ssh: {#&config: $T/curve, #" "$T/openssh.yaml" >"$T/curve.yaml"
	echo 'KexAlgorithms curve25519-sha256' >"$T/curve"
	for ((i = 0; i < $1; i++)); do
		echo "$(address $i) ansible_user=root ansible_ssh_private_key_file=$T/key ansible_python_interpreter=/usr/bin/python3"
	done >"$T/hosts"
	{
		echo "nodes = ["
		for ((i = 0; i < $1; i++)); do
			echo "('$(address $i)', {'ssh_user': 'root', 'ssh_key': '$T/key', 'ssh_known_hosts_file': '$HOME/.ssh/known_hosts'}),"
		done
		echo "]"
	} >"$T/inventory.py"
}
cat >"$T/facts.py" <<-'END'
	from pyinfra import host
	from pyinfra.facts import hardware, server
	for fact in (server.Hostname, server.Kernel, server.KernelVersion, server.Arch, server.LinuxName,
	             server.Users, hardware.Cpus, hardware.Memory, hardware.NetworkDevices):
	    assert host.get_fact(fact) is not None
END

# once COMMAND...: "wall-ms cpu-ms rss-KiB all-ms processes faults": the first three of it and what it
# waited for, the others of the whole machine meanwhile: CPU time, processes begun and page faults.
# Fails when it does, unless its status is one of $STATUSES.
once() {
	python3 - "$T/out" "${STATUSES:-0}" "$@" <<-'END'
		import os, subprocess, sys, time
		def machine():
		    with open("/proc/stat") as stat, open("/proc/vmstat") as vmstat:
		        user, nice, system, _, _, irq, softirq = map(int, stat.readline().split()[1:8])
		        count = dict(line.split()[:2] for line in [*stat, *vmstat])
		    busy = (user + nice + system + irq + softirq) * 1e3 / os.sysconf("SC_CLK_TCK")
		    return busy, int(count["processes"]), int(count["pgfault"])
		before, began = machine(), time.monotonic()
		with open(sys.argv[1], "w") as out:
		    child = subprocess.Popen(sys.argv[3:], stdin=subprocess.DEVNULL, stdout=out, stderr=out)
		    _, status, use = os.wait4(child.pid, 0)
		child.returncode = status
		if str(os.waitstatus_to_exitcode(status)) not in sys.argv[2].split():
		    sys.exit("failed: %s\n%s" % (" ".join(sys.argv[3:])[:200], open(sys.argv[1]).read()[-1000:]))
		took = time.monotonic() - began
		print(took * 1e3, (use.ru_utime + use.ru_stime) * 1e3, use.ru_maxrss,
		      *(after - was for after, was in zip(machine(), before)))
	END
}
# measure RUNS NAME COMMAND...: one line of the table.
measure() {
	local runs=$1 name=$2 i node before after
	shift 2
	# shellcheck disable=SC2254
	case $name in "libssh2, true" | ${ROWS-*}) ;; *) return ;; esac
	: >"$T/times"
	node=$(first 1)
	before=$(forked "$node")
	for ((i = 0; i < runs; i++)); do once "$@" >>"$T/times" || return; done
	after=$(forked "$node")
	# (The nsenter that asks is one of them.)
	python3 - "$name" "$T/times" "$T/floor" $(((after - before) / runs)) <<-'END'
		import os, statistics, sys
		name, times, floor, forked = sys.argv[1:]
		rows = [list(map(float, line.split())) for line in open(times)]
		wall, cpu, rss, all, *_ = (statistics.median(column) for column in zip(*rows))
		if not os.path.exists(floor):
		    open(floor, "w").write("%f" % wall)
		print("%-26s %8.2f %8.1f %8.2f %9.2f %8.1f %7s" % (name, wall / 1e3, wall / float(open(floor).read()),
		      all / 1e3, cpu / 1e3, rss / 1024, forked))
	END
}
peer() { # NAME==VERSION NAME COMMAND...
	local want=$1 name=$2
	shift 2
	# shellcheck disable=SC2254
	case $name in ${ROWS-*}) ;; *) return ;; esac
	if [ ! -e "$peers/$want/done" ]; then
		echo "SKIP $name: $want cannot be installed: $(tail -n 1 "$peers/$want/log" 2>/dev/null || echo 'no venv for python3')"
		return
	fi
	measure 1 "$name" "$peers/$want/bin/$1" "${@:2}"
}

# compare FEW MANY: how much longer a plan of MANY nodes takes. Half of the plans of FEW come before each of
# MANY and half behind it, together for as many nodes: what slows the machine down for a while slows down both.
compare() {
	local i block few=$1 many=$2
	inputs "$few"
	cp "$T/cluster.yaml" "$T/few.yaml"
	inputs "$many"
	: >"$T/blocks"
	for ((block = 0; block < ${BLOCKS:-5}; block++)); do
		for ((i = 0; i < many; i += few)); do
			[ $((i / few)) != $((many / few / 2)) ] ||
				once "$dray" plan -f "$T/cluster.yaml" | sed "s/^/$block many /"
			once "$dray" plan -f "$T/few.yaml" | sed "s/^/$block few /"
		done >>"$T/blocks"
	done
	python3 - "$few" "$many" "$T/blocks" <<-'END'
		import statistics, sys
		few, many, blocks = sys.argv[1:]
		rows = [line.split() for line in open(blocks)]
		def ratios(column):
		    for block in sorted({row[0] for row in rows}):
		        said = {name: [float(row[column]) for row in rows if row[:2] == [block, name]] for name in ("few", "many")}
		        yield statistics.mean(said["many"]) / statistics.mean(said["few"])
		print("dray plan of %s nodes, as a multiple of %s:" % (many, few))
		for what, column in ("wall", 2), ("CPU time of all", 5), ("processes", 6), ("page faults", 7):
		    all = sorted(ratios(column))
		    print("%-26s %8.2f (%.2f to %.2f in %d blocks)" % (what, statistics.median(all), all[0], all[-1], len(all)))
	END
}

have=0
for n; do
	up "$have" "$n"
	have=$n
	inputs "$n"
	rm -f "$T/floor"
	hosts=()
	for ((i = 0; i < n; i++)); do hosts+=("$(address $i):22"); done
	"$dray" plan -f "$T/cluster.yaml" >"$T/plan" 2>&1 || { cat "$T/plan"; exit 1; }
	echo "$n logins, $(nproc) cores, load $(cut -d' ' -f1-3 /proc/loadavg) before"
	printf '%-26s %8s %8s %8s %9s %8s %7s\n' "" "wall s" "x floor" "all s" "client s" "RSS MiB" "forks"
	measure "${RUNS:-3}" "libssh2, true" "$build/tests/bench/ssh_floor" root "$T/key" true "${hosts[@]}"
	measure "${RUNS:-3}" "dray plan" "$dray" plan -f "$T/cluster.yaml"
	measure "${RUNS:-3}" "dray plan, openssh" "$dray" plan -f "$T/openssh.yaml"
	measure "${RUNS:-3}" "the same, curve25519" "$dray" plan -f "$T/curve.yaml"
	measure "${RUNS:-3}" "dray discover" "$dray" discover -f "$T/cluster.yaml"
	peer "pyinfra==$PYINFRA" "pyinfra, nine facts" pyinfra -y "$T/inventory.py" "$T/facts.py"
	peer "ansible-core==$ANSIBLE" "ansible setup, 8 forks" ansible all -i "$T/hosts" -f 8 -m setup
done
first=$1 last=${!#}
if [ "${BLOCKS:-5}" -gt 0 ] && [ "$last" -gt "$first" ] && [ $((last % first)) = 0 ]; then
	settle
	compare "$first" "$last"
fi

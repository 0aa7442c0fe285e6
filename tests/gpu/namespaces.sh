#!/bin/bash
# namespaces.sh - nodes n1 and n2 on one machine: each is a set of namespaces (mount, net,
# UTS, IPC, PID) with its own name, machine id, boot id, home, /tmp, /dev/shm and /dev. A veth
# pair connects them like a cable. nodes.sh sources it, with $WORK; run as `namespaces.sh N
# DIR`, it is the first process of node N, and as `namespaces.sh enter WORK N CMD...`, how the
# executor comes in. Needs root and `ip`.
# shellcheck shell=bash
NET=10.78.0                     # node N is $NET.N; nothing of it is seen outside the nodes

# node_pid N: the pid of the first process of node N on the machine, if it lives. The time of
# its start guards against a pid that was reused.
node_pid() {
	local pid start
	read -r pid start 2>/dev/null <"$WORK/n$1/init" || return 1
	[ "$(cut -d' ' -f22 "/proc/$pid/stat" 2>/dev/null)" = "$start" ] || return 1
	echo "$pid"
}

# A separate process keeps the network of node N, so that the cable survives a power cut.
node_net() { nsenter --net="/proc/$(cat "$WORK/n$1/net")/ns/net" "${@:2}"; }
# node_cable N up|down: one end of the cable.
node_cable() { node_net "$1" ip link set eth0 "$2"; }

# nodes_join: make the two networks and the cable, before any node starts.
nodes_join() {
	local n
	for n in 1 2; do
		mkdir -p "$WORK/n$n/home" "$WORK/n$n/dev"
		setsid unshare --net sleep 1000000 </dev/null >/dev/null 2>&1 &
		echo $! >"$WORK/n$n/net"
		until [ "$(readlink "/proc/$!/ns/net")" != "$(readlink /proc/self/ns/net)" ]; do sleep 0.02; done
	done
	ip link add eth0 netns "$(cat "$WORK/n1/net")" type veth peer name eth0 netns "$(cat "$WORK/n2/net")" &&
		node_net 1 ip addr add $NET.1/24 dev eth0 && node_net 1 ip link set lo up &&
		node_net 2 ip addr add $NET.2/24 dev eth0 && node_net 2 ip link set lo up
}
# node_up N [CARD]: start it, with all GPUs of the machine or only with /dev/nvidiaCARD.
node_up() {
	local d=$WORK/n$1 tries=0
	[ -s "$d/machine-id" ] || tr -d - </proc/sys/kernel/random/uuid >"$d/machine-id"
	cat /proc/sys/kernel/random/uuid >"$d/boot-id"
	printf '127.0.0.1 localhost\n%s n1\n%s n2\n' "$NET.1" "$NET.2" >"$d/hosts"
	echo "${2-all}" >"$d/card"
	rm -f "$d/init" "$d/ready"
	node_cable "$1" up
	node_net "$1" setsid unshare --mount --uts --ipc --pid --fork -- bash "${BASH_SOURCE[0]}" "$1" "$d" \
		</dev/null >"$d/init.log" 2>&1 &
	until [ -e "$d/ready" ] && node_pid "$1" >/dev/null; do
		tries=$((tries + 1))
		[ $tries -lt 100 ] || { cat "$d/init.log" >&2; return 1; }
		sleep 0.05
	done
}
# node_down N: a power cut. The kernel ends all other processes together with the first.
node_down() {
	local pid tries=0
	pid=$(node_pid "$1") || return 0
	node_cable "$1" down
	kill -9 "$pid"
	while node_pid "$1" >/dev/null && [ $tries -lt 200 ]; do
		tries=$((tries + 1))
		sleep 0.05
	done
}
# nodes_end: end both nodes completely.
nodes_end() {
	local n
	for n in 1 2; do node_down $n; done
	for n in 1 2; do kill "$(cat "$WORK/n$n/net")"; done
}

# on N CMD...: run it in node N.
on() {
	local pid d=$WORK/n$1
	pid=$(node_pid "$1") || return 1
	shift
	nsenter --mount --uts --ipc --net --pid --target "$pid" env -i HOME="$d/home" USER=root \
		PATH="$NODE_PATH" LD_LIBRARY_PATH="${LD_LIBRARY_PATH:-}" "$@" </dev/null
}

# namespaces_left: what still exists of the nodes of $WORK: processes, mounts, networks.
namespaces_left() {
	local p n
	awk -v w="$WORK/" 'index($5, w) == 1 { print "mount " $5 }' /proc/self/mountinfo
	for p in /proc/[0-9]*; do
		! grep -qsF "$WORK/n" "$p/mountinfo" || echo "process ${p#/proc/} $(tr '\0' ' ' <"$p/cmdline")"
	done 2>/dev/null
	for n in 1 2; do
		p=$(cat "$WORK/n$n/net")
		[ "$(readlink "/proc/$p/ns/net")" = "$(readlink /proc/self/ns/net)" ] || [ ! -e "/proc/$p/ns/net" ] ||
			echo "network $p"
	done
}

# The first process of a node. Folders of the machine that are in /tmp stay where they are.
init() {
	local n=$1 d=$2 card keep line f
	card=$(cat "$d/card") keep=$(cat "$d/../keep")
	read -r line </proc/self/stat # still the machine's /proc
	# shellcheck disable=SC2086
	set -- $line
	echo "$1 ${22}" >"$d/init.new"
	mount --make-rprivate /
	echo "n$n" >/proc/sys/kernel/hostname
	mount -t proc proc /proc
	mount -t sysfs sysfs /sys
	mount --bind "$d/boot-id" /proc/sys/kernel/random/boot_id
	mount --bind "$d/machine-id" /etc/machine-id
	mount --bind "$d/hosts" /etc/hosts
	[ ! -d "$d/local" ] || mount --bind "$d/local" /usr/local
	[ ! -e "$d/without" ] || mount --bind /dev/null "$(cat "$d/without")"

	mount -t tmpfs -o mode=755 dray-node "$d/dev"
	for f in /dev/{null,zero,full,random,urandom,tty,fuse,infiniband} /dev/nvidia*; do
		case $card:$f in
		all:* | "$card:/dev/nvidia$card") ;;
		*:/dev/nvidia[0-9]*) continue ;;
		esac
		[ ! -e "$f" ] || cp -a "$f" "$d/dev/"
	done
	mkdir "$d/dev/pts" "$d/dev/shm"
	ln -s pts/ptmx "$d/dev/ptmx"
	ln -s /proc/self/fd "$d/dev/fd"
	for f in 0:stdin 1:stdout 2:stderr; do ln -s "/proc/self/fd/${f%:*}" "$d/dev/${f#*:}"; done
	mount -t devpts -o newinstance,ptmxmode=0666 devpts "$d/dev/pts"
	mount -t tmpfs -o mode=1777 tmpfs "$d/dev/shm"
	# NVIDIA's libraries recreate the device files of the other cards if they can.
	mount -o remount,ro "$d/dev"
	mount --move "$d/dev" /dev

	mount --rbind /tmp /mnt
	mount -t tmpfs -o mode=1777 tmpfs /tmp
	for f in $keep; do
		case $f in
		/tmp/*)
			mkdir -p "$f"
			mount --bind "/mnt${f#/tmp}" "$f"
			;;
		esac
	done
	umount -l /mnt
	cd /
	mv "$d/init.new" "$d/init"
	touch "$d/ready"
	while :; do
		sleep 1000000 &
		wait $! || :
	done
}

# enter WORK N CMD...: become that command in node N, if the node is up.
enter() {
	local pid
	WORK=$1
	pid=$(node_pid "$2") || { echo "the node is down" >&2; exit 1; }
	exec nsenter --mount --uts --ipc --net --pid --target "$pid" "${@:3}"
}

if [ "${BASH_SOURCE[0]}" = "$0" ]; then
	set -eu
	if [ "$1" = enter ]; then enter "${@:2}"; else init "$@"; fi
fi

#!/bin/bash
# spread.sh BUILD DRAY [MB [MBIT]] - a model of MB (256) goes from one node of the test bed to the
# others, each of which sends MBIT/s (200) at most: to one by plain ssh and by dray, to three by
# plain ssh from the first one at once (a star), and to three by dray (a chain). Three runs. Prints
# the wall times, and the most bytes that a node got. Brings its own bed up and down.
set -eu
cd "$(dirname "$0")/../.."
DRAY=$2 mb=${3:-256} mbit=${4:-200}
# shellcheck source=../testbed/lib.sh
. tests/testbed/lib.sh
use_bed
work=$(mktemp -d)
trap 'tests/testbed/down.sh; rm -rf "$work" "${repo:-$work}"' EXIT
tests/testbed/up.sh 4 standin
. tests/testbed/lib.sh
on() { in_node "$@" </dev/null; }

# The stand-in's model with weights that are long enough to be measured.
repo=$HUB_ROOT/hub/dray/bench
rm -rf "$repo"
cp -r "$HUB_ROOT/hub/dray/tiny" "$repo"
rm "$repo/model.safetensors"
for i in 1 2 3 4; do
	openssl enc -aes-128-ctr -pass pass:$i -pbkdf2 </dev/zero 2>/dev/null |
		head -c $((mb * 250000)) >"$repo/model-0000$i-of-00004.safetensors" || :
done
bytes=$(cat "$repo"/*.* | wc -c)
dir=/var/tmp/models hub=.cache/huggingface/hub/models--dray--bench

spec() { # NODES
	echo "cluster: bench"
	echo "nodes:"
	for i in $(seq "$1"); do echo "  - {host: node$i, address: $NET.$i, gpus: 2}"; done
	cat <<-END
	ssh: {config: $BED/ssh/config}
	storage: {local: $dir}
	model: {repo: dray/bench, endpoint: "$HUB", exclude: [original/*]}
	parallelism: {tensor: 2, pipeline: $1}
	engine: {image: "hub:$HUB_PORT/dray/standin:1", backend: mp}
	END
}
for n in 1 2 4; do spec $n >"$work/$n.yaml"; done
# copies N: dray brings the model to the first N nodes.
copies() {
	local i target=()
	for i in $(seq "$1"); do target+=(-target "weights[node$i]"); done
	"$DRAY" apply -auto-approve -f "$work/$1.yaml" "${target[@]}" >"$work/log" 2>&1 ||
		{ cat "$work/log" >&2; exit 1; }
}
# plain NODE: what is to be copied goes from node1 to it by ssh and tar.
for i in 2 3 4; do
	in_node node$i sh -c 'cat >/root/key && chmod 600 /root/key' <"$BED/ssh/id_ed25519"
done
plain() {
	on "$1" sh -c "mkdir -p $dir/$hub; ssh -i /root/key -c aes128-gcm@openssh.com -o StrictHostKeyChecking=no \
		-o UserKnownHostsFile=/dev/null -o LogLevel=ERROR $NET.1 tar -C $dir/$hub -cf - . | tar -C $dir/$hub -xf -"
}
star() {
	local pids='' i
	for i in 2 3 4; do plain node$i & pids="$pids $!"; done
	for i in $pids; do wait "$i"; done
}
received() { on "$1" cat /sys/class/net/eth0/statistics/rx_bytes; }
# timed FILE COMMAND...: adds its seconds to FILE, and the most times the model that a node got.
timed() {
	local file=$1 i began most=0 got before=()
	shift
	for i in 2 3 4; do
		on node$i rm -rf "$dir"
		on node$i mkdir -p "$dir"
		before[i]=$(received node$i)
	done
	began=${EPOCHREALTIME/./}
	"$@"
	began=$((${EPOCHREALTIME/./} - began))
	for i in 2 3 4; do
		got=$(($(received node$i) - before[i]))
		[ "$got" -le "$most" ] || most=$got
	done
	awk -v us=$began -v n="$most" -v all="$bytes" 'BEGIN { printf "%.2f %.3f\n", us / 1e6, n / all }' >>"$work/$file"
}

on node1 mkdir -p "$dir"
copies 1
for i in 1 2 3 4; do tests/testbed/net.sh rate node$i "$mbit"; done
for _ in 1 2 3; do
	timed plain plain node2
	timed two copies 2
	timed star star
	timed four copies 4
done
times() { awk '{ printf "%s%s", (NR > 1 ? " " : ""), $1 }' "$work/$1"; }
# median FILE: the middle one of three times. got FILE: the most that any node got.
median() { sort -n "$work/$1" | awk 'NR == 2 { print $1 }'; }
got() { awk '$2 > n { n = $2 } END { print n }' "$work/$1"; }
x() { awk -v a="$(median "$1")" -v b="$(median "$2")" 'BEGIN { printf "%.2f", a / b }'; }
echo "a model of $mb MB, each node sends $mbit Mbit/s at most; seconds of three runs, their medians as a ratio"
printf '%-34s %-20s %s\n' 'plain ssh to one node:' "$(times plain)" "each got $(got plain) x the model"
printf '%-34s %-20s %s\n' 'dray to one node:' "$(times two)" "each got $(got two) x, $(x two plain) x plain ssh"
printf '%-34s %-20s %s\n' 'plain ssh to three nodes (star):' "$(times star)" "each got $(got star) x, $(x star plain) x one"
printf '%-34s %-20s %s\n' 'dray to three nodes (chain):' "$(times four)" "each got $(got four) x, $(x four two) x one"

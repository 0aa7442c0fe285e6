#!/bin/bash
# run.sh - the benchmarks. Each figure is printed beside what it is compared with, measured in
# the same run; nothing here passes or fails by a clock. `make bench`, as root for the bed.
set -eu
cd "$(dirname "$0")/../.."
B=${B:-build} DRAY=${DRAY:-$PWD/build/dray}

# costs N COMMAND...: the median of wall ms, CPU ms and peak RSS KiB of N runs of a command.
costs() {
	python3 - "$@" <<'END'
import os, statistics, subprocess, sys, time
wall, cpu, rss = [], [], []
for _ in range(int(sys.argv[1])):
    began = time.monotonic()
    child = subprocess.Popen(sys.argv[2:], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, use = os.wait4(child.pid, 0)
    child.returncode = status
    wall.append((time.monotonic() - began) * 1e3)
    cpu.append((use.ru_utime + use.ru_stime) * 1e3)
    rss.append(use.ru_maxrss)
print("%.1f %.1f %d" % (statistics.median(wall), statistics.median(cpu), statistics.median(rss)))
END
}

echo "== graph, reconcile and plan text, no I/O"
"$B/tests/bench/plan_bench"

echo "== a Lua file, no I/O"
"$B/tests/bench/lua_bench"

echo "== 100 hooks on a plan of 1,000 steps"
tests/bench/hooks.sh

echo "== a spec of 256 nodes"
spec=$(mktemp)
trap 'rm -f "$spec"' EXIT
printf '%s\n' 'cluster: big' 'nodes: [{host: "gpu-[001-256]", gpus: 8}]' 'shared_dir: /srv/m' \
	'model: {repo: org/name}' 'parallelism: {tensor: 8, pipeline: 256}' \
	'engine: {image: "vllm/vllm-openai:v0.17.1"}' >"$spec"
read -r wall cpu rss <<<"$(costs 21 "$DRAY" validate -f "$spec")"
read -r wall0 cpu0 rss0 <<<"$(costs 21 "$DRAY" version)"
echo "validate: $wall ms wall, $cpu ms CPU, $rss KiB; 'dray version': $wall0 ms, $cpu0 ms, $rss0 KiB"

if [ "$(id -u)" != 0 ]; then
	echo "SKIP plan over nodes: the test bed needs root"
	exit 0
fi
echo "== 64 and 256 logins"
tests/bench/logins.sh "$B" "$DRAY"
echo "== plan over 3 nodes of the test bed, against bare libssh2 (log in, one exec)"
tests/bench/nodes.sh "$B" "$DRAY"
echo "== a model from node to node"
tests/bench/spread.sh "$B" "$DRAY"

#!/bin/bash
# nodes.sh BUILD DRAY - a plan without changes over 3 nodes of the test bed (stand-in
# engine), against the floor: bare libssh2 that logs in to the same nodes and runs one
# command. Then 990 steps more, each with a check, without and with 100 hooks. Brings its
# own bed up and down.
set -eu
cd "$(dirname "$0")/../.."
B=$1 DRAY=$2
# shellcheck source=../testbed/lib.sh
. tests/testbed/lib.sh
use_bed
work=$(mktemp -d)
trap 'tests/testbed/down.sh; rm -rf "$work"' EXIT
tests/testbed/up.sh 3 standin
cat >"$work/cluster.yaml" <<END
cluster: bench
nodes:
  - {host: node1, address: $NET.1, gpus: 2}
  - {host: node2, address: $NET.2, gpus: 2}
  - {host: node3, address: $NET.3, gpus: 2}
ssh: {config: $BED/ssh/config}
shared_dir: /srv/shared
model: {repo: $MODEL, endpoint: "$HUB"}
parallelism: {tensor: 2, pipeline: 3}
engine:
  image: hub:$HUB_PORT/dray/standin:1
  backend: ray
  env: {RAY_OVERRIDE_RESOURCES: '{"GPU":2}'}
serve: {name: tiny}
END
"$DRAY" apply -auto-approve -f "$work/cluster.yaml" >"$work/log" 2>&1 || { cat "$work/log"; exit 1; }

# median OF: read "wall cpu rss" lines, print the median of each column.
median() { python3 -c 'import statistics, sys
rows = [list(map(float, l.split())) for l in sys.stdin]
print(*("%.1f" % statistics.median(c) for c in zip(*rows)))'; }
once() {
	python3 - "$@" <<'END'
import os, subprocess, sys, time
began = time.monotonic()
child = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL)
_, status, use = os.wait4(child.pid, 0)
child.returncode = status
if status:
    sys.exit("failed: " + " ".join(sys.argv[1:]))
print((time.monotonic() - began) * 1e3, (use.ru_utime + use.ru_stime) * 1e3, use.ru_maxrss)
END
}

# The floor runs what dray's look runs on the node (its text is no secret of dray's: any
# command would do), so that both wait for the same work there.
look='docker ps -a --no-trunc; ps -e; ss -ltn'
for _ in 1 2 3 4 5 6 7 8 9; do
	once "$DRAY" plan -f "$work/cluster.yaml" >>"$work/plan"
	once "$B/tests/bench/ssh_floor" root "$BED/ssh/id_ed25519" true "$NET".{1,2,3}:22 >>"$work/floor"
	once "$B/tests/bench/ssh_floor" root "$BED/ssh/id_ed25519" "$look" "$NET".{1,2,3}:22 >>"$work/work"
done
read -r pw pc pr < <(median <"$work/plan")
read -r fw fc fr < <(median <"$work/floor")
read -r ww wc wr < <(median <"$work/work")
echo "dray plan, no changes:         $pw ms wall, $pc ms CPU, $pr KiB"
echo "floor, 'true':                 $fw ms wall, $fc ms CPU, $fr KiB"
echo "floor, docker ps + ps + ss:    $ww ms wall, $wc ms CPU, $wr KiB"
awk "BEGIN { printf \"ratio to the floors: %.2f and %.2f x wall, %.2f and %.2f x CPU\n\", \
	$pw / $fw, $pw / $ww, $pc / $fc, $pc / $wc }"
"$DRAY" plan -v -f "$work/cluster.yaml" | grep 'round trips'

cp "$work/cluster.yaml" "$work/long.yaml"
echo "steps:" >>"$work/long.yaml"
for i in {1..330}; do
	echo "  - {command: s$i, nodes: all, check: test -d /srv/shared, run: 'true'}" >>"$work/long.yaml"
done
mkdir "$work/hooks"
cp "$work/long.yaml" "$work/hooked.yaml"
echo "hooks:" >>"$work/hooked.yaml"
for i in {1..100}; do
	cp tests/bench/policy.lua "$work/hooks/$i.lua"
	echo "  - {file: hooks/$i.lua}" >>"$work/hooked.yaml"
done
for _ in 1 2 3 4 5 6 7 8 9; do
	once "$DRAY" plan -f "$work/long.yaml" >>"$work/without"
	once "$DRAY" plan -f "$work/hooked.yaml" >>"$work/with"
done
read -r pw pc pr < <(median <"$work/without")
read -r fw fc fr < <(median <"$work/with")
"$DRAY" plan -f "$work/long.yaml" | tail -n 1
echo "without hooks:                 $pw ms wall, $pc ms CPU, $pr KiB"
echo "with 100 hooks:                $fw ms wall, $fc ms CPU, $fr KiB"
awk "BEGIN { printf \"100 hooks: %+.1f %% of the time of the plan, %+.1f ms CPU\\n\", \
	($fw / $pw - 1) * 100, $fc - $pc }"
"$DRAY" destroy -auto-approve -f "$work/cluster.yaml" >"$work/log" 2>&1 || { cat "$work/log"; exit 1; }

#!/bin/bash
# hooks.sh [HOOKS] [NODES] - the cost of that many hooks (100), each its own file, for a plan
# of NODES x 3 + 4 steps (333 nodes: 1,003 steps) with recorded looks. It alternates runs
# without, with one and with all of them, and takes the quickest of each, because other load
# only adds. Nothing is dialled here; nodes.sh shows the share in a plan that does.
set -eu
cd "$(dirname "$0")/../.."
DRAY=${DRAY:-$PWD/build/dray}
hooks=${1:-100} nodes=${2:-333}
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
mkdir "$tmp/facts" "$tmp/hooks"
cat >"$tmp/plain.yaml" <<END
cluster: bench
nodes: [{name: 'gpu-[001-$(printf %03d "$nodes")]', host: 'gpu-[001-$(printf %03d "$nodes")]', gpus: 8}]
shared_dir: /srv
model: {path: /srv/model}
parallelism: {tensor: 8, pipeline: $nodes}
engine: {image: 'vllm/vllm-openai:v0.17.1', backend: ray}
END
for ((i = 1; i <= nodes; i++)); do
	name=$(printf 'gpu-%03d' "$i")
	{
		printf 'id\tm%d\tb%d\t%s\tu\t0\t0\t/\t1\n' "$i" "$i" "$name"
		printf 'docker\tok\t28.0\t-\n'
		printf 'addr\teth0\t10.%d.%d.1\t16\n' $((i / 250)) $((i % 250))
		for g in 0 1 2 3 4 5 6 7; do
			printf 'gpu\t%d\tGPU-%d-%d\tNVIDIA H100 80GB HBM3\t81559\t0\t570.1\n' "$g" "$i" "$g"
		done
		echo end
	} >"$tmp/facts/$name.txt"
done
cp "$tmp/plain.yaml" "$tmp/hooked.yaml"
echo "hooks:" >>"$tmp/hooked.yaml"
cp "$tmp/hooked.yaml" "$tmp/one.yaml"
echo "  - {file: hooks/1.lua}" >>"$tmp/one.yaml"
for ((i = 1; i <= hooks; i++)); do
	cp tests/bench/policy.lua "$tmp/hooks/$i.lua"
	echo "  - {file: hooks/$i.lua}" >>"$tmp/hooked.yaml"
done
python3 - "$DRAY" "$tmp" "$hooks" <<'END'
import os, subprocess, sys, time
dray, tmp, hooks = sys.argv[1], sys.argv[2], int(sys.argv[3])
def run(spec):
    began = time.monotonic()
    child = subprocess.Popen([dray, "plan", "-f", f"{tmp}/{spec}.yaml", "-facts", f"{tmp}/facts"],
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    text = child.stdout.read().decode()
    _, _, use = os.wait4(child.pid, 0)
    child.returncode = 0
    if "to add" not in text:
        sys.exit(text)
    return (time.monotonic() - began) * 1e3, (use.ru_utime + use.ru_stime) * 1e3, use.ru_maxrss, text
got = {"plain": [], "one": [], "hooked": []}
for spec in got:
    run(spec)
for _ in range(25):
    for spec in got:
        got[spec].append(run(spec))
best = {s: [min(r[i] for r in v) for i in range(3)] for s, v in got.items()}
print(got["plain"][0][3].strip().splitlines()[-1])
print("without hooks: %.1f ms wall, %.1f ms CPU, %d KiB" % tuple(best["plain"]))
print("with one hook: %.1f ms wall, %.1f ms CPU, %d KiB (the plan as a table is most of it)" % tuple(best["one"]))
print("with %d hooks: %.1f ms wall, %.1f ms CPU, %d KiB" % (hooks, *best["hooked"]))
print("each more: %.0f us, %.1f KiB" % tuple((best["hooked"][i] - best["one"][i]) / (hooks - 1) * f
                                             for i, f in ((1, 1e3), (2, 1))))
END

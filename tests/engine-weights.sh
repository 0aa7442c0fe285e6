#!/bin/bash
# engine-weights.sh - compares the weights of a GPU as dray calculates them from the headers
# of safetensors files with what the classes of the test bed's vLLM hold there: whole models,
# built on no device. Ends with "N passed, N failed, N skipped".
set -u
cd "$(dirname "$0")/.." || exit 1
DRAY=${DRAY:-$PWD/build/dray}
venv=${DRAY_VENV:-$HOME/.cache/dray-testbed/venv}
if [ ! -x "$venv/bin/python" ]; then
	echo "SKIP engine-weights: no vLLM in the test bed's cache ('make demo' puts it there)"
	echo "0 passed, 0 failed, 1 skipped"
	exit 0
fi
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
mkdir "$tmp/facts"
printf 'id\tm\tb\tn\tu\t0\t0\t/\t1\ngpu\t0\tGPU-0\tNVIDIA B200\t9999999\t0\t570.1\nend\n' >"$tmp/facts/n.txt"

# MODEL, TP, and how many stages.
while read -r model sizes; do
	mkdir -p "$tmp/$model"
	if [ ! -f "$tmp/$model/config.json" ]; then
		cp "tests/fixtures/models/$model.json" "$tmp/$model/config.json"
		tests/make-weights.py "$tmp/$model/config.json" "$tmp/$model" 3 >/dev/null || exit 1
	fi
	for size in $sizes; do
		for ((k = 0; k < ${size#*x}; k++)); do echo "$tmp/$model ${size%x*} ${size#*x} $k"; done
	done
done >"$tmp/cases" <<'END'
llama-3.1-8b 1x1 8x1 16x1 2x3
llama-3.1-405b 8x4
llama-3.2-3b 2x2
qwen3-32b 8x2
qwen3-30b-a3b 1x1 8x1 4x3
qwen3-235b-a22b-fp8 4x2
deepseek-v3 8x2 16x1
END
"$venv/bin/python" tests/engine-rules.py <"$tmp/cases" >"$tmp/vllm" 2>"$tmp/log"
if [ "$(wc -l <"$tmp/vllm")" != "$(wc -l <"$tmp/cases")" ]; then
	tail -n 5 "$tmp/log"
	echo "not ok engine-weights: vLLM gave up after $(wc -l <"$tmp/vllm") of $(wc -l <"$tmp/cases") cases"
	echo "0 passed, 1 failed, 0 skipped"
	exit 1
fi
passed=0 failed=0
while read -r model tensor pipeline stage said; do
	cat >"$tmp/spec.yaml" <<-END
	cluster: weights
	nodes: [{name: n, host: 192.0.2.1, gpus: 64}]
	shared_dir: /srv
	model: {path: /srv/model}
	parallelism: {tensor: $tensor, pipeline: $pipeline}
	engine: {image: 'vllm/vllm-openai:v0.17.1'}
	END
	mine=$("$DRAY" explain layout -f "$tmp/spec.yaml" -facts "$tmp/facts" -json \
		-config "$tmp/$model/config.json" -weights "$tmp/$model" 2>&1 | grep -o '"stages":.*' |
		grep -o '"weight_bytes":[0-9]*' | sed -n "$((stage + 1))s/.*://p")
	# Within a tenth of a percent, because kernels pad.
	if awk -v a="$said" -v b="${mine:-0}" 'BEGIN { d = a - b; if (d < 0) d = -d; exit !(a > 1e6 && d <= a / 1000) }'
	then passed=$((passed + 1)); echo "ok $model TP $tensor PP $pipeline stage $stage: $said bytes, dray $mine"
	else failed=$((failed + 1)); echo "not ok $model TP $tensor PP $pipeline stage $stage: vLLM $said, dray ${mine:-nothing}"; fi
done <"$tmp/vllm"
echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" = 0 ]

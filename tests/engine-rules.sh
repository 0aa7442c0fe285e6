#!/bin/bash
# engine-rules.sh - compares what dray refuses with what vLLM refuses: the classes of the test
# bed's vLLM are built from the configs in tests/fixtures/models, cut to four layers, for many
# sizes. Ends with "N passed, N failed, N skipped".
set -u
cd "$(dirname "$0")/.." || exit 1
DRAY=${DRAY:-$PWD/build/dray}
venv=${DRAY_VENV:-$HOME/.cache/dray-testbed/venv}
if [ ! -x "$venv/bin/python" ]; then
	echo "SKIP engine-rules: no vLLM in the test bed's cache ('make demo' puts it there)"
	echo "0 passed, 0 failed, 1 skipped"
	exit 0
fi
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
version=$("$venv/bin/python" -c 'import importlib.metadata as m; print(m.version("vllm").split("+")[0])')

models="llama-3.1-8b llama-3.1-405b yi-34b qwen2.5-7b qwen2.5-72b qwen3-32b qwen3-30b-a3b
	qwen3-235b-a22b qwen3-235b-a22b-fp8 qwen2-57b-a14b mistral-7b-v0.3 mistral-large-2411
	mixtral-8x7b mixtral-8x22b gemma-2-9b gemma-2-27b deepseek-v2-lite deepseek-v3 phi-4
	phi-3.5-mini phi-3.5-moe command-r-v01 command-r-plus glm-4.5-air minimax-m2"

# The same divisibility with four layers.
for model in $models gemma-3n-e4b; do
	mkdir "$tmp/$model"
	"$venv/bin/python" - "tests/fixtures/models/$model.json" "$tmp/$model/config.json" <<-'END'
	import json, sys
	top = json.load(open(sys.argv[1]))
	for part in (top, top["text_config"]) if "text_config" in top else (top,):
	    if "num_hidden_layers" in part and top["model_type"] != "gemma3n":
	        part["num_hidden_layers"] = 4
	    if "first_k_dense_replace" in part:
	        part["first_k_dense_replace"] = 1
	    if "layer_types" in part:
	        part["layer_types"] = part["layer_types"][:4]
	    part.pop("num_nextn_predict_layers", None)
	    if part.get("rope_scaling", {}).get("type") == "longrope":
	        part.pop("rope_scaling")        # its factors are no matter of layout
	    if part["model_type"] == "minimax_m2":
	        part.update(rotary_dim=64, scoring_func="sigmoid", use_routing_bias=True)
	json.dump(top, open(sys.argv[2], "w"))
	END
done
for model in $models; do
	for tensor in 2 3 4 5 7 8 14 16 32; do echo "$tmp/$model $tensor 1"; done
	echo "$tmp/$model 2 2"
done >"$tmp/cases"
echo "$tmp/gemma-3n-e4b 2 2" >>"$tmp/cases"
"$venv/bin/python" tests/engine-rules.py <"$tmp/cases" >"$tmp/vllm" 2>"$tmp/log"
if [ "$(wc -l <"$tmp/vllm")" != "$(wc -l <"$tmp/cases")" ]; then
	tail -n 5 "$tmp/log"
	echo "not ok engine-rules: vLLM gave up after $(wc -l <"$tmp/vllm") of $(wc -l <"$tmp/cases") cases"
	echo "0 passed, 1 failed, 0 skipped"
	exit 1
fi

# What dray says about the same, for one node of 64 GPUs whose memory is not known.
mkdir "$tmp/facts"
printf 'id\tm\tb\tn\tu\t0\t0\t/\t1\nend\n' >"$tmp/facts/n.txt"
dray_says() { # MODEL TP PP
	cat >"$tmp/spec.yaml" <<-END
	cluster: rules
	nodes: [{name: n, host: 192.0.2.1, gpus: 64}]
	shared_dir: /srv
	model: {path: /srv/model}
	parallelism: {tensor: $2, pipeline: $3}
	engine: {image: 'vllm/vllm-openai:v$version'}
	END
	"$DRAY" explain layout -f "$tmp/spec.yaml" -facts "$tmp/facts" -config "$tmp/$1/config.json" 2>&1 |
		sed -n 's/^ *refused: //p'
}
passed=0 failed=0
while read -r model tensor pipeline said; do
	mine=$(dray_says "$model" "$tensor" "$pipeline")
	# Where dray quotes vLLM, it must be what vLLM says.
	case $mine in
	Total* | Pipeline*) [[ $said == *"$mine"* ]] || { said="ok? $said"; mine="in other words: $mine"; } ;;
	Weight* | The*)
		words="divisible by weight quantization"        # which matrix is met first may differ
		[[ $said == *$words* && $mine == *$words* ]] || { said="ok? $said"; mine="in other words: $mine"; } ;;
	esac
	if [[ $said == ok\?* ]]; then
		failed=$((failed + 1))
		echo "not ok $model TP $tensor PP $pipeline: vLLM: ${said#ok? }; dray, $mine"
	elif { [ -z "$mine" ] && [ "$said" = ok ]; } || { [ -n "$mine" ] && [ "$said" != ok ]; }; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		echo "not ok $model TP $tensor PP $pipeline: vLLM: $said; dray: ${mine:-ok}"
	fi
done <"$tmp/vllm"
refused=$(grep -cv ' ok$' "$tmp/vllm")
echo "vLLM $version refused $refused of $((passed + failed)) cases"
[ "$refused" -ge 50 ] || { failed=$((failed + 1)); echo "not ok engine-rules: too few refusals to compare"; }
echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" = 0 ]

#!/bin/bash
# Two owners on one machine with one cluster name, by dray itself: plan, status, apply and
# destroy of the second while the first is at work, and after. Docker is a stand-in with one
# state for both. What an earlier version left is taken over, and nothing restarts.
# shellcheck disable=SC2010,SC2012,SC2016,SC2046,SC2166
set -u
DRAY=${DRAY:-$(cd "$(dirname "$0")/../.." && pwd)/build/dray}
S=$(mktemp -d)
CLUSTER=two$$
trap 'rm -rf "$S"; rm -f /run/lock/dray-$CLUSTER-* /dev/shm/dray-$CLUSTER-* /tmp/dray-$CLUSTER-*' EXIT
cd "$S" || exit 1
passed=0 failed=0
is() {
	local what=$1
	shift
	if "$@"; then passed=$((passed + 1))
	else
		failed=$((failed + 1))
		echo "not ok owners_test: $what"
		sed 's/^/   | /' out | head -n 40
	fi
}
says() { grep -qF -- "$1" out; }
says_not() { ! grep -qF -- "$1" out; }

mkdir -p bin model docker
echo weights >model/model.safetensors
cat >model/config.json <<'JSON'
{"architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": 256, "intermediate_size": 512,
 "num_hidden_layers": 12, "num_attention_heads": 8, "num_key_value_heads": 4, "head_dim": 32,
 "vocab_size": 512, "torch_dtype": "bfloat16", "max_position_embeddings": 512}
JSON
printf '#!/bin/sh\ncase $1 in --query-gpu=*) echo "0, GPU-0, NVIDIA H200, 143771, 0, 590.1" ;; esac\n' >bin/nvidia-smi
printf '#!/bin/sh\n[ -e "%s/api" ]\n' "$S" >bin/curl
# The container is the file docker/box: its id, owner and inputs, one a line.
cat >bin/docker <<DOCKER
#!/bin/sh
cd $S/docker || exit 1
line() { sed -n "\$1p" box; }
id=\$(printf %064d 7)
case "\$1 \$2" in
"ps -a") [ ! -e box ] || echo "\$id dray-$CLUSTER-rank $CLUSTER" ;;
"info --format") echo '27.0 {"nvidia":{}}' ;;
"image inspect") case "\$4" in *RepoDigests*) echo 'vllm/vllm-openai@sha256:11 ' ;; esac; echo '[layers]' ;;
"inspect --type")
	[ -e box ] || { echo "Error: No such container" >&2; exit 1; }
	case "\$5" in
	*dray.inputs*) printf '/dray-$CLUSTER-rank\t%s\trunning\t0\t2026\tsha\t$CLUSTER\trank[a]\tdg\t%s\t77\t%s\n' \$id "\$(line 2)" "\$(line 1)" ;;
	*.Id*ExitCode*) echo "\$id true 0 false" ;;
	*.Id*Running*) echo "\$id true $CLUSTER \$(line 1)" ;;
	*Running*) echo "true 0 false" ;;
	*.Id*StartedAt*) echo "\$id 2026" ;;
	'{{.Id}}') echo \$id ;;
	*) echo $CLUSTER ;;
	esac ;;
"run -d")
	for w; do case \$w in dray.owner=*) owner=\${w#*=} ;; dray.inputs=*) inputs=\${w#*=} ;; esac; done
	printf '%s\n%s\n' "\$owner" "\$inputs" >box; echo run >>calls ;;
"rm -f") echo "rm \$*" >>calls; rm -f box ;;
esac
DOCKER
chmod +x bin/*
cat >cluster.yaml <<YAML
cluster: $CLUSTER
nodes: [{name: a, host: a, executor: local, gpus: 1}]
shared_dir: $S
model: {path: $S/model}
parallelism: {tensor: 1}
engine: {image: 'vllm/vllm-openai:v0.18.0', backend: mp}
serve: {port: 18474}
YAML
# as WHO ARGS: run dray of that owner.
as() {
	local who=$1
	shift
	mkdir -p "$S/$who"
	env -u XDG_STATE_HOME -u XDG_CACHE_HOME HOME="$S/$who" PATH="$S/bin:$PATH" LC_ALL=C "$DRAY" "$@" -f cluster.yaml
}
calls() { cat docker/calls 2>/dev/null; }

as alice apply -auto-approve -target rank >alice.out 2>&1 &
alice=$!
for _ in {1..600}; do [ ! -e docker/box ] || break; sleep 0.2; done
sleep 0.5
as bob plan -target rank >out 2>&1
is "a plan tells of the lock" says "the lock is held by"
is "and whose the container is" says "container 'dray-$CLUSTER-rank' (id 000000000000, running) belongs to login '$(id -un)' (uid $(id -u), state folder $S/alice/.local/state/dray)"
is "it takes nothing over" says_not "will be recorded"
as bob status >out 2>&1
is "status: the lock" says "lock    held by"
is "status: a conflict" grep -q '^two.* CONFLICT' out
as bob apply -auto-approve -target rank >out 2>&1
is "apply does not start" says "apply will not start"
as bob destroy -auto-approve -lock-timeout 0 >out 2>&1
rc=$?
is "destroy leaves it alone" says "it is left alone"
is "destroy: 0, or 4 while she is at work" [ $rc = 0 -o $rc = 4 ]
is "nothing was removed" [ "$(calls)" = run ]
: >api
wait $alice
rc=$?
cp alice.out out
is "alice is done" [ $rc = 0 ]
as bob destroy -auto-approve >out 2>&1
rc=$?
is "after it: destroy leaves it alone" [ "$rc:$(calls)" = 0:run ]
is "and says whose it is" says "state folder $S/alice/.local/state/dray): it is left alone"
as alice plan -no-probe -target rank -detailed-exitcode >out 2>&1
rc=$?
is "alice: no changes" [ $rc = 0 ]
# As an earlier version left it: no owner in label or record.
sed -i '1s/.*//' docker/box
sed -i 's/"owner":"[^"]*",//' alice/.local/state/dray/"$CLUSTER"/*/steps/*.json alice/.local/state/dray/"$CLUSTER"/*/members.json
as alice plan -no-probe -target rank -detailed-exitcode >out 2>&1
rc=$?
is "an upgrade restarts nothing" [ $rc = 0 ]
as bob plan -target rank >out 2>&1
is "to others its owner is not known" says "was made by an earlier version of dray, and no record of this login names it"
as bob destroy -auto-approve >out 2>&1
is "who leave it alone" [ "$(calls)" = run ]
as alice destroy -auto-approve >out 2>&1
rc=$?
is "it is destroyed by whose records name it" [ "$rc:$(calls | tail -n 1 | cut -c 1-8)" = "0:rm rm -f" ]
is "no lock is left" [ -z "$(ls /run/lock /dev/shm /tmp 2>/dev/null | grep "dray-$CLUSTER-")" ]
echo "owners_test: $passed passed, $failed failed, 0 skipped"
[ $failed = 0 ]

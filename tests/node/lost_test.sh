#!/bin/bash
# lost_test.sh - a command ends while nobody is there to hear it: its connection is gone, or
# dray itself is. It has run once, and how it ended is known. The node is this machine, reached
# through a Lua executor, with a home of its own.
# shellcheck disable=SC2016
. "$(dirname "$0")/lib.sh"
DRAY=${DRAY:-$TOP/build/dray}
SHELLS=(sh)

# spec STEP-LINES...: cluster.yaml with one command.
spec() {
	mkdir -p "$ROOM/venv/bin" "$ROOM/venv/lib/python3/site-packages/vllm-0.32.0.dist-info" "$ROOM/model"
	ln -sf /bin/true "$ROOM/venv/bin/vllm"
	echo weights >"$ROOM/model/model.safetensors"
	cat >"$ROOM/model/config.json" <<-'END'
	{"architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": 256, "intermediate_size": 512,
	 "num_hidden_layers": 12, "num_attention_heads": 8, "num_key_value_heads": 4, "head_dim": 32,
	 "vocab_size": 512, "torch_dtype": "bfloat16", "max_position_embeddings": 512}
	END
	printf '#!/bin/sh\ncase $1 in --query-gpu=*) echo "0, GPU-0, NVIDIA H200, 143771, 0, 590.1" ;; esac\n' \
		>"$ROOM/bin/nvidia-smi"
	chmod +x "$ROOM/bin/nvidia-smi"
	cat >"$ROOM/box.lua" <<-'END'
	return {connect = function(node)
		return {"sh", "-c", 'echo $$ >>"$1/loops"; cd "$1"; exec env -u XDG_STATE_HOME XDG_RUNTIME_DIR="$1/home" HOME="$1/home" PATH="$1/bin:$PATH" sh',
			"box", node.labels.room}
	end}
	END
	{
		echo "cluster: lost"
		echo "nodes: [{name: n, host: n, gpus: 1, executor: box.lua, labels: {room: $ROOM}}]"
		echo "shared_dir: $ROOM/shared"
		echo "model: {path: $ROOM/model}"
		echo "parallelism: {tensor: 1}"
		echo "engine: {runtime: none, venv: $ROOM/venv, backend: mp}"
		echo "steps:"
		echo "  - command: job"
		echo "    nodes: all"
		printf '    %s\n' "$@"
	} >"$ROOM/cluster.yaml"
}
# dray ARGS: leaves $rc and $out.
dray() {
	rm -f "$ROOM/loops"
	out=$(cd "$ROOM" && "$DRAY" "$@" -target command.job 2>&1)
	rc=$?
}
ran() { tr '\n' ' ' <"$ROOM/ran" 2>/dev/null; }
# The first shell of the node, where what changes something runs, dies.
LOSE='kill -9 $(head -n 1 loops); sleep 1;'

NOTHING='0 to add, 0 to change, 0 to replace, 0 to restart, 0 to destroy. 1 step unchanged'
connection() {
	spec "run: 'echo start >>ran; $LOSE echo done >>ran'"
	dray apply -auto-approve
	is "it ended well: the apply does" [ $rc = 0 ]
	is "it was connected again" [ "$(wc -l <"$ROOM/loops")" -ge 2 ]
	is "it has run once" [ "$(ran)" = "start done " ]
	dray plan
	is "and is done" has "$out" "$NOTHING"
}
connection_with_check() {
	spec "run: 'echo start >>ran; $LOSE : >made; echo done >>ran'" "check: test -e $ROOM/made" \
		"creates: $ROOM/made"
	dray apply -auto-approve
	is "with a check: the apply ends well" [ $rc = 0 ]
	is "with a check: it has run once" [ "$(ran)" = "start done " ]
}
connection_and_failure() {
	spec "run: 'echo start >>ran; $LOSE echo the disk is full >&2; exit 7'"
	dray apply -auto-approve
	is "it failed: so does the apply" [ $rc != 0 ]
	is "with its words" has "$out" "the disk is full"
	is "with its status" has "$out" "status: 7"
	is "with the time" has "$out" "while the connection was lost"
	is "it has run once" [ "$(ran)" = "start " ]
	dray plan
	is "a later plan says it" has "$out" "with status 7: the disk is full"
}
connection_in_undo() {
	spec "run: 'true'" "undo: 'echo undo >>ran; $LOSE echo undone >>ran'"
	dray apply -auto-approve
	dray destroy -auto-approve
	is "undone: destroy ends well" [ $rc = 0 ]
	is "it was undone once" [ "$(ran)" = "undo undone " ]
	spec "run: 'true'" "undo: 'echo undo >>ran; $LOSE echo cannot >&2; exit 5'"
	dray apply -auto-approve
	rm "$ROOM/ran"
	dray destroy -auto-approve
	is "not undone: destroy says so" [ $rc != 0 ]
	is "with its words" has "$out" cannot
	is "it was tried once" [ "$(ran)" = "undo " ]
}

# killed ARGS: dray dies by -9 once something is in ROOM/ran; then what it began ends.
killed() {
	rm -f "$ROOM/loops"
	(cd "$ROOM" && exec "$DRAY" "$@" -auto-approve -target command.job >/dev/null 2>&1) &
	local pid=$! i
	for ((i = 0; i < 200; i++)); do
		[ ! -s "$ROOM/ran" ] || break
		/bin/sleep 0.1
	done
	kill -9 $pid
	wait $pid 2>/dev/null
	${MEANWHILE:-:}
	: >"$ROOM/go"
	for ((i = 0; i < 200; i++)); do
		flock -n "$(echo "$ROOM"/home/.local/state/dray/lost/*/lock)" true && break
		/bin/sleep 0.1
	done
}
WAIT='until [ -e go ]; do sleep 0.1; done;'
refused() {
	dray apply -auto-approve -lock-timeout 0
	is "meanwhile the lock is held" [ $rc = 4 ]
	is "by whose command" has "$out" "; it runs 'command-up' there, for "
}
gone() {
	spec "run: 'echo start >>ran; $WAIT echo done >>ran'"
	MEANWHILE=refused killed apply
	dray plan
	is "dray was killed, it ended well: nothing to do" has "$out" "$NOTHING"
	dray apply -auto-approve
	is "nor is it run again" [ "$rc:$(ran)" = "0:start done " ]
	sed -i 's/echo done/echo other/' "$ROOM/cluster.yaml"
	dray plan
	is "another text is run" has "$out" "1 to change"
}
gone_and_failed() {
	spec "run: 'echo start >>ran; $WAIT echo no luck; exit 9'"
	killed apply
	dray plan
	is "dray was killed, it failed: the plan says of what" has "$out" "with status 9: no luck"
}
gone_in_undo() {
	spec "run: 'true'" "undo: 'echo undo >>ran; $WAIT echo undone >>ran'"
	dray apply -auto-approve
	killed destroy
	dray destroy -auto-approve
	is "dray was killed, it was undone: once" [ "$rc:$(ran)" = "0:undo undone " ]
}
# The script itself dies: nobody knows how far it came.
half_done() {
	spec "run: 'echo start >>ran; kill -9 \$PPID'"
	dray apply -auto-approve
	dray plan
	is "cut off in the middle: interrupted" has "$out" "did not finish it"
}

each connection connection_with_check connection_and_failure connection_in_undo gone gone_and_failed \
	gone_in_undo half_done

#!/bin/bash
# view_test.sh - how an apply is shown: failures that are the same on many nodes are one box, and
# on a terminal a last line says how far all of it is. The nodes are this machine, reached through
# a Lua executor, each with a home of its own.
# shellcheck disable=SC2016
. "$(dirname "$0")/lib.sh"
DRAY=${DRAY:-$TOP/build/dray}
SHELLS=(sh)

# spec SCRIPT: cluster.yaml with four nodes, each of which runs that.
spec() {
	local n
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
		return {"sh", "-c", 'mkdir -p "$1/$2"; cd "$1/$2"; exec env -u XDG_STATE_HOME XDG_RUNTIME_DIR="$1/$2" HOME="$1/$2" PATH="$1/bin:$PATH" NAME="$2" sh',
			"box", node.labels.room, node.name}
	end}
	END
	{
		echo "cluster: view$$"
		echo "nodes:"
		for n in 9 10 11 12; do
			echo "  - {name: n-$n, host: n-$n, gpus: 1, executor: box.lua, labels: {room: $ROOM}}"
		done
		echo "shared_dir: $ROOM/shared"
		echo "model: {path: $ROOM/model}"
		echo "parallelism: {tensor: 4}"
		echo "engine: {runtime: none, venv: $ROOM/venv, backend: mp}"
		echo "steps:"
		echo "  - command: job"
		echo "    nodes: all"
		echo "    run: '$1'"
	} >"$ROOM/cluster.yaml"
}
dray() {
	out=$(cd "$ROOM" && timeout 120 "$DRAY" "$@" -target command.job 2>&1)
	rc=$?
}
failures() {
	spec 'echo "no space on the disk of $NAME" >&2; exit 3'
	dray apply -auto-approve
	is "all fail" [ $rc = 3 ]
	is "in one box" [ "$(grep -c '^╷' <<<"$out")" = 1 ]
	is "with their names" has "$out" '│ Error: command.job[n-9..12] failed on 4 nodes after '
	is "and what one of them says" has "$out" '│   no space on the disk of n-'
	dray apply -auto-approve -json
	is "as JSON it is one line each" [ "$(grep -c '"type":"apply_errored"' <<<"$out")" = 4 ]
	spec 'case $NAME in n-10) echo "a disk is gone" >&2; exit 4 ;; n-12) exit 0 ;; *) echo "no space" >&2; exit 3 ;; esac'
	dray apply -auto-approve
	is "another cause is another box" [ "$(grep -c '^╷' <<<"$out")" = 2 ]
	is "of one node" has "$out" '│ Error: command.job[n-10] failed on n-10 after '
	is "of the others" has "$out" '│ Error: command.job[n-9,11] failed on 2 nodes after '
}

# on_terminal WORDS KEY ARGS: dray on a terminal of 20 lines; once that shows WORDS, the KEY is sent, and
# ROOM/go is made, with a KEY once dray has taken notice. $out is what the screen shows in the end,
# $seen all that it was sent.
on_terminal() {
	cat >"$ROOM/terminal.py" <<-'END'
		import fcntl, os, pty, re, struct, sys, termios
		room, words, key, *cmd = sys.argv[1:]
		pid, fd = pty.fork()
		if pid == 0:
		    os.chdir(room)
		    os.environ["TERM"] = "xterm"
		    os.execvp(cmd[0], cmd)
		fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", 20, 70, 0, 0))
		sent, waits = b"", [words]
		key = key.encode().decode("unicode_escape").encode()
		while True:
		    try:
		        got = os.read(fd, 65536)
		    except OSError:
		        break
		    if not got:
		        break
		    sent += got
		    if waits and waits[0].encode() in sent:
		        waits = ["interrupted: "] if key else []
		        if not key:
		            open(room + "/go", "w").close()
		        os.write(fd, key)
		        key = b""
		text = sent.decode(errors="replace")
		lines, row = [""], 0
		for part in re.split(r"(\033\[[0-9;]*[A-Za-z]|\r\n|\n)", text):
		    if part in ("\r\n", "\n"):
		        row += 1
		        if row == len(lines):
		            lines.append("")
		    elif part.endswith("A") and part.startswith("\033["):
		        row -= int(part[2:-1])
		    elif part == "\033[2K":
		        lines[row] = ""
		    elif not part.startswith("\033["):
		        lines[row] += part
		open(room + "/seen", "w").write(text)
		print("\n".join(lines))
		sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
	END
	local words=$1 key=$2
	shift 2
	rm -f "$ROOM/go" "$ROOM/seen"
	out=$(timeout 120 python3 "$ROOM/terminal.py" "$ROOM" "$words" "$key" "$DRAY" "$@" -target command.job)
	rc=$?
	seen=$(cat "$ROOM/seen")
}
last_line() {
	spec 'until [ -e ../go ]; do sleep 0.1; done'
	on_terminal '0 of 4 steps done, ' '' apply -auto-approve
	is "on a terminal a last line tells how far it is" has "$seen" '0 of 4 steps done, 0 s'
	is "and how far it got" has "$seen" '3 of 4 steps done, '
	is "nothing of it stays" lacks "$out" 'steps done'
	is "but what was done" has "$out" 'command.job[n-12]: Creation complete after'
	is "it ended well" [ $rc = 0 ]
	spec 'until [ -e ../go ]; do sleep 0.1; done; true'
	on_terminal 'last time' '' apply -auto-approve
	is "how long the longest took last time" grep -qE '; command.job\[n-[0-9]+\] took [0-9]+ s last time' "$ROOM/seen"
	spec 'until [ -e ../go ]; do sleep 0.1; done; :'
	on_terminal '0 of 4 steps done, ' '\x03' apply -auto-approve
	is "Ctrl-C ends it" [ $rc = 130 ]
	is "and leaves nothing of it" lacks "$out" 'steps done'
	is "but the summary" has "$out" 'Apply interrupted'
	spec 'true'
	dray apply -auto-approve
	is "where there is no terminal there is none" lacks "$out" 'steps done'
}
each failures last_line

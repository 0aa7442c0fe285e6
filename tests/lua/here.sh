# here.sh - kinds, commands and hooks that really run on this machine with executor local;
# run.sh sources it. No engine is started: only the user's own steps are applied.
# shellcheck shell=bash disable=SC2016,SC2034,SC2154

here=$tmp/here
mkdir -p "$here/home" "$here/bin" "$here/model" "$here/venv/bin" \
	"$here/venv/lib/python3/site-packages/vllm-0.32.0.dist-info"
cat >"$here/model/config.json" <<'END'
{"architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": 256,
 "intermediate_size": 512, "num_hidden_layers": 12, "num_attention_heads": 8, "num_key_value_heads": 4,
 "head_dim": 32, "vocab_size": 512, "torch_dtype": "bfloat16", "max_position_embeddings": 512}
END
echo weights >"$here/model/model.safetensors"
ln -s /bin/true "$here/venv/bin/vllm"
printf '#!/bin/sh\ncase $1 in --query-gpu=*) echo "0, GPU-0, NVIDIA H200, 143771, 0, 590.1" ;; esac\n' \
	>"$here/bin/nvidia-smi"
chmod +x "$here/bin/nvidia-smi"

# here_spec: the start of the spec; the rest comes from stdin.
here_spec() {
	{
		cat <<END
cluster: here
nodes: [{name: here, executor: local, gpus: 1}]
shared_dir: $here
model: {path: $here/model}
parallelism: {tensor: 1}
engine: {runtime: none, venv: $here/venv, backend: mp}
END
		cat
	} >"$here/cluster.yaml"
}
at_here() {
	(cd "$here" && HOME=$here/home XDG_CACHE_HOME=$here/home XDG_STATE_HOME='' PATH=$here/bin:$PATH \
		timeout -k 5 60 "$DRAY" "$@") >"$tmp/out" 2>&1 </dev/null
	rc=$?
}
# true_that NAME CONDITION...: one check of the current state.
true_that() {
	local name=$1
	shift
	if "$@"; then passed=$((passed + 1)) && return; fi
	failed=$((failed + 1))
	echo "not ok lua: $name"
}

# ---- a secret field: set, noticed when it changes here or there, and nowhere to be seen ----
cat >"$here/conf.lua" <<'END'
return {
	name = "conf",
	fields = {
		path = {type = "text", required = true, forces = "replace"},
		token = {type = "text", secret = true, forces = "update"},
	},
	observe = function(ctx, want)
		local r = ctx:run{"cat", want.path}
		if r.status ~= 0 then return nil end
		return {path = want.path, token = r.out:match("^token=(.*)\n")}
	end,
	up = function(ctx, want, change)
		if change then ctx:log("changes: %s", change) end
		ctx:run{argv = {"sh", "-c", 'cat >"$1"', "w", want.path}, check = true,
			stdin = "token=" .. ctx:secret(want.token) .. "\n"}
	end,
	down = function(ctx, have)
		ctx:log("has: %s", have)
		ctx:run{"rm", have.path, check = true}
	end,
}
END
here_spec <<END
kinds: [conf.lua]
steps: [{kind: conf, name: c, nodes: all, with: {path: $here/c.conf, token: 'env:CONF_TOKEN'}}]
END
export CONF_TOKEN=poison-first-5761
at_here plan -target conf
check "a secret of a kind in the plan" 0 '+ token = (sensitive'
at_here apply -auto-approve -target conf
check "a secret of a kind is set" 0 'Steps: 1 added'
true_that "the secret is where up() put it" grep -qx token=poison-first-5761 "$here/c.conf"
at_here plan -detailed-exitcode -target conf
check "then nothing differs" 0
CONF_TOKEN=poison-second-5761
at_here plan -target conf
check "another secret is a change" 0 'conf.c\[here\] will be updated' '~ token = (sensitive #1) -> (sensitive #2)'
at_here apply -auto-approve -target conf
check "another secret is set" 0 'changes: {"token":{"secret":true}}' 'Steps: 0 added, 1 changed'
echo token=meddled >"$here/c.conf"
at_here plan -target conf
check "a secret that observe() sees drifts" 0 'token changed'
at_here apply -auto-approve -target conf -json
check "and is repaired" 0
true_that "the new secret is there again" grep -qx token=poison-second-5761 "$here/c.conf"
true_that "no secret in records" sh -c "! grep -rq poison- '$here/home' '$tmp/out'"
unset CONF_TOKEN
at_here plan -target conf
check "a secret that is not there" 1 "'token' of conf.c\[here\]: read the secret 'env:CONF_TOKEN'"
at_here destroy -auto-approve
check "which destroy does not need" 0 'has: {"path":"[^"]*"}$' '1 destroyed'
true_that "down() took it away" test ! -e "$here/c.conf"

# ---- what hooks say: more than one line, and no secret --------------------------------------
export CHAT_TOKEN=poison-third-5761
cat >"$here/veto.lua" <<'END'
return {
	before_plan = function(ctx) ctx:warn("a warning with %s", ctx:secret("env:CHAT_TOKEN")) end,
	after_plan = function(ctx)
		if ctx.config.fail then error("one\ntwo\n") end
		return "first\nsecond " .. ctx:secret("env:CHAT_TOKEN")
	end,
}
END
here_spec <<END
hooks: [{file: veto.lua}]
END
at_here plan
check "a veto of two lines without the secret" 1 '^error: veto.lua: first$' '^note: second (secret)$'
at_here plan -json
check "the same for programs" 1 '"diagnostic":{"hint":null,"node":null,"severity":"error","summary":"veto.lua: first\\nsecond (secret)"}' \
	'"@level":"warn","@message":"veto.lua: a warning with (secret)"'
sed -i 's/{file: veto.lua/&, config: {fail: true}/' "$here/cluster.yaml"
at_here plan
check "an error of two lines" 1 '^veto.lua:4:[0-9]*: error: one$' '^note: two$'
at_here plan -json
check "an error for programs has its place" 1 '"@message":"veto.lua:4: one\\ntwo"'
cat >"$here/slow.lua" <<'END'
return {before_apply = function(ctx) ctx:sleep(1) error("too late") end}
END
here_spec <<END
hooks: [{file: slow.lua}]
steps: [{command: nothing, nodes: all, run: 'true'}]
END
at_here apply -auto-approve -target command
check "how long a hook of the apply took" 1 'Error: before_apply failed after [1-9][0-9]* s' 'slow.lua:1: too late'

# ---- a pattern that goes back and forth for years is ended by the second Ctrl-C --------------
cat >"$here/busy.lua" <<'END'
return {before_apply = function(ctx)
	ctx:log("busy now")
	return ("a"):rep(5000):match(("a*"):rep(9) .. "b")
end}
END
here_spec <<END
hooks: [{file: busy.lua}]
steps: [{command: nothing, nodes: all, run: 'true'}]
END
(cd "$here" && HOME=$here/home XDG_STATE_HOME='' PATH=$here/bin:$PATH exec "$DRAY" apply -auto-approve \
	-target command) >"$tmp/out" 2>&1 </dev/null &
pid=$!
for ((i = 0; i < 600; i++)); do grep -q "busy now" "$tmp/out" && break; sleep 0.1; done
kill -INT $pid
sleep 0.5
true_that "the first one is kept for later" kill -0 $pid
kill -INT $pid
wait $pid
rc=$?
check "a second Ctrl-C ends dray" 130 'busy now'

# ---- a kind whose file is gone: what it made can still be found, and taken away -------------
mkdir -p "$here/marks"
cat >"$here/mark.lua" <<'END'
return {
	name = "mark",
	fields = {
		path = {type = "text", required = true, forces = "replace"},
		words = {type = "map", default = {}, forces = "update"},
	},
	observe = function(ctx, want)
		if ctx:run{"test", "-e", want.path}.status ~= 0 then return nil end
		return {path = want.path, words = want.words}
	end,
	up = function(ctx, want) ctx:run{"touch", want.path, check = true} end,
	down = function(ctx, have)
		ctx:log("words: %s", have.words)
		ctx:run{"rm", have.path, check = true}
	end,
}
END
with_mark() {
	here_spec <<END
kinds: [mark.lua]
steps: [{kind: mark, name: m, nodes: all, with: {path: $here/marks/m}}, {command: c, nodes: all, run: 'true'}]
END
}
with_mark
at_here apply -auto-approve -target mark -target command
check "a kind's step" 0 '2 added'
here_spec </dev/null
at_here destroy -auto-approve
check "its file is gone" 0 "which no file under 'kinds' defines" '1 destroyed'
at_here destroy -auto-approve
check "it is still known" 0 "which no file under 'kinds' defines" 'Nothing to destroy, except what is left alone'
with_mark
at_here destroy -auto-approve
check "with its file it is taken away" 0 'words: {}' '1 destroyed'
true_that "nothing is left of it" sh -c "! ls '$here/marks'/* '$here/home/.local/state/dray' 2>/dev/null"

# ---- moved: what was made before is replaced, whatever is there where it goes now -----------
cat >"$here/drift.lua" <<'END'
return {on_drift = function(ctx, event)
	for _, step in ipairs(event.drift) do ctx:log("drift of %s: %s", step.address, step.cause) end
end}
END
marked() { # NAME [LEVEL]
	here_spec <<END
kinds: [level.lua]
hooks: [{file: drift.lua}]
steps: [{kind: level, name: l, nodes: all, with: {path: $here/marks/$1, level: ${2:-1}}}]
END
}
cat >"$here/level.lua" <<'END'
return {
	name = "level",
	fields = {
		path = {type = "text", required = true, forces = "replace"},
		level = {type = "integer", default = 1, forces = "update"},
	},
	observe = function(ctx, want)
		local r = ctx:run{"cat", want.path}
		if r.status ~= 0 then return nil end
		return {path = want.path, level = r.out:match("%d+")}
	end,
	up = function(ctx, want)
		ctx:run{argv = {"tee", want.path}, stdin = want.level .. "\n", check = true}
	end,
	down = function(ctx, have) ctx:run{"rm", "-f", have.path, check = true} end,
}
END
marked a
at_here apply -auto-approve -target level
check "a step with a level" 0 '1 added'
echo 1 >"$here/marks/b"
marked b
at_here plan -target level
check "it moves to where something is" 0 'must be replaced (because path changed)' '~ path = .*/a -> .*/b '
true_that "which is no drift" sh -c "! grep -q drift '$tmp/out'"
marked c
at_here apply -auto-approve -target level
check "it moves to where nothing is" 0 '(because path changed)' '1 replaced'
true_that "the old one is gone" sh -c "! test -e '$here/marks/a' && test -e '$here/marks/c'"
true_that "which is no drift either" sh -c "! grep -q drift '$tmp/out'"
marked c 2
at_here plan -target level
check "another level" 0 '~ level = 1 -> 2'
true_that "is no drift" sh -c "! grep -q drift '$tmp/out'"
echo 5 >"$here/marks/c"
at_here plan -target level
check "a level that somebody changed is drift" 0 '~ level = 5 -> 2' 'drift of level.l\[here\]: level changed'
rm "$here/marks/c"
at_here plan -target level
check "gone is drift" 0 'drift of level.l\[here\]: what was there is gone'
at_here destroy -auto-approve
check "it is destroyed" 0
rm -f "$here/marks/b"

# ---- what a failed command wrote is shown, whatever it is -----------------------------------
here_spec <<'END'
steps: [{command: rubbish, nodes: all, run: 'printf "red\377\000\033[31m\nend\n" >&2; exit 9'}]
END
at_here apply -auto-approve -target command
check "bytes that are no text" 3 'red.xff.x00.x1b.31m' 'end$'
at_here apply -auto-approve -target command -json
check "the same for programs" 3 '"tail":"red..xff..x00.u001B.31m.nend"'

# ---- destroy takes away what it cannot see, by its record -----------------------------------
here_spec <<END
kinds: [level.lua]
steps:
  - {kind: level, name: l, nodes: all, with: {path: $here/marks/blind}}
  - {command: c, nodes: all, run: 'touch $here/marks/c', check: 'test ! -e $here/slow || sleep 60; test -e $here/marks/c', undo: 'rm $here/marks/c', timeout: 4}
END
at_here apply -auto-approve -target level -target command
check "two steps" 0 '2 added'
sed -i 's/observe = function(ctx, want)/& error("blind")/' "$here/level.lua"
touch "$here/slow"
at_here destroy -auto-approve
check "both cannot be seen" 0 'warning: level.l.here. cannot be observed, so its record decides: level.lua:[0-9]*: blind' \
	'warning: command.c.here. cannot be observed.*timed out' '2 destroyed'
true_that "both are gone" sh -c "! ls '$here/marks'/* '$here/home/.local/state/dray' 2>/dev/null"
rm "$here/slow"

# ---- the contract of a kind's functions, in small -------------------------------------------
cat >"$here/small.lua" <<'END'
return {
	name = "small",
	fields = {
		size = {type = "integer", default = 1, forces = "update"},
		note = {type = "text", default = "", forces = "none"},
	},
	observe = function(ctx, want)
		local r = ctx:run{"cat", "small"}
		return r.status == 0 and {size = r.out} or nil
	end,
	up = function(ctx, want, change)
		ctx:log("%s on %s: %s", ctx.step, ctx.node, change)
		ctx:run{argv = {"tee", "small"}, stdin = want.size .. "", check = true}
		if want.note == "large" then ctx:run{"head", "-c", "9000000", "/dev/zero"} end
		return {instance = "size-" .. want.size, note = "it is done"}
	end,
}
END
small() {
	here_spec <<END
kinds: [small.lua]
steps: [{kind: small, name: s, nodes: all, with: {size: $1, note: '$2'}}]
END
}
small 1 a
at_here apply -auto-approve -target small
check "up() says what it made" 0 'small.s.here. on here: nil' 'Creation complete after .*id=size-1' 'small.s.here.: it is done'
small 2 b
at_here apply -auto-approve -target small
check "a field that forces nothing is no change" 0 'on here: {"size":{"new":2,"old":1}}'
small 3 large
at_here apply -auto-approve -target small
check "more output than can be kept" 3 'here: the program printed more than 8 MiB'

# ---- what a hook leaves running holds no lock, and what it makes can be read ----------------
cat >"$here/daemon.lua" <<'END'
return {before_apply = function(ctx)
	ctx:log("pid=%s", ctx:run{"sh", "-c", 'umask; sleep 20 >/dev/null 2>&1 & echo $!'}.out)
end}
END
here_spec <<'END'
hooks: [{file: daemon.lua}]
steps: [{command: again, nodes: all, run: 'true'}]
END
at_here apply -auto-approve -target command
check "a hook that starts a daemon" 0 'daemon.lua: pid=0022'
pids=$(sed -n 's/^  | \([0-9]*\)$/\1/p' "$tmp/out")
at_here apply -auto-approve -target command -replace command
check "the next one gets the lock" 0 '1 replaced'
pids="$pids $(sed -n 's/^  | \([0-9]*\)$/\1/p' "$tmp/out")"
# shellcheck disable=SC2086
kill $pids

# apply.sh - interrupts, events, failures, and what an apply on this machine shows; run.sh
# sources it after here.sh.
# shellcheck shell=bash disable=SC2016,SC2034,SC2154

# ---- interrupts while a hook waits ----------------------------------------------------------
cat >"$here/wait.lua" <<'END'
local function wait(ctx, event)
	if ctx.config.at ~= event.event then return end
	print("waiting")
	for _ = 1, 400 do
		if ctx.config.goes_on and pcall(ctx.file, ctx, "go-on") then return end
		ctx:sleep(0.1)
	end
	print("waited in vain")
end
return {before_apply = wait, before_step = wait, after_apply = wait}
END
# said WORD: waits until dray said that.
said() { for _ in $(seq 600); do ! grep -q "$1" "$tmp/out" || break; sleep 0.1; done; }
# begin ARGUMENTS...: in the background, as $pid.
begin() {
	: >"$tmp/out"
	set -m # else the shell has it ignore interrupts
	(cd "$here" && HOME=$here/home XDG_CACHE_HOME=$here/home XDG_STATE_HOME='' PATH=$here/bin:$PATH \
		exec "$DRAY" "$@") >"$tmp/out" 2>&1 </dev/null &
	pid=$!
	set +m
}
# interrupted N ARGUMENTS...: so many interrupts once a hook waits; one that
# `goes_on` does so when the first was heard.
interrupted() {
	local n=$1
	shift
	rm -f "$here/go-on"
	begin "$@"
	said waiting
	kill -INT "$pid"
	said interrupted
	[ "$n" = 1 ] || kill -INT "$pid"
	touch "$here/go-on"
	wait "$pid"
	rc=$?
}
silent_about() { ! grep -q "$1" "$tmp/out"; }
here_spec <<'END'
hooks: [{file: wait.lua, config: {at: before_apply}, timeout: 60}]
steps: [{command: waits, nodes: all, run: 'true'}]
END
interrupted 1 apply -auto-approve -target command
check "an interrupt before anything is started" 130 'interrupted: nothing is started' 'wait.lua: interrupted'
true_that "it does not wait for the hook" silent_about 'in vain\|timed out'
sed -i s/before_apply/after_apply/ "$here/cluster.yaml"
interrupted 2 apply -auto-approve -target command
check "two after everything" 130 'already done: .*command.waits' 'wait.lua: interrupted'
true_that "they do not wait for the hook" silent_about 'in vain\|timed out'
here_spec <<END
hooks: [{file: wait.lua, config: {at: before_step, goes_on: true}}]
steps: [{command: begun, nodes: all, run: 'touch $here/begun'}]
END
interrupted 1 apply -auto-approve -target command.begun
check "one while a step's hook is asked" 130 'command.begun.here.: cancelled'
true_that "the step is not begun" test ! -e "$here/begun"

# A step that is stopped is reported to hooks, which one more Ctrl-C ends.
cat >"$here/told.lua" <<'END'
return {step_failed = function(ctx) ctx:log("told") ctx:sleep(50) ctx:log("slept") end}
END
here_spec <<'END'
hooks: [{file: told.lua, timeout: 60}]
steps: [{command: stopped, nodes: all, run: 'sleep 50'}]
END
begin apply -auto-approve -target command.stopped
for word in Creating 'interrupted:' told; do said "$word" && kill -INT "$pid"; done
wait "$pid"
rc=$?
check "three presses" 130 'command.stopped.here.: cancelled' 'told.lua: told'
true_that "the third one ends what is told of it" silent_about 'slept\|timed out'

# ---- a command that takes too long leaves nothing in /tmp -----------------------------------
mkdir "$here/tmp"
here_spec <<'END'
steps: [{command: long, nodes: all, run: 'sleep 30', timeout: 1}]
END
TMPDIR=$here/tmp at_here apply -auto-approve -target command
check "a command that takes too long" 3 'timed out after 1 s'
true_that "leaves nothing in /tmp" sh -c "! ls -A '$here/tmp' | grep ."

# ---- a recorded event has what its hooks are given ------------------------------------------
mkdir "$here/hooks"
echo 'return {after_plan = function(ctx, event) return "not " .. ctx.config.what end}' >"$here/hooks/what.lua"
here_spec <<'END'
hooks: [{file: hooks/what.lua, config: {what: today}}]
END
at_here plan -record rec
check "a plan that is recorded" 1 'hooks/what.lua: not today'
at_here hooks test hooks/what.lua rec/event-after_plan.json
check "its event tried again" 1 'veto: what.lua: not today'
true_that "only its owner can read a recording" [ "$(find "$here/rec" -perm /077)" = "" ]

# ---- small things that are told ---------------------------------------------------------------
echo 'return {before_plan = function() return "stop" end, after_plan = function() return "" end}' >"$here/texts.lua"
here_spec <<'END'
hooks: [{file: texts.lua}]
END
at_here plan
check "a text where none is wanted, and one without words" 1 'warning: texts.lua: the string that before_plan() returns is ignored' \
	'error: texts.lua: a veto without a reason'
here_spec <<'END'
kinds: [mark.lua, small.lua]
END
at_here kinds show mark
check "a kind with a map, without doc" 0 '^mark$' '^  path  *replace  *(text, required)$' '^  words  *update  *(map, default {})$'
true_that "the map stands there once" [ "$(grep -c words "$tmp/out")" = 1 ]
at_here kinds show small
check "a default that is empty" 0 'note .*(text, default "")'
echo 'return {connect = function() return {"false"} end}' >"$here/no.lua"
here_spec </dev/null
sed -i "s/^nodes:.*/nodes: [{name: a, executor: no.lua, gpus: 1}, {name: b, executor: no.lua, gpus: 1}]/
	s/tensor: 1/tensor: 1, pipeline: 2/; s/, backend: mp//" "$here/cluster.yaml"
at_here plan
check "what nobody has seen" 1 'mp (the environment was not observed)'

# ---- a step that brings what dray itself needs goes first, alone ----------------------------
cat >"$here/bring.lua" <<'END'
return {
	name = "bring",
	fields = {path = {type = "text", required = true, forces = "replace"}},
	observe = function(ctx, want)
		return ctx:run{"test", "-d", want.path}.status == 0 and want or nil
	end,
	up = function(ctx, want) ctx:run{"mkdir", "-p", want.path, check = true} end,
	down = function(ctx, have) ctx:run{"rmdir", have.path, check = true} end,
}
END
here_spec <<END
kinds: [bring.lua]
steps:
  - {kind: bring, name: b, nodes: all, with: {path: $here/brought}, before: [rank]}
  - {command: other, nodes: all, run: 'true', check: 'sleep 5', timeout: 1}
END
sed -i "s#^shared_dir:.*#shared_dir: $here/brought#" "$here/cluster.yaml"
at_here apply -auto-approve
check "shared_dir is not there" 1 "shared_dir '.*/brought' does not exist" \
	'mkdir -p .*; if one of your steps does that, run it first: dray apply -target STEP'
at_here apply -auto-approve -target rank
check "with one of dray's own among them it counts" 1 "shared_dir '.*/brought' does not exist"
at_here apply -auto-approve -target bring
check "the step that brings it" 0 '1 added'
true_that "nobody asks for more" sh -c "! grep -q 'error' '$tmp/out'"
at_here destroy -auto-approve

# ---- after_apply is told whatever ended the apply --------------------------------------------
cat >"$here/ends.lua" <<'END'
return {
	before_apply = function(ctx) if ctx.config.no then error("not now") end end,
	after_apply = function(ctx, event)
		ctx:log("%s, %d failed, %s", event.outcome, event.failed, event.failures)
	end,
}
END
here_spec <<'END'
hooks: [{file: ends.lua, config: {no: true}}]
steps: [{command: never, nodes: all, run: 'true'}]
END
at_here apply -auto-approve -target command
check "before_apply ended it" 1 'Apply failed; nothing was changed' \
	'ends.lua: failed, 0 failed, \[{"error":"ends.lua:2: not now","step":"before_apply"}\]'

# ---- a secret for a command: the kind that docs/lua.md shows ---------------------------------
mkdir "${here:?}/kinds"
sed -n '/^-- kinds\/license.lua/,/^```/p' docs/lua.md | sed '$d' >"$here/kinds/license.lua"
printf '#!/bin/sh\nread -r key && echo "$1 ${#key}" >"%s" && ps -ef >"%s"\n' "$here/activated" "$here/seen" \
	>"${here:?}/bin/solverctl"
chmod +x "${here:?}/bin/solverctl"
here_spec <<END
kinds: [kinds/license.lua]
steps:
  - kind: license
    name: solver
    nodes: all
    with: {tool: [solverctl, activate], proof: $here/activated, key: 'env:SOLVER_KEY'}
END
export SOLVER_KEY=poison-license-5761
at_here apply -auto-approve -target license
check "a license" 0 '+ key  *= (sensitive' '1 added'
true_that "its tool has read the key" grep -qx 'activate 19' "$here/activated"
true_that "which is nowhere else" sh -c "! grep -rq poison-license '$here/home' '$here/seen' '$tmp/out'"
at_here plan -target license -detailed-exitcode
check "a license that is there" 0
SOLVER_KEY=poison-another-license
at_here apply -auto-approve -target license
check "another key" 0 '~ key = (sensitive #1) -> (sensitive #2)' '1 changed'
true_that "the tool has read that one" grep -qx 'activate 22' "$here/activated"
rm "${here:?}/activated"
unset SOLVER_KEY
at_here destroy -auto-approve
check "a license that is gone is destroyed all the same" 0 '1 destroyed'

# ---- what is gone is taken down as well -------------------------------------------------------
cp "$EXAMPLES/nfs.lua" "${here:?}"
printf '#!/bin/sh\ntest -e %s/mounted || exit 1\necho "10.0.0.9:/x nfs4 rw"\n' "$here" >"${here:?}/bin/findmnt"
printf '#!/bin/sh\ntouch %s/mounted\n' "$here" >"${here:?}/bin/mount"
printf '#!/bin/sh\nrm %s/mounted\n' "$here" >"${here:?}/bin/umount"
chmod +x "${here:?}/bin/findmnt" "${here:?}/bin/mount" "${here:?}/bin/umount"
here_spec <<END
kinds: [nfs.lua]
steps:
  - {kind: nfs, name: x, nodes: all, with: {source: '10.0.0.9:/x', path: $here/x}}
  - {command: wrong, nodes: all, run: 'touch $here/wrong', check: 'test -e $here/wrong', undo: 'rm $here/wrong'}
END
at_here apply -auto-approve -target nfs -target command
check "a file system" 0 '2 added'
rm "${here:?}/mounted" "${here:?}/wrong"
at_here destroy -auto-approve
check "a node that booted anew has no mounts" 3 'nfs.x.here.: Destruction complete' '1 destroyed, 1 failed' \
	'next: *dray destroy, when the cause is fixed' "'dray destroy' continues from there"
touch "${here:?}/wrong"
at_here destroy -auto-approve
check "and it goes on" 0 '1 destroyed'
rm "${here:?}/bin/findmnt" "${here:?}/bin/mount" "${here:?}/bin/umount"

# ---- the change that up() is told when it was cut off ------------------------------------------
cat >"${here:?}/cut.lua" <<'END'
return {
	name = "cut",
	fields = {ports = {type = "list", required = true, forces = "update"}},
	observe = function(ctx, want)
		local r = ctx:run{"cat", "ports"}
		return r.status == 0 and {ports = ctx:json(r.out)} or nil
	end,
	up = function(ctx, want, change)
		ctx:log("change: %s", change)
		ctx:run{argv = {"tee", "ports"}, stdin = ctx:to_json(want.ports), check = true}
		if not change then error("cut off") end
	end,
}
END
here_spec <<'END'
kinds: [cut.lua]
steps: [{kind: cut, name: c, nodes: all, with: {ports: [8000, '8001']}}]
END
at_here apply -auto-approve -target cut
check "an act that fails when all is there" 3 'change: nil' 'cut.lua:11: cut off'
at_here apply -auto-approve -target cut
check "is told that nothing differs" 0 'change: {}' '1 added'
echo '["8000",8001]' >"${here:?}/home/ports"
at_here plan -target cut
check "items of a list are what they look like" 0 '~ ports = \["8000",8001\] -> \[8000,"8001"\]'

# ---- a hook that fails after a step that is done -----------------------------------------------
echo 'return {after_step = function(ctx, event) return event.stp.address end}' >"${here:?}/late.lua"
here_spec <<END
hooks: [{file: late.lua}]
steps: [{command: late, nodes: all, run: 'true'}]
END
at_here apply -auto-approve -target command.late
check "the hook after a step fails" 3 'late.lua:1: attempt to index a nil value (field .stp.)' \
	'next: *dray apply for the rest: the step itself is done'
at_here apply -auto-approve -target command.late
check "the step is done" 0 "1 step unchanged"

# ---- interrupts at the very end ----------------------------------------------------------------
here_spec <<END
hooks: [{file: end.lua}]
steps: [{command: last, nodes: all, run: 'until [ -e $here/go-on ]; do sleep 0.1; done'}]
END
echo 'return {after_apply = function(ctx) ctx:log("the end") end}' >"${here:?}/end.lua"
rm -f "$here/go-on"
begin apply -auto-approve -target command.last
said 'command.last.*Creating'
kill -INT "$pid"
said interrupted
touch "$here/go-on"
said 'the end'
for _ in $(seq 300); do kill -TERM "$pid" 2>/dev/null || break; sleep 0.002; done
wait "$pid"
rc=$?
check "signals without end at the very end" 130 'Apply interrupted' '1 added'

# ---- a long script that changes at its end ------------------------------------------------------
long_run() {
	here_spec <<END
steps: [{command: long, nodes: all, run: ': $(printf '%0200d' 7); $1 1; true'}]
END
}
long_run exit
sed -i 's/exit 1/exit 0/' "${here:?}/cluster.yaml"
at_here apply -auto-approve -target command.long
check "a long script" 0 '1 added'
long_run return
at_here plan -target command.long
check "what differs in it is seen" 0 '^ *- …0*7; exit 0; true$' '^ *+ …0*7; return 1; true$'
# ---- more is at work than a terminal has lines ----------------------------------------------
cat >"$here/near.lua" <<'END'
return {connect = function(node)
	return {"env", "XDG_STATE_HOME=" .. node.labels.home .. "/" .. node.name, "sh"}
end}
END
# Each of them runs until all have started, and the screen was drawn.
here_spec <<END
steps: [{command: many, nodes: all, run: 'echo >>$here/many; until [ \$(wc -l <$here/many) -ge 12 ]; do sleep 0.1; done; sleep 1'}]
END
sed -i "s#^nodes:.*#nodes: [{host: 'n[1-12]', executor: near.lua, gpus: 1, labels: {home: $here/home}}]#" "$here/cluster.yaml"
screen=$PWD/tests/lua/screen.py binary=$DRAY
DRAY=python3 at_here "$screen" 6 "$binary" apply -auto-approve -target command
check "what does not fit is counted" 0 '^up [1-5]$' '^and 8 more$' '12 added'
at_here destroy -auto-approve

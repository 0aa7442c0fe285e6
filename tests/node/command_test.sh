#!/bin/bash
# command-observe, command-up, command-down: the user's own commands
# shellcheck disable=SC2016
. "$(dirname "$0")/lib.sh"
export TMPDIR=$ROOM/home

looks() {
	node command-observe check='test -d "$HOME/x"' </dev/null
	is "its check fails" [ "$rc:$out" = '0:absent its check fails: exit 1' ]
	node command-observe check='echo no such luck >&2; exit 7' </dev/null
	is "with its last words" [ "$rc:$out" = '0:absent its check fails: exit 7 (no such luck)' ]
	node command-observe creates="$ROOM/home/x" </dev/null
	is "creates is not there" [ "$rc:$out" = "0:absent '$ROOM/home/x' is not there" ]
	mkdir "$ROOM/home/x"
	node command-observe check='test -d "$HOME/x"' creates="$ROOM/home/x" </dev/null
	is "both hold" [ "$rc:$out" = 0:present ]
	node command-observe check=false creates="$ROOM/home/x" </dev/null
	is "one alone does not do" has "$out" 'absent its check fails: exit 1'
	ln -s /nowhere/at/all "$ROOM/home/link"
	node command-observe creates="$ROOM/home/link" </dev/null
	is "a broken link is there" [ "$out" = present ]
	node command-observe check='echo noise; read -r x; test -z "$x"' < <(echo secret)
	is "it sees no stdin, and its output is not ours" [ "$rc:$out:$err" = 0:present: ]
	node command-observe check='exit 1
# a second line' </dev/null
	is "many lines" [ "$out" = 'absent its check fails: exit 1' ]
	node command-observe check="printf '%s\n' one two >&2; printf '%400s' x >&2; exit 1" </dev/null
	is "one line, and not all of a long one" [ "$(wc -l <"$ROOM/out"):$((${#out} < 260))" = 1:1 ]
}

runs() {
	node command-up run='echo "$0" >"$HOME/did"; echo loud' </dev/null
	is "done" [ "$rc:$(cat "$ROOM/home/did"):$out:$err" = 0:run:: ]
	is "each run is an instance" has "$said" 'set instance '
	first=$said
	node command-up run=: </dev/null
	is "of its own" [ "$first" != "$said" ]
	node command-up run='echo out; echo "it broke" >&2; exit 9' </dev/null
	is "failed: its status" [ $rc = 9 ]
	is "failed: its words" [ "$err" = $'out\nit broke' ]
	is "failed: no instance" [ -z "$said" ]
	node command-up run='i=0; while [ $i -lt 100 ]; do i=$((i + 1)); echo "line $i"; done; exit 1' </dev/null
	is "failed: the last of many words" [ "$(wc -l <"$ROOM/err"):$(tail -n 1 "$ROOM/err")" = '20:line 100' ]
	node command-up run='read -r x; test -z "$x"' < <(echo secret)
	is "it sees no stdin" [ $rc = 0 ]
	is "nothing is left behind" [ "$(ls -A "$ROOM/home")" = did ]
	node command-up run="no-such-program --at-all" </dev/null
	is "no such program" [ "$rc:$said" = 127: ]
	node command-up run="it's (wrong" </dev/null
	is "no script at all" [ $rc != 0 ]
}

proves() {
	node command-up run='mkdir "$HOME/x"' check='test -d "$HOME/x"' creates="$ROOM/home/x" </dev/null
	is "in place" [ $rc = 0 ]
	node command-up run=: check='echo nothing there; exit 3' </dev/null
	is "ran, but its check fails" [ "$rc:$err" = $'1:nothing there\nit ran, but its check still fails: exit 3' ]
	is "so there is no instance" [ -z "$said" ]
	node command-up run='echo hello' creates="$ROOM/home/y" </dev/null
	is "ran, but its path is not there" [ "$rc:$err" = $'1:hello\nit ran, but \''"$ROOM/home/y' is still not there" ]
	is "nothing is left behind" [ "$(ls -A "$ROOM/home")" = x ]
}

# What it leaves running has neither our pipes nor the lock on fd 9.
daemons() {
	exec 9>"$ROOM/home/lock"
	flock 9
	node command-up run='/bin/sleep 600 & echo $! >"$HOME/pid"' </dev/null
	exec 9>&-
	is "the script ends" [ "$rc" = 0 ]
	is "the lock is free" flock -n "$ROOM/home/lock" true
	is "what was started still runs" kill "$(cat "$ROOM/home/pid")"
}

undoes() {
	mkdir "$ROOM/home/x"
	node command-down undo='rmdir "$HOME/x"' </dev/null
	is "undone" [ "$rc:$(ls -A "$ROOM/home")" = 0: ]
	node command-down undo='rmdir "$HOME/x"' </dev/null
	is "failed" [ $rc = 1 ]
	is "with its words" has "$err" x
	is "nothing is left behind" [ -z "$(ls -A "$ROOM/home")" ]
}

# The address of a step has a dot; its record comes back under it.
records() {
	printf '{"v":1}' >"$ROOM/in"
	node put-record cluster=c1 step=command.scratch@gpu-1.lab act=write <"$ROOM/in"
	is "written" [ $rc = 0 ]
	node observe cluster=c1 </dev/null
	is "seen by its address" has "$out" $'record\tcommand.scratch[gpu-1.lab]\t{"v":1}'
	node put-record cluster=c1 step=command.scratch@gpu-1.lab act=remove </dev/null
	node observe cluster=c1 </dev/null
	is "removed" lacks "$out" command.scratch
}

# How it ended is beside its record until the record is written again, and comes with the
# look.
ended() {
	intent='{"v":1,"step":"x","phase":"intent","apply_id":"id1"}'
	printf %s "$intent" | node put-record cluster=c1 step=command.x@n act=write
	node command-up run='echo one; echo "two	tab" >&2; exit 3' cluster=c1 step=command.x@n apply=id1 </dev/null
	node observe cluster=c1 </dev/null
	is "failed: its status, time and words" grep -qE \
		$'^ended\tcommand.x\\[n\\]\tid1 up 3 20[0-9-]*T[0-9:]*Z -.none.ntwo.ttab$' "$ROOM/out"
	node command-up run=: check=false cluster=c1 step=command.x@n apply=id1 </dev/null
	node observe cluster=c1 </dev/null
	is "its check failed" has "$out" 'it ran, but its check still fails: exit 1'
	node command-up run=: cluster=c1 step=command.x@n apply=id1 </dev/null
	instance=${said#set instance }
	node observe cluster=c1 </dev/null
	is "done: its instance" has "$out" " $instance"
	is "none of the words before" lacks "$out" 'still fails'
	{ node command-up run='kill -9 $PPID' cluster=c1 step=command.x@n apply=id1 </dev/null; } 2>/dev/null
	node observe cluster=c1 </dev/null
	is "cut off: nothing is known" lacks "$out" ended
	node command-up run=: cluster=c1 step=command.x@n apply=id1 </dev/null
	printf %s "$intent" | node put-record cluster=c1 step=command.x@n act=write
	node observe cluster=c1 </dev/null
	is "a new record: nothing is known" lacks "$out" ended
	node command-up run=: cluster=c1 step=command.x@n </dev/null
	node observe cluster=c1 </dev/null
	is "without an apply nothing is noted" lacks "$out" ended
	node command-down undo='echo cannot; exit 4' cluster=c1 step=command.x@n apply=id2 </dev/null
	is "failed undo" [ $rc = 4 ]
	node observe cluster=c1 </dev/null
	is "is noted" has "$out" $'\tid2 down 4 '
	node command-down undo=: cluster=c1 step=command.x@n apply=id2 </dev/null
	node observe cluster=c1 </dev/null
	is "undone: its record is gone" lacks "$out" command.x
	rm -rf "${XDG_STATE_HOME:?}"
	node command-up run=: cluster=c1 step=command.x@n apply=id1 </dev/null
	is "what cannot be noted fails nothing" [ "$rc:$err" = 0: ]
}

each looks runs proves daemons undoes records ended

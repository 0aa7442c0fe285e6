#!/bin/bash
# command-look, command-up, command-down: the user's own commands
# shellcheck disable=SC2016
. "$(dirname "$0")/lib.sh"
export TMPDIR=$ROOM/home

looks() {
	node command-look 'test -d "$HOME/x"' '' </dev/null
	is "its check fails" [ "$rc:$out" = '0:absent its check fails: exit 1' ]
	node command-look 'echo no such luck >&2; exit 7' '' </dev/null
	is "with its last words" [ "$rc:$out" = '0:absent its check fails: exit 7 (no such luck)' ]
	node command-look '' "$ROOM/home/x" </dev/null
	is "creates is not there" [ "$rc:$out" = "0:absent '$ROOM/home/x' is not there" ]
	mkdir "$ROOM/home/x"
	node command-look 'test -d "$HOME/x"' "$ROOM/home/x" </dev/null
	is "both hold" [ "$rc:$out" = 0:present ]
	node command-look false "$ROOM/home/x" </dev/null
	is "one alone does not do" has "$out" 'absent its check fails: exit 1'
	ln -s /nowhere/at/all "$ROOM/home/link"
	node command-look '' "$ROOM/home/link" </dev/null
	is "a broken link is there" [ "$out" = present ]
	node command-look 'echo noise; read -r x; test -z "$x"' '' < <(echo secret)
	is "it sees no stdin, and its output is not ours" [ "$rc:$out:$err" = 0:present: ]
	node command-look 'exit 1
# a second line' '' </dev/null
	is "many lines" [ "$out" = 'absent its check fails: exit 1' ]
	node command-look "printf '%s\n' one two >&2; printf '%400s' x >&2; exit 1" '' </dev/null
	is "one line, and not all of a long one" [ "$(wc -l <"$ROOM/out"):$((${#out} < 260))" = 1:1 ]
}

runs() {
	node command-up 'echo "$0" >"$HOME/did"; echo loud' '' '' </dev/null
	is "done" [ "$rc:$(cat "$ROOM/home/did"):$out:$err" = 0:run:: ]
	is "each run is an instance" has "$said" 'set instance '
	first=$said
	node command-up : '' '' </dev/null
	is "of its own" [ "$first" != "$said" ]
	node command-up 'echo out; echo "it broke" >&2; exit 9' '' '' </dev/null
	is "failed: its status" [ $rc = 9 ]
	is "failed: its words" [ "$err" = $'out\nit broke' ]
	is "failed: no instance" [ -z "$said" ]
	node command-up 'i=0; while [ $i -lt 100 ]; do i=$((i + 1)); echo "line $i"; done; exit 1' '' '' </dev/null
	is "failed: the last of many words" [ "$(wc -l <"$ROOM/err"):$(tail -n 1 "$ROOM/err")" = '20:line 100' ]
	node command-up 'read -r x; test -z "$x"' '' '' < <(echo secret)
	is "it sees no stdin" [ $rc = 0 ]
	is "nothing is left behind" [ "$(ls -A "$ROOM/home")" = did ]
	node command-up "no-such-program --at-all" '' '' </dev/null
	is "no such program" [ "$rc:$said" = 127: ]
	node command-up "it's (wrong" '' '' </dev/null
	is "no script at all" [ $rc != 0 ]
}

proves() {
	node command-up 'mkdir "$HOME/x"' 'test -d "$HOME/x"' "$ROOM/home/x" </dev/null
	is "in place" [ $rc = 0 ]
	node command-up : 'echo nothing there; exit 3' '' </dev/null
	is "ran, but its check fails" [ "$rc:$err" = $'1:nothing there\nit ran, but its check still fails: exit 3' ]
	is "so there is no instance" [ -z "$said" ]
	node command-up 'echo hello' '' "$ROOM/home/y" </dev/null
	is "ran, but its path is not there" [ "$rc:$err" = $'1:hello\nit ran, but \''"$ROOM/home/y' is still not there" ]
	is "nothing is left behind" [ "$(ls -A "$ROOM/home")" = x ]
}

# What it leaves running has none of our pipes, nor the lock on fd 9.
daemons() {
	exec 9>"$ROOM/home/lock"
	flock 9
	before=$SECONDS
	node command-up '/bin/sleep 30 & echo $! >"$HOME/pid"' '' '' </dev/null
	exec 9>&-
	is "the script ends" [ "$rc:$((SECONDS - before < 20))" = 0:1 ]
	is "the lock is free" flock -n "$ROOM/home/lock" true
	is "what was started lives" kill "$(cat "$ROOM/home/pid")"
}

undoes() {
	mkdir "$ROOM/home/x"
	node command-down 'rmdir "$HOME/x"' </dev/null
	is "undone" [ "$rc:$(ls -A "$ROOM/home")" = 0: ]
	node command-down 'rmdir "$HOME/x"' </dev/null
	is "failed" [ $rc = 1 ]
	is "with its words" has "$err" x
	is "nothing is left behind" [ -z "$(ls -A "$ROOM/home")" ]
}

# A step's address has a dot; its record comes back under it.
records() {
	printf '{"v":1}' >"$ROOM/in"
	node record c1 command.scratch@gpu-1.lab write <"$ROOM/in"
	is "written" [ $rc = 0 ]
	node observe c1 - - - - - - x </dev/null
	is "seen by its address" has "$out" $'record\tcommand.scratch[gpu-1.lab]\t{"v":1}'
	node record c1 command.scratch@gpu-1.lab remove </dev/null
	node observe c1 - - - - - - x </dev/null
	is "removed" lacks "$out" command.scratch
}

each looks runs proves daemons undoes records

#!/bin/bash
# input_test.sh - the loop of executors/session/shell.sh: a request that was cut off anywhere
# runs nothing, and private input is never on a disk. It is booted as by shell.c, in each
# shell that is installed.
# shellcheck disable=SC2016
. "$(dirname "$0")/lib.sh"
for s in yash mksh; do
	! command -v $s >/dev/null || SHELLS+=("$s")
done
LOOP=$(read_script "$TOP/executors/session/shell.sh" | sed 's/^\t*//; /^#/d; /^$/d')
NONCE=0123abcd

# request TEXT STDIN PRIVATE ARGS...: the bytes of one request; PRIVATE may be "".
request() {
	local text=$1 stdin=$2 private=$3
	shift 3
	printf '%s 1 test %d %d %d child 1000000 %s\n%s' $NONCE ${#text} $# ${#stdin} "$private" "$text"
	[ $# = 0 ] || printf '=%s\n' "$@"
	printf '%s\n' $NONCE
	[ -z "$stdin" ] || printf '%s%s\n' "$stdin" $NONCE
}
# loop: print the loop's answer to the requests on stdin.
loop() { (cd "$ROOM" && { echo $NONCE; cat; } | XDG_RUNTIME_DIR=$runtime $SH -c "$LOOP" 2>err); }
runtime=

# cut_everywhere WHAT FROM: the request is in a file, and leaves ROOM/ran if it runs.
cut_everywhere() {
	local n all ran=''
	all=$(wc -c <"$ROOM/request")
	for ((n = $2; n < all; n++)); do
		head -c "$n" "$ROOM/request" | loop >/dev/null
		[ ! -e "$ROOM/ran" ] || { ran="$ran $n"; rm "$ROOM/ran"; }
	done
	out=$ran
	is "$1: cut off before its last byte it does not run" [ -z "$ran" ]
	loop <"$ROOM/request" >"$ROOM/out"
	is "$1: whole it does" [ -e "$ROOM/ran" ]
	rm -f "$ROOM/ran"
	is "$1: nothing is left behind" [ -z "$(find "$ROOM" -name 'dray.*')" ]
}

cuts() {
	runtime=
	request ':>ran' $'two\nlines' 0 a '%b' >"$ROOM/request"
	cut_everywhere "with input" 0
	request ':>ran' '' 0 >"$ROOM/request"
	cut_everywhere "without input" 50
	request ':>ran' secret 6 >"$ROOM/request"
	on_disk && cut_everywhere "with what is private on a disk" 50
}

# The second of two is cut off: the first has run.
behind_another() {
	runtime=
	request 'cat >>one' whole 0 >"$ROOM/first"
	request 'cat >>two' half 0 >"$ROOM/second"
	head -c -12 "$ROOM/second" | cat "$ROOM/first" - | loop >/dev/null
	is "the first has run, whole" [ "$(cat "$ROOM/one")" = whole ]
	is "the second has not" [ ! -e "$ROOM/two" ]
}

# Its pieces come one by one, as through kubectl exec.
in_pieces() {
	runtime=
	request 'cat; echo "$1"' $'a\n\nb' 2 word >"$ROOM/request"
	while IFS= read -r -n 7 -d '' piece || [ -n "$piece" ]; do
		printf %s "$piece"
		/bin/sleep 0.02
	done <"$ROOM/request" | loop >"$ROOM/out"
	out=$(cat "$ROOM/out")
	is "pieces make a whole" has "$out" $'1 end 0 9 0 0 0\na\n\nbword'
}

# on_disk: from now on the folder of the loop is on a disk, if there is one here.
on_disk() {
	mkdir -p "$ROOM/disk"
	runtime=$ROOM/disk
	case $(stat -f -c %T "$ROOM") in
	tmpfs | ramfs) skipped=$((skipped + 1)); echo "SKIP $SH: \$TMPDIR is in memory"; return 1 ;;
	esac
}

# What the script sees of files with the secret, and what it reads.
LOOK='d=/proc/self/fd; ls -l $d/0 | sed "s/.*-> //" >&2; cat; for f in /dev/shm/dray.*/*.[ik]* disk/dray.*/*.[ik]*; do
	! grep -qs POISON "$f" || echo "found in $f"; done'
private() {
	runtime=
	request "$LOOK" $'POI''SON\nrest\n' 7 >"$ROOM/request"
	loop <"$ROOM/request" >"$ROOM/out"
	out=$(tr '\0' '?' <"$ROOM/out")
	is "in memory: it comes, and is in no file any more" has "$out" $'POI''SON\nrest\n'
	is "in memory: it is in no file any more" lacks "$out" 'found in'
	is "in memory: the file is gone" has "$out" '(deleted)'
	# As it is sent if only its length is known.
	request "$LOOK" $'POI''SON\nrest\n' '' >"$ROOM/request"
	loop <"$ROOM/request" >"$ROOM/out"
	out=$(tr '\0' '?' <"$ROOM/out")
	is "all of it is private unless said otherwise" has "$out" '(deleted)'
	on_disk || return
	loop <"$ROOM/request" >"$ROOM/out"
	out=$(tr '\0' '?' <"$ROOM/out")
	is "on a disk: it comes" has "$out" $'POI''SON\nrest\n'
	is "on a disk: by a pipe" has "$out" 'pipe:'
	is "on a disk: it is in no file" lacks "$out" 'found in'
}

# Reading the input does not touch the descriptors of the lock.
locked() {
	runtime=
	on_disk || return
	{
		printf '%s 1 lock %d 0 0 here 1000000 0\n%s%s\n' $NONCE 29 'exec 8>>lock8; exec 9>>lock9'$'\n' $NONCE
		request 'cat >/dev/null; for n in 8 9; do ls -l /proc/self/fd/$n | sed "s/.*\///"; done 8<&8 9<&9' secret 6
		request 'for n in 8 9; do ls -l /proc/self/fd/$n | sed "s/.*\///"; done 8<&8 9<&9' '' 0
	} >"$ROOM/request"
	loop <"$ROOM/request" >"$ROOM/out"
	out=$(cat "$ROOM/out")
	is "private input and a lock: both are held while it runs and after" \
		[ "$(grep -c '^lock[89]$' "$ROOM/out")" = 4 ]
}

large() {
	runtime=
	local secret rest
	on_disk || return
	secret=$(head -c 30000 /dev/zero | tr '\0' s) rest=$(head -c 200000 /dev/zero | tr '\0' r)
	request 'cksum' "$secret$rest" 30000 >"$ROOM/request"
	loop <"$ROOM/request" >"$ROOM/out"
	out=$(cat "$ROOM/out")
	is "30000 private bytes and 200000 others" has "$out" "$(printf %s "$secret$rest" | cksum)"
	request ':' "$secret$rest" 30000 >"$ROOM/request"
	request 'echo next' '' '' >>"$ROOM/request"
	loop <"$ROOM/request" >"$ROOM/out"
	out=$(cat "$ROOM/out")
	is "what is not read of it is dropped" has "$out" $'end 0 5 0 0 0\nnext'
	request 'echo never' "$secret$secret" 60000 >"$ROOM/request"
	request 'echo next' '' '' >>"$ROOM/request"
	loop <"$ROOM/request" >"$ROOM/out"
	out=$(cat "$ROOM/out")
	is "too much that is private, and a disk: refused in words" has "$out" 'its input is private and too large'
	is "refused, so it is not run" lacks "$out" never
	is "the one behind it runs" has "$out" $'end 0 5 0 0 0\nnext'
}

# The loop ends by its stdin and a hang-up at almost the same time, as when dray ends with the
# local executor.
hung_up() {
	local n i pid
	mkdir -p "$ROOM/ends"
	for ((n = 0; n < 100; n++)); do
		rm -f "$ROOM/gate"
		mkfifo "$ROOM/gate"
		(cd "$ROOM" && XDG_RUNTIME_DIR=$ROOM/ends exec $SH -c "$LOOP" <gate >said 2>/dev/null) &
		pid=$!
		exec 5>"$ROOM/gate"
		echo $NONCE >&5
		for ((i = 0; i < 2000; i++)); do
			! grep -q hello "$ROOM/said" 2>/dev/null || break
		done
		exec 5>&-
		for ((i = 0; i < n * 12; i++)); do :; done
		kill -HUP $pid 2>/dev/null
		wait $pid 2>/dev/null
	done
	out=$(ls "$ROOM/ends")
	is "its end and a hang-up together leave no folder" [ -z "$out" ]
}

# until_true COMMAND...: wait until it succeeds; false after a minute.
until_true() {
	local end=$((SECONDS + 60))
	until "$@"; do
		[ $SECONDS -lt $end ] || return
		/bin/sleep 0.05
	done
}
ended() { ! kill -0 "$1" 2>/dev/null; }
# abandoned TEXT: a request runs, and once it has written ROOM/pid, nobody reads its answer any
# more. $loop is the loop's pid; its stdin is closed, too.
abandoned() {
	local reader
	rm -f "$ROOM"/{pid,go,done,gate,answer}
	mkfifo "$ROOM/gate" "$ROOM/answer"
	(cd "$ROOM" && exec $SH -c "$LOOP" <gate >answer 2>err) &
	loop=$!
	exec 5>"$ROOM/gate"
	cat "$ROOM/answer" >"$ROOM/heard" &
	reader=$!
	echo $NONCE >&5
	request "$1" '' '' >&5
	until_true [ -s "$ROOM/pid" ]
	${2:-:}
	kill -9 $reader
	wait $reader 2>/dev/null
	exec 5>&-
}
# What only waits ends when dray is gone, and so does the loop, with the lock that it holds.
waits() {
	runtime=
	abandoned 'echo wait >&3; echo $$ >pid; while :; do sleep 0.1; done' heard_alive
	is "what waits ends" until_true ended "$(cat "$ROOM/pid")"
	is "and the loop" until_true ended $loop
	abandoned "trap '' HUP; echo wait >&3; echo \$\$ >pid; while :; do sleep 0.1; done"
	is "even if it does not want to" until_true ended "$(cat "$ROOM/pid")"
	wait $loop 2>/dev/null
	abandoned 'echo $$ >pid; until [ -e go ]; do sleep 0.1; done; echo x >&3; echo x; echo x >&2; : >done'
	: >"$ROOM/go"
	is "what changes something runs to its end" until_true [ -e "$ROOM/done" ]
	is "then the loop ends" until_true ended $loop
	request 'echo wait >&3; sleep 1; echo "set a b" >&3; seq 1000; exit 3' '' '' >"$ROOM/request"
	loop <"$ROOM/request" >"$ROOM/out"
	out=$(cat "$ROOM/out")
	is "signs of life come" has "$out" '1 say alive'
	is "and do not mix with what it says" has "$out" $'1 say set a b\n'
	is "nor with its answer" has "$out" $'1 end 3 3893 0 0 0\n1\n2'
}
# What a shell left that was killed is removed by the next one, and nothing else.
left_behind() {
	local one two one_in room=$ROOM/run/dray.
	runtime=$ROOM/run
	mkdir -p "$runtime" "$ROOM/target"
	# A shell that is there: it has said hello and waits for more.
	stays() {
		mkfifo "$ROOM/gate.$1"
		(cd "$ROOM" && XDG_RUNTIME_DIR=$runtime exec $SH -c "$LOOP" <"gate.$1" >"answer.$1" 2>err) &
		eval "$1=$!"
		exec 5>"$ROOM/gate.$1"
		echo $NONCE >&5
		until_true grep -qs hello "$ROOM/answer.$1"
	}
	next() { request : '' '' | loop >"$ROOM/out"; }
	folder() { grep -ls " $1 " "$runtime"/dray.*/owner | sed 's|/owner$||'; }
	stays one
	one_in=$(folder "$one")
	is "it names its shell" [ -d "$one_in" ]
	next
	is "of one that lives it stays" [ -d "$one_in" ]
	kill -9 "$one"
	wait "$one" 2>/dev/null
	sleep 600 >"$one_in/7.out" &
	two=$!
	next
	is "while a script writes there, too" [ -d "$one_in" ]
	kill "$two"
	wait "$two" 2>/dev/null
	cp -r "$one_in" "${room}boot" && sed -i 's/^[^ ]*/another-boot/' "${room}boot/owner"
	cp -r "$one_in" "${room}space" && sed -i 's/^\([^ ]*\) [0-9]*/\1 123456789/' "${room}space/owner"
	cp -r "$one_in" "${room}mount" && sed -i 's/^\([^ ]* [^ ]*\) [0-9]*/\1 123456789/' "${room}mount/owner"
	cp -r "$one_in" "${room}torn" && echo 'torn' >"${room}torn/owner"
	cp -r "$one_in" "${room}reused" && sed -i "s/[0-9]* [0-9]*\$/$$ 17/" "${room}reused/owner"
	cp "$one_in/owner" "$ROOM/target"
	ln -s "$ROOM/target" "${room}link"
	mkdir "${room}bare"
	next
	is "it is removed" [ ! -e "$one_in" ]
	is "where its pid is another's, too" [ ! -e "${room}reused" ]
	is "nothing else is" [ "$(cd "$runtime" && echo *)" = "dray.bare dray.boot dray.link dray.mount dray.space dray.torn" ]
	is "nor what a link leads to" [ -e "$ROOM/target/owner" ]
	exec 5>&-
}
heard_alive() { until_true grep -q 'say alive' "$ROOM/heard"; }

each cuts behind_another in_pieces private locked large hung_up waits left_behind

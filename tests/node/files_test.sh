#!/bin/bash
# record, members, lock, push, sentinel: what is written on a node
. "$(dirname "$0")/lib.sh"
mid() {
	local m
	m=$(cat /etc/machine-id 2>/dev/null)
	echo "${m:-$(hostname)}"
}
state() { echo "$ROOM/state/dray/c1/$(mid)"; }

records() {
	printf '{"v":1}' >"$ROOM/in"
	node record c1 worker@n2 write <"$ROOM/in"
	is "written" [ "$rc:$(cat "$(state)/steps/worker@n2.json")" = '0:{"v":1}' ]
	is "for the owner alone" [ "$(stat -c %a "$(state)/steps/worker@n2.json")" = 600 ]
	node record c1 worker@n2 write </dev/null
	is "nothing came: the old one stays" [ "$rc:$(cat "$(state)/steps/worker@n2.json")" = '1:{"v":1}' ]
	is "no leftover" [ "$(ls -A "$(state)/steps")" = worker@n2.json ]
	node record c1 worker@n2 remove </dev/null
	is "removed" [ "$rc:$(ls -A "$(state)/steps")" = 0: ]
	node record c1 worker@n2 remove </dev/null
	is "removed twice" [ $rc = 0 ]
	: >"$ROOM/state/dray/c2"
	node record c2 serve write <"$ROOM/in"
	is "no place to write to" [ $rc = 1 ]
}
members() {
	mkdir "$ROOM/shared/.dray"
	printf '{"nodes":[]}\nabcd\n' >"$ROOM/in"
	node members c1 write "$ROOM/shared" <"$ROOM/in"
	is "members" [ "$(cat "$(state)/members.json")" = '{"nodes":[]}' ]
	is "key" [ "$(cat "$(state)/mackey")" = abcd ]
	is "key is secret" [ "$(stat -c %a "$(state)/mackey")" = 600 ]
	node members c1 remove "$ROOM/shared" </dev/null
	is "nothing is left" [ "$rc:$(ls -A "$ROOM/state" "$ROOM/shared")" = "0:$ROOM/shared:

$ROOM/state:" ]
	touch "$ROOM/shared/keep"
	mkdir -p "$ROOM/state/dray/c2"
	node members c1 remove "$ROOM/shared" </dev/null
	is "others' things stay" [ -e "$ROOM/shared/keep" ]
	is "other clusters stay" [ -d "$ROOM/state/dray/c2" ]
}
# The lock is taken in the shell that evaluates the text, and lives as long as it.
locks() {
	local text
	text=$(cat "$KINDS/state.sh" "$KINDS/lock.sh")
	mkfifo "$ROOM/hold" "$ROOM/ready"
	# shellcheck disable=SC2086,SC2016
	$SH -c 'take() { eval "$text"; }; text=$1; take c1 "held by one"; echo $? >'"$ROOM/ready"'; read x <'"$ROOM/hold" x "$text" 2>/dev/null &
	read -r rc <"$ROOM/ready"
	is "taken" [ "$rc" = 0 ]
	# shellcheck disable=SC2086,SC2016
	out=$($SH -c 'take() { eval "$text"; }; text=$1; take c1 two; echo "rc $?"' x "$text")
	is "held, and by whom" [ "$out" = $'held by one\nrc 75' ]
	node observe c1 - - - - - - x </dev/null
	is "a look tells" has "$out" $'lock\theld\theld by one'
	echo >"$ROOM/hold"
	wait
	node observe c1 - - - - - - x </dev/null
	is "free when its holder is gone" has "$out" $'lock\tfree'
	rm "$(state)/lock.info" && ln -s /dev/full "$(state)/lock.info"
	# shellcheck disable=SC2086,SC2016
	out=$($SH -c 'take() { eval "$text"; }; text=$1; take c1 two; echo "rc $?"; flock -n "$2" true || echo held' x "$text" "$(state)/lock" 2>&1)
	is "taken though the disk is full" [ "$out" = $'rc 0\nheld' ]
	rm "$(state)/lock.info"
	# shellcheck disable=SC2086,SC2016
	out=$($SH -c 'take() { eval "$text"; }; text=$1; take c1 two; echo "rc $?"' x "$text")
	is "taken anew" [ "$out" = "rc 0" ]
}
pushes() {
	local sum f=$ROOM/shared/.dray/x.sh
	printf 'hello\n' >"$ROOM/in"
	sum=$(sha256sum <"$ROOM/in")
	node push "$f" "${sum%% *}" <"$ROOM/in"
	is "there" [ "$rc:$(cat "$f")" = 0:hello ]
	is "others may read it" [ "$(stat -c %a "$f")" = 644 ]
	is "its sum is the output" [ "$said" = "set output ${sum%% *}" ]
	printf 'other\n' >"$ROOM/in"
	node push "$f" "${sum%% *}" <"$ROOM/in"
	is "wrong bytes" has "$err" "not ${sum%% *}"
	is "the old one stays, alone" [ "$rc:$(cat "$f"):$(ls -A "${f%/*}")" = 1:hello:x.sh ]
	node push "$f" </dev/null
	is "removed with its folder" [ "$rc:$(ls -A "$ROOM/shared")" = 0: ]
}
sentinels() {
	node sentinel write "$ROOM/shared" c1 0123456789abcdef0123 n1 </dev/null
	is "written" [ $rc = 0 ]
	node sentinel read "$ROOM/shared" c1 0123456789abcdef0123 n2 </dev/null
	is "read" [ $rc = 0 ]
	touch "$ROOM/shared/.dray/sentinel-c1-b-0123456789abcdef"
	node sentinel write "$ROOM/shared" c1 fedcba98765432100123 n1 </dev/null
	is "that of a cluster whose name begins so stays" rm "$ROOM/shared/.dray/sentinel-c1-b-0123456789abcdef"
	is "an old one goes" [ "$(ls "$ROOM/shared/.dray")" = sentinel-c1-fedcba9876543210 ]
	node sentinel remove "$ROOM/shared" c1 fedcba98765432100123 n1 </dev/null
	is "removed" [ "$rc:$(ls -A "$ROOM/shared")" = 0: ]
	mkdir "$ROOM/other"
	node sentinel read "$ROOM/other" c1 0123456789abcdef0123 n2 </dev/null
	is "another directory" has "$rc:$err" "1:shared_dir '$ROOM/other' is not the same directory on n2"
}
each records members locks pushes sentinels

#!/bin/bash
# named-look.sh: what a look says of paths, users and groups that the spec names
. "$(dirname "$0")/lib.sh"

says() { printf '%s\n' "$out" | grep -P "^named\t$1\t" | head -n 1 | cut -f 4,5 | tr '\t' ' '; }

paths() {
	mkdir -p "$ROOM/a dir" "$ROOM/closed"
	: >"$ROOM/file"
	: >"$ROOM/secret"
	chmod 0 "$ROOM/secret"
	ln -s nowhere "$ROOM/broken"
	node observe cluster=c1 named="path $ROOM/a dir
path $ROOM/file
path $ROOM/none/deeper
path $ROOM/broken
path $ROOM/secret
path /dev/null
user root
user nobody-of-that-name
group root" </dev/null
	is "it ends" [ "$rc:${out##*$'\n'}" = 0:end ]
	is "a folder with a space" [ "$(says "path\t$ROOM/a dir")" = 'dir yes' ]
	is "a file" [ "$(says "path\t$ROOM/file")" = 'file yes' ]
	is "nothing" [ "$(says "path\t$ROOM/none/deeper")" = 'none no' ]
	is "a link to nothing" [ "$(says "path\t$ROOM/broken")" = 'none no' ]
	is "a device" [ "$(says "path\t/dev/null")" = 'device yes' ]
	is "a user" [ "$(says "user\troot")" = '0 -' ]
	is "no such user" [ "$(says "user\tnobody-of-that-name")" = '- -' ]
	is "a group" [ "$(says "group\troot")" = '0 -' ]
	node observe cluster=c1 </dev/null
	is "nothing is asked" lacks "$out" $'named\t'
}

# A path behind a folder that the login may not search is not "none": the runtime may see it.
closed() {
	# shellcheck disable=SC2015 # both must hold
	[ "$(id -u)" = 0 ] && command -v setpriv >/dev/null || { skipped=$((skipped + 1)); return; }
	mkdir -p "$ROOM/closed/in"
	: >"$ROOM/secret"
	chmod 700 "$ROOM/closed"
	chmod 600 "$ROOM/secret"
	# shellcheck disable=SC2086
	out=$(setpriv --reuid 65534 --regid 65534 --clear-groups $SH -c "$(library net named-look)
		named_facts 'path $ROOM/closed/in/it
path $ROOM/closed
path $ROOM/secret'")
	is "behind a closed folder" [ "$(says "path\t$ROOM/closed/in/it")" = 'unseen no' ]
	is "the folder" [ "$(says "path\t$ROOM/closed")" = 'dir no' ]
	is "a file of another" [ "$(says "path\t$ROOM/secret")" = 'file no' ]
}

each paths closed

#!/bin/bash
# record, members, lock, push, sentinel: what is written on a node
# shellcheck disable=SC2016,SC2086
. "$(dirname "$0")/lib.sh"
mid() {
	local m
	m=$(cat /etc/machine-id 2>/dev/null)
	echo "${m:-$(hostname)}"
}
state() { echo "$ROOM/state/dray/c1/$(mid)"; }

records() {
	printf '{"v":1}' >"$ROOM/in"
	node put-record cluster=c1 step=worker@n2 act=write <"$ROOM/in"
	is "written" [ "$rc:$(cat "$(state)/steps/worker@n2.json")" = '0:{"v":1}' ]
	is "for the owner alone" [ "$(stat -c %a "$(state)/steps/worker@n2.json")" = 600 ]
	node put-record cluster=c1 step=worker@n2 act=write </dev/null
	is "nothing came: the old one stays" [ "$rc:$(cat "$(state)/steps/worker@n2.json")" = '1:{"v":1}' ]
	is "no leftover" [ "$(ls -A "$(state)/steps")" = worker@n2.json ]
	node put-record cluster=c1 step=worker@n2 act=remove </dev/null
	is "removed" [ "$rc:$(ls -A "$(state)/steps")" = 0: ]
	node put-record cluster=c1 step=worker@n2 act=remove </dev/null
	is "removed twice" [ $rc = 0 ]
	: >"$ROOM/state/dray/c2"
	node put-record cluster=c2 step=serve act=write <"$ROOM/in"
	is "no place to write to" [ $rc = 1 ]
}
members() {
	mkdir "$ROOM/shared/.dray"
	printf '{"nodes":[]}\nabcd\n' >"$ROOM/in"
	node put-members cluster=c1 act=write shared_dir="$ROOM/shared" <"$ROOM/in"
	is "members" [ "$(cat "$(state)/members.json")" = '{"nodes":[]}' ]
	is "key" [ "$(cat "$(state)/mackey")" = abcd ]
	is "key is secret" [ "$(stat -c %a "$(state)/mackey")" = 600 ]
	node put-members cluster=c1 act=remove shared_dir="$ROOM/shared" </dev/null
	is "nothing is left" [ "$rc:$(ls -A "$ROOM/state" "$ROOM/shared")" = "0:$ROOM/shared:

$ROOM/state:" ]
	# The entry of an apply comes with them, replaces itself, and the oldest beyond 50 go.
	printf '{"nodes":[]}\n\n{"id":"begun"}\n' >"$ROOM/in"
	node put-members cluster=c1 act=write history=20261101T100000Z-aa <"$ROOM/in"
	printf '{"nodes":[]}\n\n{"id":"\\n done"}\n' >"$ROOM/in"
	node put-members cluster=c1 act=write history=20261101T100000Z-aa <"$ROOM/in"
	is "an entry of the history" [ "$(cat "$(state)"/history/*)" = '{"id":"\n done"}' ]
	is "it is secret" [ "$(stat -c %a "$(state)"/history/*)" = 600 ]
	for n in $(seq 10 70); do echo "{$n}" >"$(state)/history/20261101T1000${n}Z-bb.json"; done
	printf '{"nodes":[]}\n\n{new}\n' >"$ROOM/in"
	node put-members cluster=c1 act=write history=20261201T100000Z-cc <"$ROOM/in"
	node print-history cluster=c1 </dev/null
	is "fifty are kept, the newest" [ "$rc:$(wc -l <<<"$out"):$(head -n 1 <<<"$out"):$(tail -n 1 <<<"$out")" = "0:50:{22}:{new}" ]
	rm -r "$(state)/history" && touch "$(state)/history"
	node put-members cluster=c1 act=write history=20261201T100000Z-dd <"$ROOM/in"
	is "no place for it is no failure" [ "$rc:$(cat "$(state)/members.json")" = '0:{"nodes":[]}' ]
	rm "$(state)/history"
	node print-history cluster=c1 </dev/null
	is "no history" [ "$rc:$out" = 0: ]
	touch "$ROOM/shared/keep"
	mkdir -p "$ROOM/state/dray/c2"
	node put-members cluster=c1 act=remove shared_dir="$ROOM/shared" </dev/null
	is "others' things stay" [ -e "$ROOM/shared/keep" ]
	is "other clusters stay" [ -d "$ROOM/state/dray/c2" ]
}
# The lock is taken in the shell that evaluates the text, and lives as long as that shell.
# lock_text: of the script, for `take`, which is how the loop evaluates it.
lock_text() { library state whose lockfile; text_of lock; }
TAKE='take() { eval "$text"; }; text=$1; exec 8</dev/null 9</dev/null; '
# hold INFO: takes it in a shell that waits for release; $rc. As: the words before the shell.
hold() {
	local how="${TAKE}take cluster=c1 info='$1' >'$ROOM/took' 2>&1; echo \$? >'$ROOM/ready'; read x <'$ROOM/hold'"
	mkfifo "$ROOM/hold" "$ROOM/ready"
	chmod 666 "$ROOM/hold" "$ROOM/ready"
	: >"$ROOM/took"
	chmod 666 "$ROOM/took"
	"${AS[@]}" $SH -c "$how" x "$(lock_text)" &
	holder=$!
	read -r rc <"$ROOM/ready"
	out=$(cat "$ROOM/took")
}
release() {
	echo >"$ROOM/hold"
	wait $holder
	rm "$ROOM/hold" "$ROOM/ready" "$ROOM/took"
}
# take INFO [MORE]: takes it in a shell that ends; $out ends with "rc N".
take() {
	out=$("${AS[@]}" $SH -c "${TAKE}take cluster=c1 info='$1'; echo \"rc \$?\"; ${2-}" x "$(lock_text)" 2>&1)
}
AS=()
lockfile() { echo "$ROOM/locks/dray-c1-$(mid).lock"; }
# login NAME: a user of the machine, if this is root; leaves $AS, HOME and XDG_STATE_HOME to him.
login() {
	[ "$(id -u)" = 0 ] && command -v setpriv >/dev/null || return
	mkdir -p "$ROOM/$1"
	chown "$1" "$ROOM/$1"
	AS=(env -u XDG_STATE_HOME "HOME=$ROOM/$1" setpriv "--reuid=$1" --clear-groups)
}
locks() {
	hold "held by one"
	is "taken" [ "$rc:$out" = 0: ]
	take two
	is "held, and by whom" [ "$out" = $'held by one\nrc 75' ]
	node observe cluster=c1 </dev/null
	is "a look tells" has "$out" $'lock\theld\theld by one'
	release
	node observe cluster=c1 </dev/null
	is "free when its holder is gone" has "$out" $'lock\tfree'
	rm "$(state)/lock.info" && ln -s /dev/full "$(state)/lock.info"
	take two "flock -n '$(state)/lock' true || echo held; flock -n '$(lockfile)' true || echo held"
	is "taken though the disk is full" [ "$out" = $'rc 0\nheld\nheld' ]
	rm "$(state)/lock.info"
	take two
	is "taken anew" [ "$out" = "rc 0" ]
	printf '{"nodes":[]}\n\n' >"$ROOM/in"
	node put-members cluster=c1 act=remove <"$ROOM/in"
	is "nothing is left of it" [ "$rc:$(ls -A "$ROOM/locks" "$ROOM/state")" = "0:$ROOM/locks:

$ROOM/state:" ]
}
# The lock belongs to the machine, not to the login: another state folder, another login.
locks_of_logins() {
	hold '{"apply":"a1","who":"eve","host":"h","pid":1,"since":"t"}'
	local XDG_STATE_HOME=$ROOM/elsewhere
	export XDG_STATE_HOME
	take two
	is "another state folder" has "$out" '"who":"eve"'
	is "another state folder: held" has "$out" "rc 75"
	node observe cluster=c1 </dev/null
	is "a look from there" has "$out" $'lock\theld\t{"apply":"a1"'
	login nobody || { echo "SKIP locks_of_logins: needs root and setpriv"; release; return; }
	take two
	is "another login" has "$out" '"who":"eve"'
	is "another login: whose it is" has "$out" $'\nroot\nrc 75'
	out=$("${AS[@]}" $SH -c "$(library net container-look gpus-look state whose lockfile process model-look named-look files-look; text_of observe)" o cluster=c1)
	is "another login's look" has "$out" $'lock\theld\t{"apply":"a1","who":"eve","host":"h","pid":1,"since":"t"}\\nroot'
	is "the note is for all to read" [ "$(stat -c %a "${XDG_STATE_HOME%/*}/locks/dray-c1-$(mid).0")" = 644 ]
	AS=()
	release
	login nobody
	hold theirs
	is "he can take what root made" [ "$rc:$out" = 0: ]
	AS=()
	take two
	is "and root is told of him" [ "$out" = $'theirs\nnobody\nrc 75' ]
	release
	take two
	is "and has it again" [ "$out" = "rc 0" ]
}
# An earlier version of dray, or a login without a shared place, has only the lock of the
# state folder.
locks_of_earlier() {
	mkdir -p "$(state)"
	exec 7>>"$(state)/lock"
	flock -n 7
	echo "an earlier one" >"$(state)/lock.info"
	take two
	is "an earlier version has it" [ "$out" = $'an earlier one\nrc 75' ]
	node observe cluster=c1 </dev/null 7>&-
	is "a look tells" has "$out" $'lock\theld\tan earlier one'
	exec 7>&-
	hold new
	is "an earlier version finds it held" [ "$rc:$(flock -n "$(state)/lock" true && echo free)" = 0: ]
	is "and reads by whom" [ "$(cat "$(state)/lock.info")" = new ]
	release
	chmod 755 "$ROOM/locks"
	rm -f "$ROOM/locks"/*
	hold new
	is "no place for all: the login's" [ "$rc:$(ls "$ROOM/locks")" = 0: ]
	take two
	is "is held" [ "$out" = $'new\nrc 75' ]
	release
}
# Anybody may have used that place before: nothing there is followed, emptied or waited for.
locks_in_the_way() {
	echo precious >"$ROOM/victim"
	ln -s "$ROOM/victim" "$(lockfile)"
	take two
	is "a link" has "$out" "the lock '$(lockfile)' cannot be used: it is not a plain file that all may read, and login '$(id -un)' made it"
	is "is not followed" [ "$(cat "$ROOM/victim")" = precious ]
	rm "$(lockfile)"
	ln -s "$ROOM/nothing" "$(lockfile)"
	take two
	is "nor one into nothing" [ "${out##*rc }:$(ls "$ROOM/nothing" 2>/dev/null)" = 1: ]
	for what in mkfifo mkdir; do
		rm -f "$(lockfile)"
		$what "$(lockfile)"
		take two
		is "$what" has "$out" "cannot be used"
		is "$what: an error, not held" has "$out" "rc 1"
	done
	rmdir "$(lockfile)"
	# What another login leaves under our name is neither written through nor believed.
	ln -s "$ROOM/victim" "$ROOM/locks/dray-c1-$(mid).$(id -u)"
	hold one
	is "the note is a new file" [ "$rc:$(cat "$ROOM/victim")" = 0:precious ]
	printf 'forged\n' >"$ROOM/locks/dray-c1-$(mid).4711"
	take two
	is "no word of a forger" [ "$out" = $'one\nrc 75' ]
	release
	login nobody || { echo "SKIP locks_in_the_way: needs root and setpriv"; return; }
	rm -f "$ROOM"/locks/*
	mkdir "$(lockfile)"
	take two
	is "named: who made it" has "$out" "and login 'root' made it"
	rmdir "$(lockfile)"
	: >"$(lockfile)"
	chmod 600 "$(lockfile)"
	take two
	is "a file that he may not read" has "$out" "that all may read, and login 'root' made it"
	AS=()
}
# An error of flock itself is not somebody's lock; and some flocks don't have -E.
locks_by_flock() {
	local flock
	flock=$(command -v flock)
	printf '#!/bin/sh\necho "flock: 9: Bad file descriptor" >&2\nexit 65\n' >"$ROOM/bin/flock"
	chmod +x "$ROOM/bin/flock"
	PATH=$ROOM/bin:$PATH take two
	is "in words" has "$out" "flock cannot lock '$(lockfile)': flock: 9: Bad file descriptor"
	is "an error, not held" has "$out" "rc 1"
	printf '#!/bin/sh\ncase $2 in -E) echo "flock: invalid option" >&2; exit 1 ;; esac\nexec %s "$@"\n' "$flock" >"$ROOM/bin/flock"
	PATH=$ROOM/bin:$PATH take two
	is "a flock without -E" [ "$out" = "rc 0" ]
	hold one
	PATH=$ROOM/bin:$PATH take two
	is "which is held" [ "$out" = $'one\nrc 75' ]
	release
	printf '#!/bin/sh\nexit 1\n' >"$ROOM/bin/flock"
	PATH=$ROOM/bin:$PATH take two
	is "one that only fails" has "$out" "it gives no reason"
}
pushes() {
	local sum f=$ROOM/shared/.dray/x.sh
	printf 'hello\n' >"$ROOM/in"
	sum=$(sha256sum <"$ROOM/in")
	node push path="$f" sha256="${sum%% *}" <"$ROOM/in"
	is "there" [ "$rc:$(cat "$f")" = 0:hello ]
	is "others may read it" [ "$(stat -c %a "$f")" = 644 ]
	is "its sum is the output" [ "$said" = "set output ${sum%% *}" ]
	printf 'other\n' >"$ROOM/in"
	node push path="$f" sha256="${sum%% *}" <"$ROOM/in"
	is "wrong bytes" has "$err" "not ${sum%% *}"
	is "the old one stays, alone" [ "$rc:$(cat "$f"):$(ls -A "${f%/*}")" = 1:hello:x.sh ]
	node push path="$f" </dev/null
	is "removed with its folder" [ "$rc:$(ls -A "$ROOM/shared")" = 0: ]
}
sentinels() {
	node sentinel act=write dir="$ROOM/shared" cluster=c1 nonce=0123456789abcdef0123 node=n1 </dev/null
	is "written" [ $rc = 0 ]
	node sentinel act=read dir="$ROOM/shared" cluster=c1 nonce=0123456789abcdef0123 node=n2 </dev/null
	is "read" [ $rc = 0 ]
	touch "$ROOM/shared/.dray/sentinel-c1-b-0123456789abcdef"
	node sentinel act=write dir="$ROOM/shared" cluster=c1 nonce=fedcba98765432100123 node=n1 </dev/null
	is "that of a cluster whose name begins so stays" rm "$ROOM/shared/.dray/sentinel-c1-b-0123456789abcdef"
	is "an old one goes" [ "$(ls "$ROOM/shared/.dray")" = sentinel-c1-fedcba9876543210 ]
	node sentinel act=remove dir="$ROOM/shared" cluster=c1 nonce=fedcba98765432100123 node=n1 </dev/null
	is "removed" [ "$rc:$(ls -A "$ROOM/shared")" = 0: ]
	mkdir "$ROOM/other"
	node sentinel act=read dir="$ROOM/other" cluster=c1 nonce=0123456789abcdef0123 node=n2 </dev/null
	is "another directory" has "$rc:$err" "1:shared_dir '$ROOM/other' is not the same directory on n2"
}
# The loop's own shell takes the lock: also in these shells, if they are installed.
for s in mksh yash; do ! command -v $s >/dev/null || SHELLS+=("$s"); done
# The operator's files: written whole, of that content, for those who may read them; kept or removed.
carried() {
	local at sum other
	at=$ROOM/state/dray/c1/$(mid)/files
	printf '{{ a }}\n\0\n' >"$ROOM/in"
	sum=$(sha256sum <"$ROOM/in") sum=${sum%% *}
	node files-put cluster=c1 path=0123/a.jinja "sha256=$sum" mode=0644 <"$ROOM/in"
	is "written" [ "$rc" = 0 ]
	is "byte for byte" cmp -s "$ROOM/in" "$at/0123/a.jinja"
	is "readable in a container" [ "$(stat -c %a "$at" "$at/0123" "$at/0123/a.jinja" | xargs)" = "755 755 644" ]
	is "behind a closed door" [ "$(stat -c %a "$ROOM/state/dray/c1/$(mid)")" = 700 ]
	node files-put cluster=c1 path=4567/key.pem "sha256=$sum" mode=0600 <"$ROOM/in"
	is "a key is for its owner alone" [ "$rc:$(stat -c %a "$at/4567/key.pem")" = 0:600 ]
	echo other >"$ROOM/in"
	other=$(sha256sum <"$ROOM/in") other=${other%% *}
	node files-put cluster=c1 path=0123/a.jinja "sha256=$sum" mode=0644 <"$ROOM/in"
	is "another content is refused" has "$err" "not $sum"
	is "and the old one stays" has "$(cat -A "$at/0123/a.jinja")" '{{ a }}'
	is "no leftover" [ "$(cd "$at" && find . -mindepth 1 -maxdepth 1 | sort | tr '\n' ' ')" = "./0123 ./4567 " ]
	node observe cluster=c1 "files=0123/a.jinja 4567/key.pem 89ab/none" </dev/null
	is "a look tells" has "$out" $'carried\t0123/a.jinja\t'"$sum"$'\t644'
	is "and the key's mode" has "$out" $'carried\t4567/key.pem\t'"$sum"$'\t600'
	is "and nothing else" [ "$(grep -c ^carried <<<"$out")" = 2 ]
	node observe cluster=c1 </dev/null
	is "unasked it tells nothing" [ "$(grep -c ^carried <<<"$out")" = 0 ]
	echo other >"$at/0123/a.jinja"
	rm "$at/4567/key.pem"
	mkdir "$at/4567/key.pem"
	node observe cluster=c1 "files=0123/a.jinja 4567/key.pem" </dev/null
	is "what was changed" has "$out" $'carried\t0123/a.jinja\t'"$other"$'\t644'
	is "a folder in its place is none" [ "$(grep -c ^carried <<<"$out")" = 1 ]
	: >"$at/.a.jinja.1"
	: >"$at/0123/.x"
	node files-keep cluster=c1 -- "0600 0123/a.jinja" </dev/null
	is "what is not wanted goes" [ "$rc:$(cd "$at" && find . | sort | xargs)" = "0:. ./0123 ./0123/a.jinja" ]
	is "the mode is mended" [ "$(stat -c %a "$at/0123/a.jinja")" = 600 ]
	node files-keep cluster=c1 -- "0600 0123/a.jinja" "0644 4567/b" </dev/null
	is "one that is not there" [ $rc = 1 ]
	mkdir -p "$ROOM/state/dray/c2/$(mid)/files/0123"
	node files-keep cluster=c1 </dev/null
	is "all go" [ "$rc:$(cd "$ROOM/state/dray" && find . -name files)" = "0:./c2/$(mid)/files" ]
	node files-keep cluster=c1 </dev/null
	is "twice" [ $rc = 0 ]
	: >"$ROOM/state/dray/c3"
	node files-put cluster=c3 path=0123/a "sha256=$sum" mode=0644 <"$ROOM/in"
	is "no place to write to" [ $rc = 1 ]
}
each carried records members pushes sentinels locks locks_of_logins locks_of_earlier locks_in_the_way locks_by_flock

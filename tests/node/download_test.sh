#!/bin/bash
# download-up.sh and download-down.sh, with an hf that does what the test says
# shellcheck disable=SC2016
. "$(dirname "$0")/lib.sh"
COMMIT=4bd66bfde98f87a10cf200e11b699a1c50d75378
HUB=models--o--n

hf() { # its text on stdin
	{ echo '#!/bin/sh'; cat; } >"$ROOM/bin/hf"
	chmod +x "$ROOM/bin/hf"
}
# An hf that downloads: blobs, and links to them, to where the real one puts them.
good_hf() {
	hf <<-END
		echo "\$* token=\$HF_TOKEN home=\$HF_HOME endpoint=\$HF_ENDPOINT" >>$ROOM/hf.calls
		d=\${HF_HUB_CACHE:-\${HUGGINGFACE_HUB_CACHE:-\$HF_HOME/hub}}/$HUB s=\$d/snapshots/$COMMIT
		mkdir -p \$d/blobs \$s/sub
		printf 12345 >\$d/blobs/aa; ln -sf ../../blobs/aa \$s/config.json
		printf 1234567 >\$d/blobs/bb; ln -sf ../../../blobs/bb "\$s/sub/the model.safetensors"
	END
}
WANT=$'5\taa\tconfig.json\n7\tbb\tsub/the model.safetensors\n'
up() { # token|no ARGUMENTS -- WORDS; the list is $WANT
	local token=${1#no}
	{ [ -z "$token" ] || echo poison-9; printf %s "$WANT"; } >"$ROOM/in"
	shift
	node download-up token="$token" hf_home="$ROOM/shared/hf" hub=$HUB commit=$COMMIT repo=o/n \
		endpoint=http://hub.test name=dray-c1-download cluster=c1 "$@" <"$ROOM/in"
}
up_host() { up "$1" docker_words=0 -- --exclude 'x y'; }
up_container() { up "$1" image=img:1 docker_words=2 -- -v /a:/a --exclude 'x y'; }

by_host() {
	export HF_HUB_CACHE=$ROOM/elsewhere HUGGINGFACE_HUB_CACHE=$ROOM/elsewhere # those of a login
	good_hf
	up_host token
	is "done" has "$rc:$said" "set output $COMMIT"
	is "its words" has "$(cat "$ROOM/hf.calls")" \
		"download o/n --revision $COMMIT --exclude x y token=poison-9 home=$ROOM/shared/hf endpoint=http://hub.test"
	is "no token left behind" [ -z "$(grep -rl poison-9 "$ROOM/shared" "$ROOM/home" 2>/dev/null)" ]
	is "others may read it" [ "$(stat -c %a "$ROOM/shared/hf/hub")" = 755 ]
	up_host token
	is "again: nothing to fetch" [ "$rc:$(wc -l <"$ROOM/hf.calls")" = 0:1 ]
	node observe cluster=c1 hub="$ROOM/shared/hf/hub/$HUB" </dev/null
	is "a look finds the files" has "$out" "$(printf 'model\t%s/sub/the model.safetensors\t7\tbb' $COMMIT)"
	printf 123 >"$ROOM/shared/hf/hub/$HUB/blobs/bb"
	up_host token
	is "a short file is fetched again" [ "$rc:$(wc -l <"$ROOM/hf.calls")" = 0:2 ]
	hf </dev/null
	printf 123 >"$ROOM/shared/hf/hub/$HUB/blobs/bb"
	up_host token
	is "hf says done, but it is not" has "$rc:$err" "1:hf download said it was done, but 1 files"
	is "which file" has "$err" "sub/the model.safetensors: 3 bytes, not 7"
	rm "$ROOM/shared/hf/hub/$HUB/snapshots/$COMMIT/config.json"
	ln -s ../../blobs/bb "$ROOM/shared/hf/hub/$HUB/snapshots/$COMMIT/config.json"
	WANT=$'3\taa\tconfig.json\n' up_host no
	is "the right size, the wrong bytes" has "$err" "config.json: is blob bb, not aa"
}
# A repository that others name: its branch in the cache.
refs() {
	local d=$ROOM/shared/hf/hub/$HUB
	good_hf
	up no ref=main docker_words=0 --
	is "a branch" [ "$rc:$(cat "$d/refs/main")" = 0:$COMMIT ]
	echo other >"$d/refs/main"
	up no ref=main ref_kept=yes docker_words=0 --
	is "one that the cache knows otherwise" [ "$rc:$(cat "$d/refs/main")" = 0:other ]
	up no ref=pr/1 docker_words=0 --
	is "one with a slash, of what is there" [ "$rc:$(cat "$d/refs/pr/1")" = 0:$COMMIT ]
}
# Names that programs which print them like to quote.
odd_names() {
	local d=$ROOM/shared/hf/hub/$HUB name
	mkdir -p "$d/blobs" "$d/snapshots/$COMMIT/sub ö"
	printf 12345 >"$d/blobs/aa"
	WANT=
	for name in "it's" 'a "b"' 'back\slash' 'größe' 'a -> b' 'sub ö/ä'; do
		case $name in
		*/*) ln -s ../../../blobs/aa "$d/snapshots/$COMMIT/$name" ;;
		*) ln -s ../../blobs/aa "$d/snapshots/$COMMIT/$name" ;;
		esac 2>/dev/null
		WANT+=$'5\taa\t'$name$'\n'
	done
	hf </dev/null
	up_host no
	is "all are there, whatever their names" has "$rc:$said" "0:progress verifying what is there
set output $COMMIT"
	WANT=$'5\taa\tconfig.json\n7\tbb\tsub/the model.safetensors\n'
}
by_container() {
	mkdir -p "$ROOM/docker/box"
	good_hf
	# docker run ... IMAGE -c PROGRAM ...: PROGRAM runs here.
	cat >"$ROOM/docker/run" <<-'END'
		while [ "$1" != img:1 ]; do
			case $1 in -e) export "$2"; shift ;; esac
			shift
		done
		shift
		exec sh "$@"
	END
	printf 'id=old\ncluster=c1\nowner=%s\nrunning=true\ncode=0\nlogs=\n' "$ME" >"$ROOM/docker/box/dray-c1-download"
	up_container token
	is "done" has "$rc:$said" "set output $COMMIT"
	is "a leftover of ours went" has "$(cat "$ROOM/docker/calls")" "rm -f old"
	is "as the user, named, labelled" has "$(cat "$ROOM/docker/calls")" \
		"run --rm -i -v /a:/a -e HF_ENDPOINT=http://hub.test -e HOME=/tmp -e HF_HOME=$ROOM/shared/hf --user $(id -u):$(id -g) --entrypoint /bin/sh --name dray-c1-download --label dray.cluster=c1 --label dray.step=download --label dray.owner=$ME img:1 -c "
	is "the token is in nobody's words" lacks "$(cat "$ROOM/docker/calls")$out$err$said" poison-9
	is "and hf has it" has "$(cat "$ROOM/hf.calls")" "--exclude x y token=poison-9"
	printf 'id=old\ncluster=other\nrunning=true\ncode=0\nlogs=\n' >"$ROOM/docker/box/dray-c1-download"
	up_container token
	is "a stranger's container" has "$rc:$err" "1:a container 'dray-c1-download' that is not ours"
}
errors() {
	local line want token
	while IFS='|' read -r token line want; do
		printf 'cat >&2 <<X\n%s\nX\nexit 1\n' "$line" | hf
		up_host "$token"
		want=${want/ME/$(id -un)} want=${want/'$ROOM'/$ROOM}
		is "$line" has "$rc:$err" "1:$want"
	done <<-'END'
		no|Error: Access denied. Model 'o/n' requires approval.|'o/n' is gated and no token was given
		token|403 Client Error. Cannot access gated repo for url|'o/n' is gated and this token has no access
		token|Error: Revision not found in model 'o/n'.|'o/n' has no commit
		no|Error: Model 'o/n' not found.|'o/n' does not exist
		token|OSError: [Errno 28] No space left on device|no space left in
		token|OSError: [Errno 122] Disk quota exceeded|the quota for
		no|OSError: [Errno 30] Read-only file system: '/x'|'$ROOM/shared/hf' is on a file system that is mounted read-only
		no|OSError: [Errno 116] Stale file handle|the mount with
		no|OSError: [Errno 38] Function not implemented|the file system with
		no|PermissionError: [Errno 13] Permission denied: '/nowhere/x/y'|user 'ME' may not write to '/nowhere/x/y'
		no|ValueError: Fast download using 'hf_transfer' is enabled but 'hf_transfer' package is not available|HF_HUB_ENABLE_HF_TRANSFER is set
		no|[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed|the certificate of http://hub.test is not trusted
		no|RuntimeError: Data processing error: CAS service error : Reqwest Error: connect error, domain: https://cas-server.xethub.hf.co|the Hub's storage
		token|429 Client Error: Too Many Requests|the Hub asks to come back later
		no|httpx.ConnectError: [Errno 113] No route to host|the Hub (http://hub.test) cannot be reached
		token|401 Client Error: Unauthorized|the Hub does not take the token
		token|something else|hf download ended with status 1
	END
	local big
	big=$ROOM/shared/hf/hub/$HUB/blobs
	mkdir -p "$big"
	touch "$big/aa.0123abcd.incomplete" "$big/bb.incomplete"
	up_host no
	is "halves nobody takes up go, others stay" [ "$(ls "$big")" = bb.incomplete ]
	rm "$ROOM/bin/hf"
	PATH=/usr/bin:/bin up_host no
	is "no hf" has "$rc:$err" "1:there is no hf command"
}
downs() {
	local d=$ROOM/shared/hf/hub/$HUB other=0000000000000000000000000000000000000000
	good_hf
	up_host no
	mkdir "$d/snapshots/$other"
	ln -s ../../blobs/aa "$d/snapshots/$other/config.json"
	if [ "$SH" != "busybox ash" ]; then # which has a find of its own
		printf '#!/bin/sh\necho "find: snapshots: Input/output error" >&2; exit 1\n' >"$ROOM/bin/find"
		chmod +x "$ROOM/bin/find"
		node download-down hf_home="$ROOM/shared/hf" hub=$HUB commit=$COMMIT name=dray-c1-download cluster=c1 </dev/null
		is "no list of what others use: all blobs stay" [ "$rc:$(echo "$d"/blobs/*)" = "1:$d/blobs/aa $d/blobs/bb" ]
		is "and why" has "$err" "Input/output error"
		rm "$ROOM/bin/find"
	fi
	node download-down hf_home="$ROOM/shared/hf" hub=$HUB commit=$COMMIT name=dray-c1-download cluster=c1 </dev/null
	is "shared blobs stay" [ "$rc:$(ls "$d/blobs")" = 0:aa ]
	is "the other snapshot too" [ "$(cat "$d/snapshots/$other/config.json")" = 12345 ]
	node download-down hf_home="$ROOM/shared/hf" hub=$HUB commit=$other name=dray-c1-download cluster=c1 </dev/null
	is "nothing is left" [ "$rc:$(ls -A "$ROOM/shared" 2>/dev/null)" = 0: ] || [ ! -e "$ROOM/shared" ]
	node download-down hf_home="$ROOM/shared/hf" hub=$HUB commit=../.. name=dray-c1-download cluster=c1 </dev/null
	is "no commit" [ $rc = 1 ]
}
clock() {
	good_hf
	echo 'sleep 0.5' >>"$ROOM/bin/hf"
	# shellcheck disable=SC2016
	printf '#!/bin/sh\n%s\n' 'echo x >>"$DOCKER_ROOM/jumps"; echo $(($(wc -l <"$DOCKER_ROOM/jumps") * 3600))' >"$ROOM/bin/date"
	chmod +x "$ROOM/bin/date"
	up_host no
	is "a clock that is set anew" [ "$rc" = 0 ]
}
# slow_hf: an hf that waits for ROOM/go. The script that started it is in ROOM/script.
slow_hf() {
	good_hf
	mv "$ROOM/bin/hf" "$ROOM/bin/hf.good"
	printf '%s\n' "echo \$\$ >>'$ROOM/hf.pids'; until [ -e '$ROOM/go' ]; do /bin/sleep 0.1; done; exec '$ROOM/bin/hf.good' \"\$@\"" | hf
	rm -f "$ROOM/go" "$ROOM/hf.pids"
}
script_there='echo $$ >"$ROOM/script"'
# until_true COMMAND...: wait until it succeeds; false after a minute.
until_true() {
	local end=$((SECONDS + 60))
	until "$@"; do
		[ $SECONDS -lt $end ] || return
		/bin/sleep 0.05
	done 2>/dev/null
}
lives() { kill -0 "$(sed -n "$1p" "$ROOM/hf.pids")" 2>/dev/null; }
ended() { ! lives "$1"; }
killed() {
	export ROOM
	slow_hf
	BEFORE=$script_there TMPDIR=$ROOM/home up_host no &
	until_true [ -s "$ROOM/hf.pids" ]
	kill -TERM "$(cat "$ROOM/script")"
	wait $!
	is "ended from outside: hf ends" until_true ended 1
	is "nothing in the temporary folder" [ -z "$(ls "$ROOM/home")" ]
	is "nor of the download" [ ! -e "$(echo "$ROOM"/state/dray/c1/*)/download" ]
}
# dray is gone: hf goes on, and the next apply waits for it.
goes_on() {
	export ROOM
	slow_hf
	BEFORE=$script_there TMPDIR=$ROOM/home up_host token &
	until_true grep -q '^wait' "$ROOM/said"
	kill -HUP "$(cat "$ROOM/script")"
	wait $!
	is "the script ends" [ -z "$(ls "$ROOM/home")" ]
	is "hf does not" lives 1
	is "the token is nowhere" [ -z "$(grep -rl poison-9 "$ROOM/state" "$ROOM/shared" "$ROOM/home" 2>/dev/null)" ]
	rm "$ROOM/said"
	up_host token &
	is "the next one waits for it" until_true grep -q 'waiting for the download of an earlier apply' "$ROOM/said"
	: >"$ROOM/go"
	wait $!
	is "to its end" grep -q "set output $COMMIT" "$ROOM/said"
	is "it was not started again" [ "$(wc -l <"$ROOM/hf.pids"):$(wc -l <"$ROOM/hf.calls")" = 1:1 ]
	is "what it had is forgotten" [ ! -e "$(echo "$ROOM"/state/dray/c1/*)/download" ]
	rm -rf "$ROOM/shared/hf"
	slow_hf
	BEFORE=$script_there up_host no &
	until_true [ -s "$ROOM/hf.pids" ]
	until_true grep -q '^wait' "$ROOM/said"
	kill -HUP "$(cat "$ROOM/script")"
	wait $!
	BEFORE=$script_there up no docker_words=0 -- --exclude others &
	is "another download ends it" until_true ended 1
	until_true lives 2
	kill -HUP "$(cat "$ROOM/script")"
	wait $!
	node put-members cluster=c1 act=remove </dev/null
	is "a destroy ends it" until_true ended 2
	is "and leaves nothing" [ ! -e "$ROOM/state/dray/c1" ]
}
each by_host refs odd_names by_container errors downs clock killed goes_on

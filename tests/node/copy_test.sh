#!/bin/bash
# weights-give.sh, weights-send.sh and weights-take.sh: a model goes from one cache to another
. "$(dirname "$0")/lib.sh"
HUB=models--o--n
COMMIT=4bd66bfde98f87a10cf200e11b699a1c50d75378
LFS='' GIT='' LIST=''

# model: a model of four files in the cache $ROOM/shared/a: a large one, a small one in a folder,
# an empty one, and one that is the same blob as another.
model() {
	local hub=$ROOM/shared/a/hub/$HUB
	mkdir -p "$hub/blobs" "$hub/snapshots/$COMMIT/sub"
	awk 'BEGIN { for (i = 0; i < 350000; i++) printf "%d\n", i }' >"$ROOM/large"
	echo '{"a": 1}' >"$ROOM/small"
	LFS=$(sha256sum <"$ROOM/large") LFS=${LFS%% *}
	GIT=$({ printf 'blob 9\0'; cat "$ROOM/small"; } | sha1sum) GIT=${GIT%% *}
	none=e69de29bb2d1d6434b8b29ae775ad8c2e48c5391
	cp "$ROOM/large" "$hub/blobs/$LFS"
	cp "$ROOM/small" "$hub/blobs/$GIT"
	: >"$hub/blobs/$none"
	ln -s "../../blobs/$LFS" "$hub/snapshots/$COMMIT/model.safetensors"
	ln -s "../../../blobs/$GIT" "$hub/snapshots/$COMMIT/sub/the config.json"
	ln -s "../../blobs/$none" "$hub/snapshots/$COMMIT/empty"
	ln -s "../../blobs/$GIT" "$hub/snapshots/$COMMIT/same.json"
	SIZE=$(stat -c %s "$ROOM/large")
	LIST=$(printf '%s\t%s\t%s\n' "$SIZE" "$LFS" model.safetensors 9 "$GIT" 'sub/the config.json' \
		0 "$none" empty 9 "$GIT" same.json)
}
take() { # ACT ARGUMENT...
	local act=$1
	shift
	node weights-take act="$act" hf_home="$ROOM/shared/b" hub=$HUB commit=$COMMIT cluster=c1 \
		from=node1 "$@" <<<"$LIST"
}
give() { # ACT ARGUMENT...
	local act=$1
	shift
	node weights-give act="$act" hf_home="$ROOM/shared/${FROM:-a}" hub=$HUB commit=$COMMIT "$@" <<<"$LIST"
}
# relay FILE BLOCK: as dray does where the nodes have no ssh.
relay() {
	give read index="$1" block="$2" count=2
	cp "$ROOM/out" "$ROOM/blocks"
	node weights-take act=write hf_home="$ROOM/shared/b" hub=$HUB commit=$COMMIT cluster=c1 \
		block="$2" line="$(sed -n "$1p" <<<"$LIST")" <"$ROOM/blocks"
}
same() { # is B's copy what A has, as links to blobs?
	local there=$ROOM/shared/b/hub/$HUB
	diff -r "$ROOM/shared/a/hub/$HUB/snapshots" "$there/snapshots" >&2 &&
		[ "$(readlink "$there/snapshots/$COMMIT/sub/the config.json")" = "../../../blobs/$GIT" ] &&
		[ -z "$(find "$there" -name '*.incomplete')" ] && [ "$(stat -c %a "$there/blobs/$LFS")" = 644 ]
}
B() { echo "$ROOM/shared/b/hub/$HUB/blobs/$1"; }

through_dray() {
	model
	take need
	is "nothing is there" [ "$rc:$(wc -l <<<"$out")" = 0:4 ]
	is "the first file" has "$out" "1 $SIZE 0"
	is "a key" has "$said" "set key ssh-ed25519 AAAA"
	relay 1 0
	is "two blocks" [ "$(stat -c %s "$(B "$LFS").sent.incomplete")" = 2097152 ]
	take need
	is "it goes on behind them" has "$out" "1 $SIZE 2"
	node observe cluster=c1 hub="$ROOM/shared/b/hub/$HUB" </dev/null
	is "half a file is no file to a look" lacks "$out" model.safetensors
	relay 1 2
	is "the rest" [ "$(stat -c %s "$(B "$LFS").sent.incomplete")" = "$SIZE" ]
	relay 2 0
	relay 4 0
	take 'done'
	is "verified" has "$rc:$said" "set output $COMMIT"
	is "the same" same
	take need
	is "nothing more" [ "$rc:$out" = 0: ]
	give read index=9 block=0 count=1
	is "no such file" [ "$rc" != 0 ]
}
wrong() {
	model
	take need
	relay 1 0
	relay 1 2
	relay 2 0
	relay 4 0
	printf X | dd of="$(B "$LFS").sent.incomplete" bs=1 seek=4000 conv=notrunc 2>/dev/null
	take 'done'
	is "another hash" [ "$rc" = 65 ]
	is "which file" has "$err$said" "'model.safetensors' as it came from node1 is not the file that it must be"
	is "its number" has "$said" "set bad 1"
	is "it is gone" [ ! -e "$(B "$LFS").sent.incomplete" ]
	is "it was not put into its place" [ ! -e "$(B "$LFS")" ]
	take need
	is "only that one comes again" [ "$out" = "1 $SIZE 0" ]
	relay 1 0
	relay 1 2
	take 'done'
	is "right now" [ "$rc" = 0 ]
	# Bytes change under it.
	printf X | dd of="$(B "$LFS")" bs=1 seek=4000 conv=notrunc 2>/dev/null
	touch -d '2020-01-01' "$(B "$LFS")"
	node observe cluster=c1 hub="$ROOM/shared/b/hub/$HUB" </dev/null
	is "a look sees it" has "$out" "$(printf 'model.safetensors\t%s\tchanged' "$SIZE")"
	is "and that the others are as they were" has "$out" "$(printf 'same.json\t9\t%s' "$GIT")"
	take mend
	is "it is removed" [ "$rc:$(find "$(B "$LFS")" 2>/dev/null)" = 0: ]
	take need
	is "and comes again" [ "$out" = "1 $SIZE 0" ]
	touch -d '2021-01-01' "$(B "$GIT")"
	take mend
	node observe cluster=c1 hub="$ROOM/shared/b/hub/$HUB" </dev/null
	is "what only looks changed stays" has "$out" "$(printf 'same.json\t9\t%s' "$GIT")"
	# Whose fault?
	printf X | dd of="$ROOM/shared/a/hub/$HUB/blobs/$LFS" bs=1 seek=4000 conv=notrunc 2>/dev/null
	node weights-take act=check index=1 hf_home="$ROOM/shared/a" hub=$HUB commit=$COMMIT cluster=c1 <<<"$LIST"
	is "the one that sent it" has "$said" "set removed model.safetensors"
	is "has it no more" [ ! -e "$ROOM/shared/a/hub/$HUB/blobs/$LFS" ]
	node weights-take act=need hf_home="$ROOM/shared/b" hub=$HUB commit=$COMMIT cluster=c1 </dev/null
	is "no list" has "$rc:$err" "1:which files the model has is not known"
}
# samples CACHE [ARGUMENT...]: what a look says of its blobs, into $out.
samples() {
	local cache=$ROOM/shared/$1/hub/$HUB
	shift
	node observe cluster=c1 hub="$cache" revision=$COMMIT compare=yes "$@" </dev/null
}
sample_of() { grep -P "^sample\t$1\t" <<<"$out"; }
poke() { printf X | dd of="$1" bs=1 seek="$2" conv=notrunc 2>/dev/null; }
sampled() {
	local a large small
	model
	a=$ROOM/shared/a/hub/$HUB/blobs
	samples a
	is "a sample of each" [ "$(grep -c ^sample <<<"$out")" = 3 ]
	large=$(sample_of "$LFS") small=$(sample_of "$GIT")
	is "with its middle" [ -n "$large" -a "${large##*$'\t'}" != - ]
	is "of a small one without" [ "${small##*$'\t'}" = - ]
	: >"$a/zz.incomplete"
	cp -r "$ROOM/shared/a" "$ROOM/shared/b"
	samples b
	is "another node's are the same" [ "$(sample_of "$LFS"):$(sample_of "$GIT")" = "$large:$small" ]
	for at in 5 $((SIZE / 2 / 1024 * 1024 + 3)) $((SIZE - 5)); do
		cp "$a/$LFS" "$(B "$LFS")"
		poke "$(B "$LFS")" "$at"
		samples b
		is "byte $at is seen" [ "$(sample_of "$LFS")" != "$large" ]
		is "of that one alone" [ "$(sample_of "$GIT")" = "$small" ]
	done
	poke "$(B "$GIT")" 2
	samples b
	is "and of a small one each byte" [ "$(sample_of "$GIT")" != "$small" ]
	cp "$a/$GIT" "$(B "$GIT")"
	cp "$a/$LFS" "$(B "$LFS")"
	poke "$(B "$LFS")" 5000
	samples b
	is "not all of it is read" [ "$(sample_of "$LFS")" = "$large" ]
	samples b verify=yes
	is "unless that is asked for" has "$out" "$(printf 'model.safetensors\t%s\tchanged' "$SIZE")"
	is "the others are right" has "$out" "$(printf 'same.json\t9\t%s' "$GIT")"
	poke "$(B "$GIT")" 2
	samples b verify=yes
	is "git's hash, too" has "$out" "$(printf 'same.json\t9\tchanged')"
	LIST=$(head -n 1 <<<"$LIST")
	take mend
	is "what is in doubt is verified, and removed" [ "$rc:$(ls "$(B "$LFS")" 2>/dev/null)" = 0: ]
	samples a compare=
	is "no samples of a single copy" lacks "$out" sample
}
# opened: an sshd that gives; sets $port and $hostkey. $rc is 1 if it does not come up.
opened() {
	local tries=0 key
	key=$(cut -d' ' -f1,2 <"$(find "$ROOM/state" -name key.pub)")
	rm -f "$ROOM/opened"
	{
		PATH=$ROOM/bin:$PATH $SH -c "${TEXTS[giving]}
$(text_of weights-give)" weights-give act=open hf_home="$ROOM/shared/${FROM:-a}" hub=$HUB commit=$COMMIT \
			key="$key" address=127.0.0.1 send="${NOISE-}${TEXTS[giving]}
${TEXTS[weights-send]}" <<<"$LIST" 3>"$ROOM/opened" 2>"$ROOM/opened.err" &
		daemon=$!
	} 2>/dev/null
	until grep -q ^wait "$ROOM/opened" 2>/dev/null || ! kill -0 $daemon 2>/dev/null || [ $tries -gt 600 ]; do
		tries=$((tries + 1))
		/bin/sleep 0.1
	done
	read -r _ _ port hostkey <"$ROOM/opened"
	[ -n "$port" ]
}
closed() {
	kill "$daemon"
	wait "$daemon" 2>/dev/null
}
fetch() { take take user="$(id -un)" address=127.0.0.1 port="$port" hostkey="$hostkey"; }
by_ssh() {
	command -v /usr/sbin/sshd >/dev/null && command -v ssh >/dev/null && [ -d /run/sshd ] || return 0
	model
	take need
	# As a login shell whose rc files print something.
	NOISE=$'printf "Welcome!\\nand no end of the line:"\n'
	is "an sshd of its own" opened
	NOISE=
	is "no other key" [ "$(ssh -F none -p "$port" -o BatchMode=yes -o StrictHostKeyChecking=no \
		-o UserKnownHostsFile=/dev/null 127.0.0.1 1 0 2>/dev/null | wc -c)" = 0 ]
	cp "$(find "$ROOM/state" -name key)" "$ROOM/key"
	is "and nothing else by it" [ "$(ssh -F none -i "$ROOM/key" -p "$port" -o BatchMode=yes -o StrictHostKeyChecking=no \
		-o UserKnownHostsFile=/dev/null 127.0.0.1 'cat /etc/passwd' 2>/dev/null | grep -c root:)" = 0 ]
	head -c 1500000 "$ROOM/large" >"$(B "$LFS").sent.incomplete"
	fetch
	is "all has come" has "$rc:$said" "set output $COMMIT"
	is "and is the same" same
	is "the key is gone" [ -z "$(find "$ROOM/state" -name 'key*')" ]
	closed
	is "no sshd is left" [ -z "$(pgrep -f "$ROOM.*/config")" ]
	rm "$(B "$LFS")"
	take need
	fetch
	is "nobody there" has "$rc:$err" "75:no ssh from here to node1"
}
# The one that gives still takes itself: B's part grows while it is sent.
grows() {
	command -v /usr/sbin/sshd >/dev/null && command -v ssh >/dev/null && [ -d /run/sshd ] || return 0
	model
	local b=$ROOM/shared/c/hub/$HUB
	mkdir -p "$b/blobs"
	head -c 1200000 "$ROOM/large" >"$b/blobs/$LFS.sent.incomplete"
	cp "$ROOM/small" "$b/blobs/$GIT"
	: >"$b/blobs/e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"
	take need
	FROM=c
	is "it gives" opened
	{
		until [ "$(stat -c %s "$(B "$LFS").sent.incomplete" 2>/dev/null)" = 1048576 ]; do /bin/sleep 0.05; done
		echo yes >"$ROOM/early"
		tail -c +1200001 "$ROOM/large" >>"$b/blobs/$LFS.sent.incomplete"
		mv "$b/blobs/$LFS.sent.incomplete" "$b/blobs/$LFS"
	} &
	fetch
	wait $!
	is "what came before the rest was there" [ -e "$ROOM/early" ]
	is "and the rest" has "$rc:$said" "set output $COMMIT"
	is "it is the same" same
	closed
	FROM=
}
each through_dray wrong sampled by_ssh grows

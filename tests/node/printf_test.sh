#!/bin/bash
# printf_test.sh - in a shell without a built-in printf no secret is an argument of a program:
# bash without it, and mksh and posh if they are installed
# shellcheck disable=SC2016,SC2028
. "$(dirname "$0")/lib.sh"
SHELLS=(bash)
for s in mksh posh; do
	if command -v $s >/dev/null; then SHELLS+=("$s")
	else skipped=$((skipped + 1)); echo "SKIP $s: it is not installed"; fi
done
ID=$(text_of image-id)

# From now on every program that starts leaves its arguments in $ROOM/words.
watch() {
	local p
	BEFORE='enable -n printf 2>/dev/null'
	for p in printf awk sed cat dd tail head tr; do
		printf '#!/bin/bash\necho "%s $*" >>"%s/words"\nexec %s "$@"\n' $p "$ROOM" "$(type -P $p)" >"$ROOM/bin/$p"
		chmod +x "$ROOM/bin/$p"
	done
	: >"$ROOM/words"
	mkdir -p "$ROOM/docker/box" "$ROOM/docker/image"
	echo 'case $1 in -i) cat >got ;; esac' >"$ROOM/docker/exec"
}
kept() { # WHAT
	out=$(grep POISON "$ROOM/words" "$ROOM/docker/calls" 2>/dev/null)
	is "$1: it is nobody's word" [ -z "$out" ]
	is "$1: the words were watched" grep -q '^printf ' "$ROOM/words"
}

token() {
	watch
	printf '#!/bin/sh\necho "$HF_TOKEN" >"$HOME/got"\n' >"$ROOM/bin/hf"
	chmod +x "$ROOM/bin/hf"
	node download-up token=yes hf_home="$ROOM/hf" hub=models--a--b commit=0123 repo=a/b name=n cluster=c \
		docker_words=0 < <(printf 'POISON\\x\n1\t-\tx\n')
	is "the token comes" [ "$(cat "$ROOM/home/got")" = 'POISON\x' ]
	kept download-up
}
rank_key() {
	watch
	echo 'printf "id=i\ncluster=c\nrunning=true\ncode=0\nlogs=\n" >box/r' >"$ROOM/docker/run"
	node rank-up name=r cluster=c known=i image=img \
		key=yes bind=127.0.0.1 port=1 stall=9 image_id_sh="$ID" -- docker run -d < <(printf 'POISON"\\1\n')
	is "the key of a rank comes" [ "$(cat "$ROOM/docker/got")" = 'POISON"\1' ]
	kept rank-up
}
serve_key() {
	watch
	printf "id=i\ncluster=c\nrunning=false\ncode=0\nlogs=\n" >"$ROOM/docker/box/h"
	node serve-up name=h cluster=c known=i key=yes \
		bind=127.0.0.1 port=1 stall=1 inputs=inputs -- -- vllm serve < <(printf 'POISON\n')
	is "the key of the server comes" [ "$(cat "$ROOM/docker/got")" = POISON ]
	kept serve-up
}
mac_key() {
	watch
	node put-members cluster=c1 act=write < <(printf '{"v":1}\nPOISON\n')
	is "the key of the records comes" [ "$rc:$(cat "$ROOM"/state/dray/c1/*/mackey)" = 0:POISON ]
	is "the members too" [ "$(cat "$ROOM"/state/dray/c1/*/members.json)" = '{"v":1}' ]
	kept members
}

each token rank_key serve_key mac_key

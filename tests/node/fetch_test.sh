#!/bin/bash
# download-up.sh with fetch.py: files from a server that is no Hub
# shellcheck disable=SC2016
. "$(dirname "$0")/lib.sh"
if ! command -v python3 >/dev/null; then
	echo "SKIP fetch: no python3"
	echo "fetch_test: 0 passed, 0 failed, $((skipped + 1)) skipped"
	exit 0
fi
ID=4bd66bfde98f87a10cf200e11b699a1c50d75378
HUB=models--https--h--d--01234567
SITE=$(mktemp -d)
trap 'kill "$web"; rm -rf "$ROOM" "$SITE"' EXIT
mkdir "$SITE/d"
head -c 300000 /dev/urandom >"$SITE/d/model.safetensors"
echo '{}' >"$SITE/d/the config.json"
python3 "$TOP/tests/web.py" "$SITE" "$SITE/log" "$SITE/port" &
web=$!
for _ in $(seq 600); do [ ! -s "$SITE/port" ] || break; sleep 0.1; done
AT=http://127.0.0.1:$(cat "$SITE/port")/d
sum() { sha256sum <"$1" | cut -d' ' -f1; }
BIG=$(sum "$SITE/d/model.safetensors") SMALL=$(sum "$SITE/d/the config.json")
# list [BLOB]: the files, the large one by that hash.
list() {
	printf '%s\t%s\t%s\t%s\t%s\n' 300000 "${1-$BIG}" sub/model.safetensors "$AT/model.safetensors" - \
		3 "$SMALL" 'the config.json' "$AT/the%20config.json" -
	echo end
}
up() { # ARGUMENTS; the list is on stdin
	cat >"$ROOM/in"
	unset http_proxy HTTP_PROXY
	node download-up hf_home="$ROOM/shared/hf" hub=$HUB commit=$ID repo=https://h/d name=dray-c1-download \
		cluster=c1 fetch="$(cat "$TOP/planner/steps/fetch.py")" revision=latest docker_words=0 "$@" -- <"$ROOM/in"
}
fetches() {
	local d=$ROOM/shared/hf/hub/$HUB
	up < <(list )
	is "done" has "$rc:$said" "set output $ID"
	is "a link to a blob" [ "$(readlink "$d/snapshots/$ID/sub/model.safetensors")" = "../../../blobs/$BIG" ]
	is "the files" cmp "$d/snapshots/$ID/sub/model.safetensors" "$SITE/d/model.safetensors"
	is "what is latest" [ "$(cat "$d/refs/latest")" = $ID ]
	is "what was verified is noted" [ "$(wc -l <"$d/.dray-verified")" = 2 ]
	: >"$SITE/log"
	up < <(list )
	is "again: nothing is asked for" [ "$rc:$(wc -c <"$SITE/log")" = 0:0 ]
	rm "$d/blobs/$BIG"
	head -c 100000 "$SITE/d/model.safetensors" >"$d/blobs/$BIG.incomplete"
	up < <(list )
	is "half a file is continued" has "$rc:$(cat "$SITE/log")" "/d/model.safetensors 206 bytes=100000-"
	rm "$d/blobs/$BIG"
	head -c 100000 /dev/zero >"$d/blobs/$BIG.incomplete"
	up < <(list )
	is "a half of something else comes anew" [ "$rc:$(sum "$d/blobs/$BIG")" = "0:$BIG" ]
	node observe cluster=c1 hub="$d" revision=latest </dev/null
	is "a look finds it" has "$out" "$(printf 'snapshot\t%s' $ID)"
}
refuses() {
	local d=$ROOM/shared/hf/hub/$HUB
	up < <(list "$(printf '%064d' 7)" )
	is "another hash" has "$rc:$err" "1:'sub/model.safetensors' is not the file that the list says"
	is "no such blob" [ ! -e "$d/blobs/$(printf '%064d' 7)" ]
	up < <(list | sed 's/model.safetensors	-$/gone	-/')
	is "a file that is gone" has "$rc:$err" "1:the server has no $AT/gone any more"
	up < <(list | sed 's/^300000/300/')
	is "more than was said" has "$rc:$err" "sends more than the 300 bytes"
	up < <(list | sed 's/^end$//')
	is "a list that was cut off" has "$rc:$err" "1:the list of files was cut off"
	mkdir -p "$ROOM/few"
	for tool in dash bash busybox sh awk cat cp cut date df du find grep head id ls mkdir mktemp mv readlink rm sed seq setsid sleep sort stat \
		tail touch tr uname wc kill sha256sum printf env; do
		[ ! -x "$(command -v "$tool")" ] || ln -sf "$(command -v "$tool")" "$ROOM/few/"
	done
	PATH=$ROOM/few up < <(list)
	is "no python3" has "$rc:$err" "1:there is no python3 in the PATH of the node"
}
trusts() {
	printf '#!/bin/sh\necho "$SSL_CERT_FILE $SSL_CERT_DIR $REQUESTS_CA_BUNDLE" >%s/trusted; cat "$SSL_CERT_FILE" >>%s/trusted; exit 1\n' \
		"$ROOM" "$ROOM" >"$ROOM/bin/python3"
	chmod +x "$ROOM/bin/python3"
	up ca='CERTIFICATE 1' < <(list)
	is "it and no other authority" has "$(cat "$ROOM/trusted")" "/download/ca.pem /nonexistent "
	is "and the text" has "$(cat "$ROOM/trusted")" "CERTIFICATE 1"
	cp "$ROOM/bin/python3" "$ROOM/bin/hf"
	node download-up hf_home="$ROOM/shared/hf" hub=$HUB commit=$ID repo=o/n name=dray-c1-download cluster=c1 \
		ca='CERTIFICATE 2' docker_words=0 -- </dev/null
	is "hf gets it, too" has "$(cat "$ROOM/trusted")" "CERTIFICATE 2"
}
each fetches refuses trusts

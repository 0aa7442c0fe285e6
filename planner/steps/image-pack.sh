# image-pack.sh - lays an image that this node has out as files, which other nodes copy
#	ref          the image
#	image_id     its fingerprint
#	image_id_sh  the text of image-id.sh
#	dir          where copies of images are, in the layout of a cache of models
#	copy         the name of this one
#	proc         /proc, if it is elsewhere
# Prints the files, SIZE, TAB, SHA256, TAB, PATH a line: the configuration, HASH.json, and then the
# layers, from the lowest: NUMBER-DIFFID.tar. image-wait.sh comes before this text.
# shellcheck shell=sh disable=SC2015,SC2154
args 'ref image_id image_id_sh dir copy' 'proc' "$@" || exit
proc=${proc:-/proc}
umask 077
tab='	'
cache=$dir/hub/$copy
new=$cache.new
tmp=$(mktemp -d) || exit 1
# shellcheck disable=SC2317 # the trap calls it
leave() {
	trap '' HUP TERM
	rm -rf "$tmp" "$new"
}
trap leave EXIT
trap 'exit 129' HUP
trap 'exit 143' TERM
die() {
	printf '%s\n' "$@" >&2
	exit 1
}
now=$(sh -c "$image_id_sh" image-id "ref=$ref") || die "image '$ref' is not on this node any more"
[ "$now" = "$image_id" ] || die "image '$ref' on this node is another one than when the plan was made"

# whole: does all that was laid out lie there still?
whole() {
	[ -s "$cache/packed" ] || return 1
	while IFS=$tab read -r size blob _; do
		[ "$(stat -c %s "$cache/blobs/$blob" 2>/dev/null)" = "$size" ] || return 1
	done <"$cache/packed"
}
if whole; then
	cat "$cache/packed"
	exit 0
fi
# What came of another image is of no use.
for old in "$dir/hub"/*; do rm -rf "$old"; done
mkdir -p "$new/save" "$new/blobs" || exit 1
bytes=$(docker image inspect --format '{{.Size}}' "$ref" 2>/dev/null)
free=$(df -Pk "$dir" | awk 'NR == 2 { print $4 }')
case $bytes in '' | *[!0-9]*) bytes=0 ;; esac
[ "${free:-0}" -ge $((bytes / 1024)) ] ||
	die "to give image '$ref' to other nodes takes $((bytes / 1048576)) MiB in '$dir' for a while, but $((${free:-0} / 1024)) MiB are free"

printf 'progress laying %s out for other nodes\n' "$ref" >&3
image_told() { awk -v k="$(du -sk "$new" 2>/dev/null | cut -f 1)" -v all="$bytes" 'BEGIN { printf "%.1f of %.1f GB laid out for other nodes", k / 1e6, all / 1e9 }'; }
mkfifo "$tmp/pipe" || exit 1
docker save "$ref" >"$tmp/pipe" 2>"$tmp/err" 3>&- &
save=$!
tar -xf - -C "$new/save" <"$tmp/pipe" 2>"$tmp/tar" 3>&- &
tar=$!
image_wait $tar $tar "docker save $ref"
wait $tar || tar=
wait $save || die "docker save $ref: $(tail -n 3 "$tmp/err")"
[ -n "$tar" ] || die "what docker save printed cannot be unpacked in '$dir': $(tail -n 1 "$tmp/tar")"

strange() { die "what docker save wrote for '$ref' is of a kind that cannot be copied ($1); pull: each brings it to all nodes"; }
told=$(tr -d '\n' <"$new/save/manifest.json") || strange "it has no manifest.json"
config=$(printf %s "$told" | sed -n 's/.*"Config" *: *"\([^"]*\)".*/\1/p')
layers=$(printf %s "$told" | sed -n 's/.*"Layers" *: *\[\([^]]*\)\].*/\1/p' | tr -d '" ' | tr , '\n')
case /$config/ in // | *[!A-Za-z0-9._/-]* | */../*) strange "its configuration" ;; esac
diffs=$(tr -d '\n ' <"$new/save/$config" | sed -n 's/.*"diff_ids":\[\([^]]*\)\].*/\1/p' | tr -d '"' | tr , ' ')
# put FILE SHA256 PATH: into its place, and into the list.
put() {
	case $2 in *[!0-9a-f]*) strange "a hash" ;; esac
	[ "${#2}" = 64 ] || strange "a hash"
	if [ ! -e "$new/blobs/$2" ]; then
		# (It may be a link to another layer's file, or a second name of one that was moved.)
		at=$(readlink -f "$1") && [ -f "$at" ] || strange "a file is missing"
		mv "$at" "$new/blobs/$2" || exit 1
	fi
	printf '%s\t%s\t%s\n' "$(stat -c %s "$new/blobs/$2")" "$2" "$3" >>"$new/packed"
}
hash=$(sha256sum <"$new/save/$config") || exit 1
hash=${hash%% *}
put "$new/save/$config" "$hash" "$hash.json"
# shellcheck disable=SC2086
set -- $diffs
number=0
for layer in $layers; do
	case /$layer/ in *[!A-Za-z0-9._/-]* | */../*) strange "a layer's name" ;; esac
	[ $# -gt 0 ] || strange "more layers than its configuration has"
	diff=${1#sha256:}
	shift
	# What is named by its hash may be packed; else the hash is that of the layer itself.
	case $layer in
	blobs/sha256/*) hash=${layer##*/} ;;
	*) hash=$diff ;;
	esac
	case $diff in *[!0-9a-f]*) strange "a layer's hash" ;; esac
	put "$new/save/$layer" "$hash" "$(printf '%03d-%s.tar' "$number" "$diff")"
	number=$((number + 1))
done
[ $# = 0 ] && [ "$number" -gt 0 ] || strange "fewer layers than its configuration has"
rm -rf "$new/save"
mv "$new" "$cache" || exit 1
cat "$cache/packed"

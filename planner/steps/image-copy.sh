# image-copy.sh - what a node does with the files of an image that come from another node
#	act          has: prints the numbers of those that need not come, as this node has these
#	             layers. load: makes the image of them. drop: removes them
#	cluster      whose records
#	ref          the image
#	image_id     the fingerprint that it must have
#	image_id_sh  the text of image-id.sh
#	dir, copy    where they are: image-pack.sh
#	must         the sha256 of its configuration, if the machine that dray runs on knows it
#	from         the node that gives
#	proc         /proc, if it is elsewhere
# stdin: the files, as image-pack.sh prints them. Facts: "whole", the image is here already. Ends with
# 79 if the engine did not take the image without the layers that it has: all files must come then.
# state.sh and image-wait.sh come before this text.
# shellcheck shell=sh disable=SC2154
args 'act cluster ref image_id image_id_sh dir copy' 'must from proc' "$@" || exit
proc=${proc:-/proc}
umask 077
tab='	'
cache=$dir/hub/$copy
if [ "$act" = drop ]; then
	rm -rf "$dir"
	rmdir "${dir%/*}" "${dir%/*/*}" 2>/dev/null
	exit 0
fi
tmp=$(mktemp -d) || exit 1
trap 'trap "" TERM; rm -rf "$tmp"' EXIT
trap 'exit 143' TERM
die() {
	printf '%s\n' "$@" >&2
	exit 1
}
own_id() { sh -c "$image_id_sh" image-id "ref=$ref"; }
cat >"$tmp/list"
size_of() { stat -c %s "$1" 2>/dev/null || echo 0; }

if [ "$act" = has ]; then
	if [ "$(own_id)" = "$image_id" ]; then
		printf 'set whole yes\nset output %s\n' "$image_id" >&3
		exit 0
	fi
	# What came of another image is of no use.
	for old in "$dir/hub"/*; do [ "$old" = "$cache" ] || rm -rf "$old"; done
	mkdir -p "$cache/blobs" || exit 1
	# In a shared directory the source has laid them out for all.
	if cmp -s "$tmp/list" "$cache/packed"; then
		awk '{ print NR }' "$tmp/list"
		exit 0
	fi
	# A layer is there if an image has it on top of the same ones. A file whose layer comes again
	# further up is needed for that.
	if [ ! -e "$cache/all" ] && ids=$(docker image ls -q 2>/dev/null) && [ -n "$ids" ]; then
		# shellcheck disable=SC2086
		docker image inspect --format '{{json .RootFS.Layers}}' $ids 2>/dev/null
	fi | tr -d '[]" ' | sort -u >"$tmp/there"
	awk -F"$tab" '
		FILENAME == ARGV[1] {
			line[++n] = $3; blob[n] = $2
			if (sub(/^[0-9]*-/, "", $3) && sub(/\.tar$/, "", $3)) { diff[++layers] = $3; number[layers] = n }
			next
		}
		{
			sub(/^sha256:/, "")
			k = split($0, have, /,sha256:/)
			for (i = 1; i <= k && i <= layers && have[i] == diff[i]; i++) if (i > best) best = i
		}
		END {
			for (i = best + 1; i <= layers; i++) needed[blob[number[i]]] = 1
			for (i = 1; i <= best; i++) if (!(blob[number[i]] in needed)) print number[i]
		}' "$tmp/list" "$tmp/there" >"$tmp/skip"
	number=0 need=0
	while IFS=$tab read -r size blob path; do
		number=$((number + 1))
		if grep -qx "$number" "$tmp/skip"; then
			: >"$cache/blobs/$blob.sent.skipped"
			continue
		fi
		rm -f "$cache/blobs/$blob.sent.skipped"
		[ -e "$cache/blobs/$blob" ] || need=$((need + size - $(size_of "$cache/blobs/$blob.sent.incomplete")))
	done <"$tmp/list"
	free=$(df -Pk "$dir" | awk 'NR == 2 { print $4 }')
	[ "${free:-0}" -ge $((need / 1024)) ] ||
		die "the layers of image '$ref' need $((need / 1048576)) MiB in '$dir' for a while, but $((${free:-0} / 1024)) MiB are free"
	cat "$tmp/skip"
	exit 0
fi

# load: what the list says, with empty files in place of layers that are here. What they are called
# is decided here, not on the other node.
state_of "$cluster"
mkdir "$tmp/load" || exit 1
skipped='' config='' layers='' bytes=0
while IFS=$tab read -r size blob path; do
	if [ -e "$cache/blobs/$blob" ]; then
		ln -s "$cache/blobs/$blob" "$tmp/load/$path" || exit 1
		bytes=$((bytes + size))
	else
		: >"$tmp/load/$path"
		skipped=yes
	fi
	case $path in
	*.json) config=$path ;;
	*) layers="$layers${layers:+,}\"$path\"" ;;
	esac
done <"$tmp/list"
# The configuration names the layers by their hashes, which the engine compares.
hash=$(sha256sum <"$tmp/load/$config") && hash=${hash%% *}
[ "$hash.json ${must:-$hash}" = "$config $hash" ] ||
	die "image '$ref' as it came from ${from:-another node} is not the one that it must be: the ID of what came is $hash${must:+, not $must}"
before=$(docker image inspect --format '{{.Id}}' "$ref" 2>/dev/null)
# name_back: what is wrong does not keep the name.
name_back() {
	loaded=$(docker image inspect --format '{{.Id}}' "$ref" 2>/dev/null)
	[ -n "$loaded" ] && [ "$loaded" != "$before" ] || return 0
	docker image rm "$ref" >/dev/null 2>&1
	[ -z "$before" ] || docker tag "$before" "$ref"
}
tag=$ref
case ${tag##*/} in *:*) ;; *) tag=$tag:latest ;; esac
printf '[{"Config":"%s","RepoTags":["%s"],"Layers":[%s]}]\n' "$config" "$tag" "$layers" >"$tmp/load/manifest.json"
printf 'progress loading %s\n' "$ref" >&3
image_told() {
	awk -v all="$bytes" '$1 == "wchar:" { printf "%.1f of %.1f GB loaded", $2 / 1e9, all / 1e9 }' "$proc/$1/io" 2>/dev/null
}
mkfifo "$tmp/pipe" || exit 1
(cd "$tmp/load" && exec tar -chf - -- *) >"$tmp/pipe" 2>/dev/null 3>&- &
reader=$!
docker load <"$tmp/pipe" >"$tmp/out" 2>"$tmp/err" 3>&- &
load=$!
image_wait $load $reader "docker load"
why=
wait $load || why=$(tail -n 3 "$tmp/err")$(tail -n 3 "$tmp/out")
now=$(own_id) || now=
if [ "$now" != "$image_id" ]; then
	name_back
	case $why in *'no space left'*) die "no space left for image '$ref' in $(docker info --format '{{.DockerRootDir}}'): $why" ;; esac
	if [ -n "$skipped" ]; then
		: >"$cache/all"
		exit 79
	fi
	[ -z "$now" ] || die "image '$ref' as it came from ${from:-another node} is another one than there"
	die "docker load of '$ref' as it came from ${from:-another node}: ${why:-it is not there after it}"
fi
# What dray brought here it may remove some day.
(umask 077 && mkdir -p "$state/images" &&
	docker image inspect --format "{{.Id}} $ref" "$ref" >>"$state/images/pulled") || exit 1
printf 'set output %s\n' "$now" >&3

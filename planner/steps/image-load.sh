# image-load.sh - loads an image from an archive (docker save), unless it is there already
#	cluster      whose records
#	ref          the image: which one of the archive; what has no name in it gets this one
#	archive      the file
#	image_id     the fingerprint of the head's: the archive must have the same; empty: not known yet
#	must         the sha256 of the image's configuration, if the machine that dray runs on knows it
#	image_id_sh  the text of image-id.sh
#	arch         amd64 or arm64: what the image must be for; empty: not known
#	there        yes: an image of that name was there when the plan was made, and nobody knew if it
#	             is the archive's. If it is, dray plans again
#	remove       yes: the archive was sent for this, and is removed
#	proc         /proc, if it is elsewhere
# state.sh, archive.sh and image-wait.sh come before this text.
# shellcheck shell=sh disable=SC2154
args 'cluster ref archive image_id_sh' 'must image_id arch there remove proc' "$@" || exit
proc=${proc:-/proc}
want_arch=$arch
tmp=$(mktemp -d) || exit 1
trap 'trap "" TERM; rm -rf "$tmp"' EXIT
trap 'exit 143' TERM
say() { printf 'progress %s\n' "$*" >&3; }
die() {
	printf '%s\n' "$@" >&2
	exit 1
}
own_id() { sh -c "$image_id_sh" image-id "ref=$ref"; }
state_of "$cluster"

[ -e "$archive" ] || die "there is no file '$archive' on this node"
stamp="$(stat -L -c '%s %Y' "$archive") $archive"
say "reading $archive"
archive_kind "$archive"
[ -z "$unpack" ] || command -v "${unpack%% *}" >/dev/null ||
	die "there is no ${unpack%% *} on this node to unpack '$archive': install it, or unpack the archive"
archive_read "$archive" "$ref" ||
	die "'$archive' is not an archive of images as docker save writes it, or it is damaged"
[ -n "$config" ] ||
	die "'$archive' has no image '$ref', but: ${names:-several without names}; set engine.image to the one that is meant"
[ "${must:-$config}" = "$config" ] ||
	die "image '$ref' in '$archive' is not the one that was sent: its ID is $config, not $must"
if [ -n "$want_arch" ] && [ -n "$arch" ] && [ "$arch" != "$want_arch" ]; then
	die "image '$ref' in '$archive' is for $arch, but this node is $want_arch"
fi

# is_it: is the image of that name the archive's? Its ID is the hash of its configuration; where the
# runtime has other IDs, its layers tell.
is_it() {
	told=$(docker image inspect --format '{{.Id}} {{json .RootFS.Layers}}' "$ref" 2>/dev/null) || return 1
	id=${told%% *} id=${id#sha256:}
	[ "$id" != "$config" ] || return 0
	[ "$(printf %s "${told#* }" | tr -d '[]"' | tr , ' ')" = "$layers" ] && [ -n "$layers" ]
}
image_told() {
	at=$(sed -n 's/^pos:[^0-9]*//p' "$proc/$1/fdinfo/0" 2>/dev/null)
	[ -z "$at" ] || awk -v n="$at" -v all="$size" 'BEGIN { printf "%.1f of %.1f GB read", n / 1e9, all / 1e9 }'
}
if ! is_it; then
	there=
	say "loading $ref from $archive"
	# (Whoever reads the archive has it as its stdin.)
	if [ -n "$unpack" ]; then
		mkfifo "$tmp/pipe" || exit 1
		# shellcheck disable=SC2086
		$unpack <"$archive" >"$tmp/pipe" 2>/dev/null 3>&- &
		reader=$!
		docker load <"$tmp/pipe" >"$tmp/out" 2>"$tmp/err" 3>&- &
		load=$!
	else
		docker load <"$archive" >"$tmp/out" 2>"$tmp/err" 3>&- &
		load=$! reader=$!
	fi
	size=$(stat -L -c %s "$archive")
	image_wait $load $reader "docker load"
	if ! wait $load; then
		why=$(tail -n 3 "$tmp/err")
		[ -n "$why" ] || why=$(tail -n 3 "$tmp/out")
		case $why in
		*'no space left'*) die "no space left for image '$ref' in $(docker info --format '{{.DockerRootDir}}'): $why" ;;
		*) die "docker load of '$archive': $why" ;;
		esac
	fi
	[ -z "$unnamed" ] || docker tag "sha256:$config" "$ref" 2>/dev/null || docker tag "$config" "$ref" ||
		die "the image in '$archive' has no name, and cannot be called '$ref'"
	is_it || die "image '$ref' is another one than '$archive' has, even after docker load"
	# What dray brought here it may remove some day.
	(umask 077 && mkdir -p "$state/images" &&
		docker image inspect --format "{{.Id}} $ref" "$ref" >>"$state/images/pulled") || exit 1
fi
now=$(own_id) || die "image '$ref' is not there after docker load"
[ -z "$image_id" ] || [ "$now" = "$image_id" ] ||
	die "image '$ref' in '$archive' is another one than on the head: all nodes must have the same archive"
if [ -n "$remove" ]; then
	rm -f "$archive"
	rmdir "${archive%/*}" "${archive%/*/*}" 2>/dev/null
else
	dir=$state/images
	(umask 077 && mkdir -p "$dir" && printf '%s\n%s %s %s %s\n' "$stamp" "$config" "$now" "${arch:--}" "$names" >"$dir/.new" &&
		mv -f "$dir/.new" "$dir/archive") || exit 1
fi
[ -z "$there" ] || printf 'set again %s\n' "the image on the node is the one of its archive" >&3
printf 'set output %s\n' "$now" >&3

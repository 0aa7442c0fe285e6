# image-up.sh - pulls an image unless it is there already
#	ref          the image
#	image_id     the fingerprint of the head's: an image with another one is pulled; empty: not
#	             known yet
#	image_id_sh  the text of image-id.sh
#	arch         amd64 or arm64: the registry must have one for it; empty: not asked
#	pull_from    NAME@sha256:..., the name by which ref's registry knows the head's image
#	elsewhere    another node that has an image of that name
#	cluster      whose it is, to note that dray pulled it
#	proc         /proc, if it is elsewhere
# state.sh comes before this text.
# shellcheck shell=sh disable=SC2154
args 'ref image_id_sh' 'image_id pull_from arch elsewhere cluster proc' "$@" || exit
proc=${proc:-/proc}
tmp=$(mktemp -d) || exit 1
trap 'trap "" TERM; rm -rf "$tmp"' EXIT
trap 'exit 143' TERM # what takes too long is ended so
say() { printf 'progress %s\n' "$*" >&3; }
die() {
	printf '%s\n' "$@" >&2
	exit 1
}
own_id() { sh -c "$image_id_sh" image-id "ref=$ref"; }

now=$(own_id) || {
	[ $? != 143 ] || exit 1 # the daemon hangs, and bounded.sh has said so
	now=
}
if [ -n "$now" ] && { [ -z "$image_id" ] || [ "$now" = "$image_id" ]; }; then
	printf 'set output %s\n' "$now" >&3
	exit 0
fi
from=$ref
case $ref in *@sha256:*) ;; *) from=${pull_from:-$ref} ;; esac

# none_for TEXT: that is all that there is.
none_for() { die "image '$ref' has none for this node ($arch), only for $1: take a tag for $arch, or one that has both"; }
if [ -n "$arch" ]; then
	# A registry that does not answer is the business of the pull.
	has=$(bounded_by "$runtime_limit" docker manifest inspect --verbose "$from" 2>/dev/null 3>&- |
		sed -n 's/.*"architecture": *"\([a-z0-9]*\)".*/\1/p' | grep -v unknown | sort -u | tr '\n' ' ')
	case " $has" in ' ' | *" $arch "*) ;; *) none_for "${has% }" ;; esac
fi
say "pulling $from"
docker pull "$from" >"$tmp/out" 2>"$tmp/err" 3>&- &
pull=$!
# moved: prints "LINES KIB LAYERS COMPLETE DOWNLOADED". LINES is how much the pull has said. It
# says nothing while one layer comes, which may take an hour, so KIB is what this node has
# received, and an eighth of what it has written: a layer is unpacked in silence, too.
moved() {
	cat "$proc/net/dev" "$proc/vmstat" 2>/dev/null | awk -v out="$tmp/out" '
		/:/ { sub(/^ */, ""); if (!/^lo:/) { sub(/^[^:]*: */, ""); kib += $1 / 1024 } }
		$1 == "pgpgout" { kib += $2 / 8 }
		END {
			while ((getline line <out) > 0) {
				lines++
				if (line ~ /: Pulling fs layer/) all++
				if (line ~ /: (Pull complete|Already exists)/) done++
				if (line ~ /: Download complete/) got++
			}
			printf "%d %.0f %d %d %d\n", lines, kib, all, done, got
		}'
}
looked=0 quiet=0 lines=-1 kib=0
while kill -0 $pull 2>/dev/null; do
	# A small one is soon there. (Not every sleep knows fractions.)
	looked=$((looked + 1))
	[ $looked -gt 8 ] || ! sleep 0.2 2>/dev/null || continue
	sleep 2
	# shellcheck disable=SC2046
	set -- $(moved)
	[ "${3:-0}" -eq 0 ] || say "$4 of $3 layers, $5 downloaded"
	if [ "${1:-0}" -ne "$lines" ] || [ $((${2:-0} - kib)) -ge 8192 ]; then
		quiet=0 lines=${1:-0} kib=${2:-0}
	fi
	quiet=$((quiet + 2))
	if [ $quiet -gt "$pull_stall" ]; then
		kill $pull 2>/dev/null
		die "docker pull $from: nothing came for $((pull_stall / 60)) minutes; its engine hangs ('docker info' on the node), or the registry does:" \
			"$(tail -n 3 "$tmp/out")" "$(tail -n 3 "$tmp/err")"
	fi
done
if ! wait $pull; then
	why=$(tail -n 3 "$tmp/err")
	case $why in
	*'no space left'*) die "no space left for image '$ref' in $(docker info --format '{{.DockerRootDir}}'): $why" ;;
	*unauthorized* | *'authentication required'* | *'denied: '* | *'access denied'*)
		die "the registry does not give image '$ref' to this login (docker login?), or it does not exist: $why" ;;
	*'no matching manifest'* | *'no image found in manifest list'* | *'no image found in image index'*)
		die "image '$ref' has none for this node's architecture ($(uname -m)): take a tag that has: $why" ;;
	*'manifest unknown'* | *'not found'*) die "image '$ref' does not exist in its registry: $why" ;;
	*'toomanyrequests'*) die "the registry asks to come back later: $why" ;;
	*'no such host'* | *timeout* | *refused* | *unreachable* | *'no route'* | *'Temporary failure'*)
		way="engine.image_archive takes it from a file"
		[ -z "$elsewhere" ] || way="engine.pull: once takes it from $elsewhere, which has it; $way"
		die "the registry of image '$ref' cannot be reached from here ($way): $why" ;;
	*) die "docker pull $from: $why" ;;
	esac
fi
[ "$from" = "$ref" ] || docker tag "$from" "$ref" || exit 1
now=$(own_id) || die "image '$ref' is not there after the pull"
if [ -n "$arch" ]; then
	has=$(docker image inspect --format '{{.Architecture}}' "$ref" 2>/dev/null)
	case $has in amd64 | arm64) [ "$has" = "$arch" ] || none_for "$has" ;; esac
fi
[ -z "$image_id" ] || [ "$now" = "$image_id" ] ||
	die "image '$ref' is another one than on the head even now: name it by digest"
# What dray brought here it may remove some day.
if [ -n "$cluster" ]; then
	state_of "$cluster"
	(umask 077 && mkdir -p "$state/images" &&
		docker image inspect --format "{{.Id}} $ref" "$ref" >>"$state/images/pulled") || exit 1
fi
printf 'set output %s\n' "$now" >&3

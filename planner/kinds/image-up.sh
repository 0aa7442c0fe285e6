# image-up.sh REF ID DIGEST IMAGE-ID-SH - pulls an image where it is absent or another one
# than ID, the fingerprint of the head's ("-": not known yet). DIGEST, NAME@sha256:..., is
# how a registry knows the head's image. IMAGE-ID-SH is the text of image-id.sh.
# shellcheck shell=sh
ref=$1 id=$2 digest=$3 fingerprint=$4
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
trap 'exit 143' TERM # what takes too long is ended so
say() { printf 'progress %s\n' "$*" >&3; }
die() {
	echo "$*" >&2
	exit 1
}
own() { sh -c "$fingerprint" image-id "$1"; }

now=$(own "$ref") || now=
if [ -n "$now" ] && { [ "$id" = - ] || [ "$now" = "$id" ]; }; then
	printf 'set output %s\n' "$now" >&3
	exit 0
fi
from=$ref
case $ref in *@sha256:*) ;; *) [ "$digest" = - ] || from=$digest ;; esac

say "pulling $from"
docker pull "$from" >"$tmp/out" 2>"$tmp/err" 3>&- &
pull=$!
looked=0
while kill -0 $pull 2>/dev/null; do
	# A small one is over soon. (Not every sleep knows fractions.)
	looked=$((looked + 1))
	[ $looked -gt 8 ] || ! sleep 0.2 2>/dev/null || continue
	sleep 2
	awk '/: Pulling fs layer/ { all++ } /: (Pull complete|Already exists)/ { done++ }
		/: Download complete/ { got++ }
		END { if (all) printf "progress %d of %d layers, %d downloaded\n", done, all, got }' \
		"$tmp/out" >&3
done
if ! wait $pull; then
	why=$(tail -n 3 "$tmp/err")
	case $why in
	*'no space left'*) die "no space left for image '$ref' in $(docker info --format '{{.DockerRootDir}}'): $why" ;;
	*unauthorized* | *'authentication required'* | *'denied: '* | *'access denied'*)
		die "the registry does not give image '$ref' to this login (docker login?), or it does not exist: $why" ;;
	*'manifest unknown'* | *'not found'*) die "image '$ref' does not exist in its registry: $why" ;;
	*'toomanyrequests'*) die "the registry asks to come back later: $why" ;;
	*'no such host'* | *timeout* | *refused* | *unreachable* | *'no route'* | *'Temporary failure'*)
		die "the registry of image '$ref' cannot be reached from here: $why" ;;
	*) die "docker pull $from: $why" ;;
	esac
fi
[ "$from" = "$ref" ] || docker tag "$from" "$ref" || exit 1
now=$(own "$ref") || die "image '$ref' is not there after the pull"
[ "$id" = - ] || [ "$now" = "$id" ] ||
	die "image '$ref' is another one than on the head even now: name it by digest"
printf 'set output %s\n' "$now" >&3

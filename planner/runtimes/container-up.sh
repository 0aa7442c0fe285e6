# container-up.sh - functions of join-up.sh and rank-up.sh, which come after it and set the
# variables that these use
# shellcheck shell=sh disable=SC2154
say() { printf 'progress %s\n' "$*" >&3; }
die() {
	printf '%s\n' "$@" >&2
	exit 1
}
inspect() { docker inspect --type container --format "$1" "$name" 2>/dev/null; }

# prepare: checks that $image is the image that the head has, and makes $hf_home, which Docker
# would make as root.
prepare() {
	if [ -n "$image_id" ] && now=$(sh -c "$image_id_sh" image-id "ref=$image") &&
		[ "$now" != "$image_id" ]; then
		die "image '$image' is another one here than on the head: plan and apply again"
	fi
	[ -z "$hf_home" ] || mkdir -p "$hf_home" || exit 1
}

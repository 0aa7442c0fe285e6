# container-up.sh - functions of join-up.sh and rank-up.sh, which come after it and set the
# variables that these use
# shellcheck shell=sh disable=SC2154
say() { printf 'progress %s\n' "$*" >&3; }
die() {
	printf '%s\n' "$@" >&2
	exit 1
}
inspect() { docker inspect --type container --format "$1" "$name" 2>/dev/null; }
# stands FORMAT: $told, what the runtime says of the container. That there is none ends the script; any
# other failure does not mean that, as when the daemon is started anew, and its words are in $told then.
stands() {
	told=$(docker inspect --type container --format "$1" "$name" 2>&1) && return
	case $told in *[Nn]'o such'*) die "the container was removed by another hand" ;; esac
	return 1
}

# prepare: checks that $image is the image that the head has, and makes $hf_home, which Docker
# would make as root.
prepare() {
	if [ -n "$image_id" ] && now=$(sh -c "$image_id_sh" image-id "ref=$image") &&
		[ "$now" != "$image_id" ]; then
		die "image '$image' is another one here than on the head: plan and apply again"
	fi
	[ -z "$hf_home" ] || mkdir -p "$hf_home" || exit 1
}

# image-down.sh - removes an image, unless a container still uses it
#	ref  the image
# shellcheck shell=sh disable=SC2154
args 'ref' '' "$@" || exit
docker image inspect "$ref" >/dev/null 2>&1 || exit 0
docker image rm "$ref" >/dev/null

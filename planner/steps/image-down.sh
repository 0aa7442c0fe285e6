# image-down.sh - removes an image, unless a container still uses it
#	ref  the image
# shellcheck shell=sh disable=SC2154
args 'ref' '' "$@" || exit
told=$(docker image inspect --format . "$ref" 2>&1) || case $told in
*[Nn]'o such image'* | *'image not known'*) exit 0 ;;
esac
docker image rm "$ref" >/dev/null

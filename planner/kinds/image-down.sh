# image-down.sh REF - removes an image, unless a container still uses it
# shellcheck shell=sh
docker image inspect "$1" >/dev/null 2>&1 || exit 0
docker image rm "$1" >/dev/null

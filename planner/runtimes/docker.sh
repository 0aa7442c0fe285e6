# docker.sh - comes before scripts that say docker, after bounded.sh
# shellcheck shell=sh disable=SC2154

# A daemon that hangs says nothing, and its clients would wait for ever.
docker() {
	limit_of "$1"
	bounded "$limit" docker "$@"
}

# container-guard.sh - status 0 while the container runs
#	name      the container
#	instance  the id that it must have; empty: any
# shellcheck shell=sh disable=SC2154
args 'name' 'instance' "$@" || exit
if ! told=$(docker inspect --type container \
	--format '{{.Id}} {{.State.Running}} {{.State.ExitCode}} {{.State.OOMKilled}}' "$name" 2>&1); then
	case $told in
	*[Nn]'o such'*) echo "container '$name' is gone" >&2 ;;
	*) echo "$told" >&2 ;;
	esac
	exit 1
fi
# shellcheck disable=SC2086
set -- $told
if [ -n "$instance" ] && [ "$1" != "$instance" ]; then
	echo "container '$name' is not the one this apply started" >&2
	exit 1
fi
if [ "$2" != true ]; then
	echo "container '$name' ended with $3$([ "$4" = true ] && echo ', out of memory')" >&2
	exit 1
fi

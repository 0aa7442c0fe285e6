# serve-guard.sh CONTAINER ID - status 0 while that very container runs
# shellcheck shell=sh
name=$1 id=$2
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
if [ "$id" != - ] && [ "$1" != "$id" ]; then
	echo "container '$name' is not the one this apply started" >&2
	exit 1
fi
if [ "$2" != true ]; then
	echo "container '$name' ended with $3$([ "$4" = true ] && echo ', out of memory')" >&2
	exit 1
fi

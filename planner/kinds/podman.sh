# podman.sh - comes before scripts that say docker, on nodes where the runtime is podman
# shellcheck shell=sh disable=SC2034

docker() {
	case $1 in
	rm) # Docker does not wait for what it removes by force.
		shift
		command podman rm -t 0 "$@"
		;;
	info) command podman info --format '{{.Store.GraphRoot}}' ;;
	*) command podman "$@" ;;
	esac
}
# Root in a container of podman is whoever started it.
container_user=0:0

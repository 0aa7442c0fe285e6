# podman.sh - comes before scripts that say docker, on nodes where the runtime is podman
# shellcheck shell=sh disable=SC2034

# Podman has no daemon: what it starts stays, and must hold neither our lock (9) nor our
# progress line (3).
docker() {
	case $1 in
	rm) # Docker does not wait for what it removes by force.
		shift
		command podman rm -t 0 "$@"
		;;
	info) command podman info --format '{{.Store.GraphRoot}}' ;;
	top) command podman top "$2" hpid ;; # else pids are those of the inside
	*) command podman "$@" ;;
	esac 3>&- 9>&-
}
# Root in a container of podman is whoever started it.
container_user=0:0
# Of this too, it has another notion than Docker.
finished_at='{{.State.FinishedAt.UTC.Format "2006-01-02T15:04:05Z"}}'

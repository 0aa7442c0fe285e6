# podman.sh - comes before scripts that say docker, after bounded.sh, where the runtime is podman
# shellcheck shell=sh disable=SC2034,SC2154

# Podman has no daemon: what it starts stays, and must hold neither our lock (8, 9) nor our
# progress line (3).
docker() {
	limit_of "$1"
	case $1 in
	rm) # Docker does not wait for what it removes by force.
		shift
		bounded "$limit" podman rm -t 0 "$@"
		;;
	info) bounded "$limit" podman info --format '{{.Store.GraphRoot}}' ;;
	top) bounded "$limit" podman top "$2" hpid ;; # else pids are those of the inside
	*) bounded "$limit" podman "$@" ;;
	esac 3>&- 8>&- 9>&-
}
# In a container of podman, root is the user who started it.
container_user=0:0
# Podman prints this time in another format than Docker.
finished_at='{{.State.FinishedAt.UTC.Format "2006-01-02T15:04:05Z"}}'

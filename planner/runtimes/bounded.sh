# bounded.sh - a time limit for programs that ask a daemon, which may hang; comes before docker.sh
# and podman.sh
# shellcheck shell=sh disable=SC2034,SC2154

# In our process group, so that what ends us ends the program too. (busybox's stays in it.)
if timeout --foreground -k "$term_limit" 9 true 2>/dev/null; then
	bounded_by() { timeout --foreground -k "$term_limit" "$@"; }
elif timeout 9 true 2>/dev/null; then
	bounded_by() { timeout "$@"; }
elif timeout -t 9 true 2>/dev/null; then
	bounded_by() { timeout -t "$@"; }
else
	bounded_by() {
		shift
		command "$@"
	}
fi
# Callers discard what a program says on stderr; what is said here must reach the user.
exec 4>&2
trap 'exit 143' TERM

bounded_clock() {
	bounded_now=
	read -r bounded_now _ </proc/uptime
	bounded_now=${bounded_now%.*} bounded_now=${bounded_now:-$(date +%s)}
}

# bounded SECONDS PROGRAM WORD...: runs it. When it takes longer, the whole script ends and says
# so. 0: no limit; the program replaces the subshell that calls this.
bounded() {
	if [ "$1" = 0 ]; then
		shift
		exec "$@" 4>&-
	fi
	bounded_clock
	bounded_end=$((bounded_now + $1))
	bounded_by "$@" 4>&-
	bounded_status=$?
	case $bounded_status in
	124 | 137 | 143)
		# The program itself may have ended with that status, before its time was up.
		bounded_clock
		if [ "$bounded_now" -ge "$bounded_end" ]; then
			echo "$2 does not answer: '$2 ${3-}' took longer than $1 s (try '$2 ps' on the node)" >&4
			kill -TERM $$
			exit 143
		fi
		;;
	esac
	return $bounded_status
}

# limit_of WORD: sets $limit for that command of docker and podman. A pull and a load have none: their
# scripts watch whether something comes. So does a script that sets $no_limit.
limit_of() {
	case $1 in
	pull | load | save) limit=0 ;;
	run) limit=$runtime_run_limit ;;
	exec | rm | logs | cp) limit=$runtime_work_limit ;;
	*) limit=$runtime_limit ;;
	esac
	[ -z "${no_limit-}" ] || limit=0
}

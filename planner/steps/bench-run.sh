# bench-run.sh - runs one step of the engine's own benchmark where its server runs, and prints the
# result that it wrote. Holds no lock, and ends when dray does.
#	what       "16 at a time": for progress
#	container  where it runs; empty: on the host
#	key        "yes": the API key is the first line of stdin
# The words are "NAME=VALUE" for its environment, and behind them "sh -c", bench-inside.sh and the
# benchmark's command. The engine's script comes before this text.
# shellcheck shell=sh disable=SC2034,SC2154
args 'what' 'container key' "$@" || exit
shift "$args"
die() {
	printf '%s\n' "$@" >&2
	exit 1
}
# give SECRET: prints it. In some shells printf is a program, whose arguments everybody can see.
give() { GIVEN=$1 awk 'BEGIN { print ENVIRON["GIVEN"] }'; }
secret=
if [ -n "$key" ]; then
	IFS= read -r secret
	[ -n "$secret" ] || die "no API key came"
fi
# From here on it only waits: shell.sh ends it when dray is gone.
echo wait >&3
exec 8<&- 9<&-
no_limit=yes
IFS= read -r dir </proc/sys/kernel/random/uuid && dir=/tmp/dray-bench-$dir || exit 1
where() {
	if [ -n "$container" ]; then docker exec -i "$container" "$@"; else "$@"; fi
}
# What runs in a container does not end with us.
# shellcheck disable=SC2016
leave() {
	trap '' TERM HUP
	no_limit=
	where sh -c 'read -r pid <"$1/pid" && kill -TERM "$pid"' sh "$dir" >/dev/null 2>&1 </dev/null
}
trap leave EXIT
trap 'trap "" TERM HUP; exit 143' TERM
trap 'trap "" TERM HUP; exit 129' HUP
printf 'progress %s\n' "$what" >&3
give "$secret" | where env "DRAY_DIR=$dir" "$@" 2>&1 | {
	nl='
'
	status='' result='' log='' told=
	while IFS= read -r line; do
		case $line in
		'far '*)
			far=$(printf '%s\n' "${line#far }" | bench_far)
			[ "$far" = "$told" ] || printf 'progress %s: %s\n' "$what" "$far" >&3
			told=$far
			;;
		'end '*) status=${line#end } ;;
		'json '*) result=${line#json } ;;
		*) log=$log${line#log }$nl ;;
		esac
	done
	if [ "$status" = 0 ] && [ -n "$result" ]; then
		printf '%s\n' "$result"
		printf '%s' "$log" | bench_errors >&2
		exit 0
	fi
	why=$(bench_why "$log") || why="it ended with status ${status:-unknown}"
	die "$why" "$(printf '%s' "$log" | tail -n 20)"
} &
wait $!

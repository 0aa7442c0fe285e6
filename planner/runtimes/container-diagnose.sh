# container-diagnose.sh - prints a report about a container: its state, then the end of its log.
# planner/why/evidence.h describes it; lines of a log begin with a bar.
#	name    the container
#	part    what runs in it: head, worker or rank; empty: only the server's log
#	beside  "yes": the server runs in it too, and has a log of its own
#	lines   how many lines of each log
#	bytes   how many bytes of each log, at most
#	from    of the server's log only what follows so many bytes; empty: its end
#	since   of the container's log only what is not older than this time; empty: its end
# end-of-file.sh comes before this text.
# shellcheck shell=sh disable=SC2154
args 'name lines bytes' 'part beside from since' "$@" || exit
# (The last line may lack its end.)
end_of() {
	tail -n "$lines" | tail -c "$bytes" | sed 's/^/|/'
	echo
}
ended=${finished_at:-'{{.State.FinishedAt}}'}
told=$(docker inspect --type container --format "{{if .State.Running}}alive {{else}}state $ended {{end}}container {{.Name}}: {{.State.Status}}, exit {{.State.ExitCode}}{{if .State.OOMKilled}}, out of memory{{end}} pid {{.State.Pid}}" \
	"$name" 2>&1) || {
	case $told in
	*[Nn]'o such'*) echo "state container $name: gone" ;;
	*) printf 'state container %s: %s\n' "$name" "$(printf '%s\n' "$told" | head -n 1)" ;;
	esac
	exit 0
}
pid=${told##* pid }
told=${told% pid *}
# The kernel counts what it killed in the container; the container itself may have survived it.
path=$(sed -n 's|^0::\(/.*\)|\1|p' "/proc/$pid/cgroup" 2>/dev/null)
killed=$(sed -n 's/^oom_kill //p' "/sys/fs/cgroup${path:-/none}/memory.events" 2>/dev/null)
case $told:$killed in
alive*:[1-9]*) told="state ${told#alive }, $killed processes killed, out of memory" ;;
esac
printf '%s\n' "$told" | sed 's|container /|container |'

# What the server left; serve.instance is removed when it is ended by us.
# shellcheck disable=SC2016
server='cd /tmp/dray 2>/dev/null && read -r id <serve.instance && [ -n "$id" ] || exit 0
read -r pid <serve.pid
if [ -n "$pid" ] && kill -0 "$pid" 2>/dev/null; then
	echo "alive process of serve: runs"
elif [ -s serve.status ]; then
	read -r status <serve.status
	echo "state $(date -u -r serve.status +%Y-%m-%dT%H:%M:%SZ) process of serve: ended with status $status"
else
	echo "state process of serve: was killed"
fi
echo "log serve"
end_of_file serve.log "$from" "$lines" "$bytes"'
if [ -n "$beside" ]; then
	case $told in
	'state 20'*)
		if [ -z "$from" ] && docker cp "$name:/tmp/dray/serve.instance" - >/dev/null 2>&1; then
			echo "log serve"
			docker cp "$name:/tmp/dray/serve.log" - 2>/dev/null | tar -xOf - 2>/dev/null | end_of
		fi
		;;
	*)
		docker exec -e "from=$from" -e "lines=$lines" -e "bytes=$bytes" "$name" sh -c "$end_of_file
$server" 2>/dev/null
		;;
	esac
fi
[ -n "$part" ] || exit 0
echo "log $part"
docker logs -t --tail "$lines" ${since:+--since "$since"} "$name" 2>&1 | end_of
exit 0

# container-diagnose.sh - prints what this node says about a failure: the state of the container,
# then the first causes in its logs. For a rank, lines begin with their time, so that the
# first failure of several ranks can be found.
#	name      the container
#	part      what runs in it: serve, join or rank
#	cause_sh  the text of the script that finds causes in a log
# shellcheck shell=sh disable=SC2154
args 'name part cause_sh' '' "$@" || exit
at=
ended=${finished_at:-'{{.State.FinishedAt}}'}
[ "$part" != rank ] || at="{{if not .State.Running}}$ended {{end}}"
told=$(docker inspect --type container --format "${at}container {{.Name}}: {{.State.Status}}, exit {{.State.ExitCode}}{{if .State.OOMKilled}}, out of memory{{end}}" \
	"$name" 2>&1) || case $told in
*[Nn]'o such'*) echo "container $name: gone" && exit 0 ;;
esac
printf '%s\n' "$told" | sed 's|container /|container |'
if [ "$part" = serve ]; then
	docker cp "$name:/tmp/dray/serve.log" - 2>/dev/null | tar -xOf - 2>/dev/null | sh -c "$cause_sh" cause
fi
[ "$part" = rank ] && times=-t || times=
# shellcheck disable=SC2086
docker logs $times --tail 2000 "$name" 2>&1 | sed 's/^\(20[0-9T:.-]*\)+00:00 /\1Z /' | sh -c "$cause_sh" cause
exit 0

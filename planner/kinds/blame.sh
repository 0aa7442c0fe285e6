# blame.sh CONTAINER serve|ray|rank CAUSE-SH - what this node says about a failure: the state
# of the container, then the first causes in the logs of vLLM or Ray. Of a rank, lines
# begin with their time, so that the first failure of several ranks can be told.
# shellcheck shell=sh
name=$1 what=$2 cause=$3
at=
ended=${finished_at:-'{{.State.FinishedAt}}'}
[ "$what" != rank ] || at="{{if not .State.Running}}$ended {{end}}"
told=$(docker inspect --type container --format "${at}container {{.Name}}: {{.State.Status}}, exit {{.State.ExitCode}}{{if .State.OOMKilled}}, out of memory{{end}}" \
	"$name" 2>&1) || case $told in
*[Nn]'o such'*) echo "container $name: gone" && exit 0 ;;
esac
printf '%s\n' "$told" | sed 's|container /|container |'
if [ "$what" = serve ]; then
	docker cp "$name:/tmp/dray/serve.log" - 2>/dev/null | tar -xOf - 2>/dev/null | sh -c "$cause" cause
fi
[ "$what" = rank ] && times=-t || times=
# shellcheck disable=SC2086
docker logs $times --tail 2000 "$name" 2>&1 | sed 's/^\(20[0-9T:.-]*\)+00:00 /\1Z /' | sh -c "$cause" cause
exit 0

# blame.sh CONTAINER serve|ray CAUSE-SH - what this node says about a failure: the state of
# the container, then the first cause in the logs of vLLM or Ray
# shellcheck shell=sh
name=$1 what=$2 cause=$3
told=$(docker inspect --type container --format 'container {{.Name}}: {{.State.Status}}, exit {{.State.ExitCode}}{{if .State.OOMKilled}}, out of memory{{end}}' \
	"$name" 2>&1) || case $told in
*'No such'*) echo "container $name: gone" && exit 0 ;;
esac
printf '%s\n' "$told" | sed 's|container /|container |'
if [ "$what" = serve ]; then
	docker cp "$name:/tmp/dray/serve.log" - 2>/dev/null | tar -xOf - 2>/dev/null | sh -c "$cause" cause
fi
docker logs --tail 2000 "$name" 2>&1 | sh -c "$cause" cause
exit 0

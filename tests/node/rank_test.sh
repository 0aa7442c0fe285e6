#!/bin/bash
# rank-up.sh, rank-down.sh and container-diagnose.sh: the container of one rank of vLLM, by a
# docker of this test's own
# shellcheck disable=SC2016,SC1091
. "$(dirname "$0")/lib.sh"

# The container is the folder $DOCKER_ROOM/box: id, cluster, owner, digest, running (true, false),
# code, log. `run` is what happens at docker run.
with_docker() {
	cat >"$ROOM/bin/docker" <<'END'
#!/bin/sh
cd "$DOCKER_ROOM" || exit 1
# away: for so many calls, when a container is there, the daemon does not answer.
if [ -d box ] && [ -s away ]; then
	read -r n <away
	if [ "$n" -gt 1 ]; then echo $((n - 1)) >away; else rm away; fi
	echo "Cannot connect to the Docker daemon" >&2
	exit 1
fi
printf '%s\n' "$*" | tr '\n' ' ' >>calls
echo >>calls
get() { cat "box/$1" 2>/dev/null; }
case $1 in
run) . ./run ;;
rm) rm -rf box ;;
top) printf 'PID\n4711\n' ;;
logs)
	[ -d box ] || { echo "No such container" >&2; exit 1; }
	case $* in *' -t '*) cat box/log ;; *) sed 's/^[^ ]*Z //' box/log ;; esac ;;
exec)
	[ -d box ] || exit 1
	case $* in
	*'test -p'*) [ -e box/pipe ] ;;
	*) cat >box/key ;;
	esac ;;
image) echo layers ;;
inspect)
	[ -d box ] || { echo "Error: No such container: x" >&2; exit 1; }
	case $* in
	*FinishedAt*)
		[ "$(get running)" = true ] && printf 'alive ' || printf 'state 2026-11-22T20:00:09.5Z '
		echo "container /x: exited, exit $(get code) pid 0" ;;
	*'Running}} {{.State.ExitCode'*) echo "$(get running) $(get code) false" ;;
	*'dray.digest'*) get digest ;;
	*StartedAt*) echo "$(get id) 2026-11-22T20:00:00Z" ;;
	*'{{.Id}} {{.State.Running}} {{with index'*) echo "$(get id) $(get running) $(get cluster) $(get owner)" ;;
	*'{{with index'*) get cluster ;;
	*'{{.Id}}'*) get id ;;
	esac ;;
esac
END
	chmod +x "$ROOM/bin/docker"
	cat >"$ROOM/docker/run" <<'END'
mkdir box
echo id1 >box/id; echo c1 >box/cluster; for w; do case $w in dray.owner=*) echo "${w#*=}" >box/owner ;; esac; done; echo D >box/digest; echo true >box/running; echo 0 >box/code
echo '2026-11-22T20:00:01.0Z (EngineCore pid=1) INFO 11-22 20:00:01 [a.py:1] Starting to load model m' >box/log
END
	# An API that answers when the container has been there for a while.
	printf '#!/bin/sh\necho "$*" >"$DOCKER_ROOM/asked"\n[ -e "$DOCKER_ROOM/box" ] && [ -e "$DOCKER_ROOM/api" ]\n' >"$ROOM/bin/curl"
	chmod +x "$ROOM/bin/curl"
}

# up first|further key|no [STALL]: with the library before, as the planner sends it.
up() {
	local first=${1#further} key=${2#no} stall=${3:-600} name=both
	{ library state whose serve-log vllm container-up; text_of rank-up; } | sed "s/meet_stall=[0-9]*/meet_stall=${MEET:-15}/" >"$ROOM/both.sh"
	# shellcheck disable=SC2086
	PATH=$ROOM/bin:$PATH $SH -c "sleep() { /bin/sleep 0.05; }
$(cat "$ROOM/both.sh")" $name first="$first" name=x cluster=c1 image=img hf_home="$ROOM/shared/hf" key="$key" \
		bind=0.0.0.0 port=8000 scheme="${SCHEME-}" stall="$stall" image_id_sh="echo sha" alone="${ALONE-}" await="${AWAIT-}" -- docker run -d --label dray.digest=D img vllm serve \
		>"$ROOM/out" 2>"$ROOM/err" 3>"$ROOM/said"
	rc=$?
	out=$(cat "$ROOM/out") err=$(cat "$ROOM/err") said=$(cat "$ROOM/said")
}
down() {
	node rank-down name=x cluster=c1 node=n1 down_sh="$(library state whose keep; text_of container-down)" \
		diagnose_sh="$(library end-of-file; text_of container-diagnose)" lines=5000 bytes=100000 </dev/null
}
log() { printf '%s\n' "$@" >"$ROOM/docker/box/log"; }

further() {
	with_docker
	up further no </dev/null
	is "it only has to run" [ $rc = 0 ]
	is "its identity" has "$said" "set instance id1"
	is "when it started" has "$said" "set output 2026-11-22T20:00:00Z"
}
first() {
	with_docker
	: >"$ROOM/docker/api"
	up first no </dev/null
	is "it waits for the API" [ $rc = 0 ]
	is "and says so" has "$said" "the API answers"
	is "by http" has "$(cat "$ROOM/docker/asked")" http://127.0.0.1:8000/health
	SCHEME=https up first no </dev/null
	is "or by https, whoever signed it" has "$(cat "$ROOM/docker/asked")" "-s -k "
	is "at the same place" has "$(cat "$ROOM/docker/asked")" https://127.0.0.1:8000/health
}
dies() {
	with_docker
	cat >>"$ROOM/docker/run" <<'END'
echo false >box/running; echo 1 >box/code
echo '2026-11-22T20:00:02.0Z (Worker pid=3) ERROR 11-22 20:00:02 [a.py:9] ValueError: no such thing' >>box/log
END
	up first no </dev/null
	is "a death ends it" [ $rc = 1 ]
	is "with its status" [ "${err%%$'\n'*}" = "vllm serve ended with status 1" ]
	is "and its last lines" has "$err" "ValueError: no such thing"
}
silence() {
	with_docker
	up first no 1 </dev/null
	is "silence is too long" has "$err" "vllm serve said nothing for 1s"
}
not_ours() {
	with_docker
	mkdir "$ROOM/docker/box"
	echo other >"$ROOM/docker/box/cluster"
	up further no </dev/null
	is "a foreign container stops it" has "$err" "not ours is in the way"
	is "and is left alone" [ -d "$ROOM/docker/box" ]
	down
	is "also by the down" [ -d "$ROOM/docker/box" ]
}
goes_on() {
	with_docker
	(cd "$ROOM/docker" && set -- "dray.owner=$ME" && . ./run)
	up further no </dev/null
	is "what runs with the same inputs is waited for" [ $rc = 0 ]
	is "not started again" lacks "$(cat "$ROOM/docker/calls")" "run -d"
	AWAIT=id1 up further no </dev/null
	is "so is what was to be waited for" [ $rc = 0 ]
	AWAIT=id2 up further no </dev/null
	is "but nothing else" has "$rc:$err" "1:container x is not the one that was to be waited for"
	is "nor is that started" lacks "$(cat "$ROOM/docker/calls")" "run -d"
	echo other >"$ROOM/docker/box/digest"
	rm "$ROOM/docker/calls"
	up further no </dev/null
	is "another one is replaced" has "$(cat "$ROOM/docker/calls")" "rm -f id1"
}
# A daemon that is started anew says nothing of the container.
away() {
	with_docker
	: >"$ROOM/docker/api"
	echo 1 >"$ROOM/docker/away"
	up first no </dev/null
	is "the daemon is away at once: that is said" has "$rc:$err" "1:Cannot connect to the Docker daemon"
	rm -r "$ROOM/docker/box"
	printf '#!/bin/sh\ncd "$DOCKER_ROOM"\n[ -e asked ] || { : >asked; echo 5 >away; exit 1; }\n[ ! -e away ]\n' >"$ROOM/bin/curl"
	up first no </dev/null
	is "while it is away nothing has ended" [ "$rc" = 0 ]
	is "and it was away" [ -e "$ROOM/docker/asked" ]
}
# What is shown while it waits is true.
words() {
	measured() { printf '%s\n' "$@" | $SH -c "$(library vllm)"$'\n'measured; }
	is "what it took" [ "$(measured '(Worker_TP0 pid=1) INFO [model_runner.py:302] Model loading took 7.53 GiB and 1.5 seconds' \
		'(Worker_TP1 pid=2) INFO [model_runner.py:302] Model loading took 7.54 GiB and 1.6 seconds' \
		'(Worker_TP1 pid=2) INFO [gpu_worker.py:508] Available KV cache memory: 120.19 GiB' \
		'(Worker_TP0 pid=1) INFO [gpu_worker.py:508] Available KV cache memory: 120.15 GiB' \
		'INFO [kv_cache_utils.py:2146] GPU KV cache size: 1,968,560 tokens')" = '7.54 120.15 1968560' ]
	is "as far as it is said" [ "$(measured 'Available KV cache memory: 1.50 GiB')" = '- 1.5 -' ]
	is "nothing, if nothing is" [ -z "$(measured 'GPU KV cache size: 10 tokens' 'Available KV cache memory: -0.52 GiB')" ]
	far() { printf '%s\n' "$@" | $SH -c "$(library vllm)"$'\n'far; }
	is "enforce-eager compiles nothing" [ "$(far 'Starting to load model m' \
		'Enforce eager set, disabling torch.compile and CUDAGraphs.')" = "loading the model" ]
	is "what compiles says so" [ "$(far "Using cache directory: /c for vLLM's torch.compile")" = compiling ]
	is "until it has" [ "$(far 'Dynamo bytecode transform time: 4.2 s' 'torch.compile takes 21.3 s in total')" = \
		"compiled; measuring memory" ]
	is "graphs are captured" [ "$(far 'Capturing CUDA graphs (decode, FULL): 100%|###| 35/35')" = "capturing graphs" ]
	is "once" [ "$(far 'Capturing CUDA graphs: 100%' 'Graph capturing finished in 11 secs, took 0.55 GiB')" = \
		"graphs are captured; warming up" ]
	with_docker
	echo 'echo "2026-11-22T20:00:01.0Z distributed_init_method=tcp://a" >box/log' >>"$ROOM/docker/run"
	MEET=0 up first no 1 </dev/null
	is "one of several waits for the others" has "$said" "progress waiting for the other ranks"
	ALONE=yes MEET=0 up first no 1 </dev/null
	is "one alone does not" lacks "$said" "other ranks"
	echo '2026-11-22T20:00:02.0Z Loading weights took 3 s' >>"$ROOM/docker/box/log"
	MEET=0 up first no 1 </dev/null
	is "nor one that has met them" lacks "$said" "other ranks"
}
key() {
	with_docker
	: >"$ROOM/docker/api"
	printf 'poison-key\n' >"$ROOM/key"
	up first key <"$ROOM/key"
	is "the key comes through" [ "$(cat "$ROOM/docker/box/key")" = poison-key ]
	is "in no word of docker" lacks "$(cat "$ROOM/docker/calls")" poison-key
	is "in nothing that was said" lacks "$out$err$said" poison-key
	up first key </dev/null
	is "without one it needs none when it was read" [ $rc = 0 ]
	rm -r "$ROOM/docker/box"
	up first key </dev/null
	is "no key, no server" has "$err" "no API key came"
}
logs_are_kept() {
	with_docker
	(cd "$ROOM/docker" && set -- "dray.owner=$ME" && . ./run)
	echo false >"$ROOM/docker/box/running"
	echo 1 >"$ROOM/docker/box/code"
	log '2026-11-22T20:00:03.0Z (EngineCore pid=2) ERROR 11-22 20:00:03 [core.py:1] EngineCore failed to start.' \
		'2026-11-22T20:00:04.0Z (Worker pid=3) ERROR 11-22 20:00:04 [a.py:9] torch.OutOfMemoryError: CUDA out of memory'
	down
	is "it goes" [ $rc = 0 ]
	is "it is gone" [ ! -e "$ROOM/docker/box" ]
	is "where the log is" has "$said" "set note its log until now is n1:$ROOM/state/dray/c1/"
	is "when it died" has "$said" "set died 2026-11-22T20:00:09.5Z container x: exited, exit 1"
	is "and its report" has "$out" $'log rank\n|2026-11-22T20:00:03.0Z (EngineCore'
	is "the log is there" grep -q 'out of memory' "$ROOM"/state/dray/c1/*/logs/rank-*.log
	is "and nobody else's" [ "$(stat -c %a "$ROOM"/state/dray/c1/*/logs)" = 700 ]
	down
	is "twice is no harm" [ $rc = 0 ]
}
few_logs() {
	with_docker
	local dir
	dir=$ROOM/state/dray/c1/$(grep . /etc/machine-id 2>/dev/null || hostname)/logs
	mkdir -p "$dir"
	for i in 1 2 3 4 5; do
		echo old >"$dir/rank-2026010${i}T000000Z.log"
	done
	(cd "$ROOM/docker" && set -- "dray.owner=$ME" && . ./run)
	down
	is "five logs stay" [ "$(find "$dir" -name 'rank-*.log' | wc -l)" = 5 ]
	is "the oldest goes" [ ! -e "$dir/rank-20260101T000000Z.log" ]
	node kept-logs cluster=c1 node=n1 lines=9 bytes=999 </dev/null
	is "the newest is shown" [ "$out" = $'alive container x: exited, exit 0\nlog rank\n|2026-11-22T20:00:01.0Z (EngineCore pid=1) INFO 11-22 20:00:01 [a.py:1] Starting to load model m' ]
	echo '|x' >"$dir/rank@n1-20260101T000000Z.log"
	echo '|y' >"$dir/rank@n2-20260101T000000Z.log"
	node kept-logs cluster=c1 node=n2 lines=9 bytes=999 </dev/null
	is "of this node" has "$out" '|y'
	is "and not of another on the same machine" lacks "$out" '|x'
}
healthy() {
	with_docker
	(cd "$ROOM/docker" && set -- "dray.owner=$ME" && . ./run)
	down
	is "of a healthy rank nothing died" lacks "$said" "set died"
	is "and nothing is reported" [ -z "$out" ]
}
gpu_held() {
	with_docker
	(cd "$ROOM/docker" && set -- "dray.owner=$ME" && . ./run)
	printf '#!/bin/sh\nn=$(cat "$DOCKER_ROOM/n" 2>/dev/null || echo 0); echo $((n + 1)) >"$DOCKER_ROOM/n"\n[ "$n" -gt 2 ] || echo "4711, 900"\n' >"$ROOM/bin/nvidia-smi"
	chmod +x "$ROOM/bin/nvidia-smi"
	down
	is "it waits until the GPU is free" [ $rc = 0 ]
	is "and says for whom" has "$said" "waiting: pid 4711 holds 900 MiB"
	(cd "$ROOM/docker" && set -- "dray.owner=$ME" && . ./run)
	printf '#!/bin/sh\necho "4711, 900"\n' >"$ROOM/bin/nvidia-smi"
	down
	is "not for ever" has "$err" "the rank is gone, but: pid 4711 holds 900 MiB"
	is "which is a failure" [ $rc = 1 ]
}

each further first dies silence not_ours goes_on away words key logs_are_kept few_logs healthy gpu_held

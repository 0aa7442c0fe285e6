#!/bin/bash
# serve-up.sh and serve-down.sh, with a "container" that is a folder and a vllm that does
# as the test says
# shellcheck disable=SC2016
. "$(dirname "$0")/lib.sh"
STATUS=$(text_of ray-status) DIAGNOSE="${TEXTS[bounded]}
${TEXTS[docker]}
${TEXTS[end-of-file]}
$(text_of container-diagnose)"
PORT=$(($(free_port)))

# docker exec: the words after the name run here, with /tmp/dray a folder of the test.
a_node() {
	mkdir -p "$ROOM/docker/box" "$ROOM/docker/bin"
	printf 'id=1dea\ncluster=c1\nowner=%s\nrunning=true\ncode=0\nlogs=\n' "$ME" >"$ROOM/docker/box/dray-c1-head"
	cat >"$ROOM/docker/exec" <<-'END'
		back=
		while :; do
			case $1 in
			-d) back=1; shift ;;
			-i) shift ;;
			-e) case $2 in *=*) export "$2" ;; esac; shift 2 ;;
			*) shift; break ;;
			esac
		done
		n=$#
		while [ "$n" -gt 0 ]; do
			set -- "$@" "$(printf '%s' "$1" | sed "s|/tmp/dray|$DOCKER_ROOM/dray|g")"
			shift
			n=$((n - 1))
		done
		PATH=$DOCKER_ROOM/bin:$PATH
		case $*:$back in
		*:1) setsid "$@" </dev/null >/dev/null 2>&1 3>&- & ;;
		*) exec "$@" ;;
		esac
	END
	printf '#!/bin/sh\ncat "$DOCKER_ROOM/gpus" 2>/dev/null\n' >"$ROOM/docker/bin/ray"
	chmod +x "$ROOM/docker/bin/ray"
}
vllm() { # its text on stdin
	{ echo '#!/bin/sh'; cat; } >"$ROOM/docker/bin/vllm"
	chmod +x "$ROOM/docker/bin/vllm"
}
up() { # key|no STALL
	node serve-up name=dray-c1-head cluster=c1 key="${1#no}" bind=0.0.0.0 port=$PORT stall="$2" \
		inputs='{"a":"b\\c"}' files="${FILES-}" await="${AWAIT-}" -- RAY_ADDRESS=10.0.0.1:6379 -- vllm serve /m --port $PORT
}
down() { node serve-down name=dray-c1-head cluster=c1 free="${1#leftover}" status_sh="$STATUS" diagnose_sh="$DIAGNOSE" </dev/null; }

serves() {
	a_node
	vllm <<-END
		echo "key \$VLLM_API_KEY ray \$RAY_ADDRESS args \$*"
		echo 'Loading safetensors checkpoint shards:  64% Completed | 105/163'
		for i in \$(seq 600); do
			! grep -q 64% "$ROOM/said" || break
			/bin/sleep 0.1
		done
		exec python3 -m http.server $PORT
	END
	echo poison-7 >"$ROOM/in"
	up key 30 <"$ROOM/in"
	is "up" [ $rc = 0 ]
	is "instance" has "$said" "set instance "
	is "progress" has "$said" "progress loading shards 64%"
	is "its environment and words" has "$(cat "$ROOM/docker/dray/serve.log")" \
		"key poison-7 ray 10.0.0.1:6379 args serve /m --port $PORT"
	is "the key is in nobody's words" lacks "$(cat "$ROOM/docker/calls")$out$err$said" poison-7
	is "nor in docker's environment" lacks "$(cat "$ROOM/docker/key")" poison-7
	is "nor is the pipe left" [ ! -e "$ROOM/docker/dray/serve.key" ]
	is "inputs" [ "$(cat "$ROOM/docker/dray/serve.inputs")" = '{"a":"b\\c"}' ]
	AWAIT=$(cat "$ROOM/docker/dray/serve.instance") up key 30 </dev/null
	is "what an earlier apply started is waited for" [ "$rc:$(grep -c '^exec -d ' "$ROOM/docker/calls")" = 0:1 ]
	is "it stays the same" has "$said" "set instance $(cat "$ROOM/docker/dray/serve.instance")"
	local started
	started=$(grep -c '^exec -d ' "$ROOM/docker/calls")
	FILES="$ROOM/in /nowhere/x" up key 30 <"$ROOM/in"
	is "a file that the container lost" has "$err" "does not see '/nowhere/x' any more"
	is "is told before anything starts" [ "$rc:$(grep -c '^exec -d ' "$ROOM/docker/calls")" = "1:$started" ]
	AWAIT=other up key 30 </dev/null
	is "but nothing else" has "$rc:$err" "1:another vllm serve has taken the place"
	node observe cluster=c1 ports=$PORT head=dray-c1-head </dev/null
	is "a look finds it" has "$out" "$(printf 'proc\tserve\t%s\t' "$(cat "$ROOM/docker/dray/serve.instance")")"
	is "alive, inputs escaped" has "$out" "$(printf 'alive\t-\t{"a":"b\\\\\\\\c"}')"
	is "and who has the port" has "$out" "$(printf 'port\t%s\t' $PORT)"
	down free
	is "down" [ $rc = 0 ]
	is "it has ended" [ -z "$(pgrep -f "http.server $PORT")" ]
	is "its log is kept" grep -q "^|key poison-7 ray" "$ROOM"/state/dray/c1/*/logs/serve-*.log
	is "and nobody else's" [ "$(stat -c %a "$ROOM"/state/dray/c1/*/logs/serve-*.log)" = 600 ]
	node observe cluster=c1 head=dray-c1-head </dev/null
	is "no trace of it" lacks "$out" $'\nproc\t'
	down free
	is "down twice" [ $rc = 0 ]
}
dies() {
	a_node
	vllm <<-'END'
		echo '(Worker pid=34) ERROR 11-22 20:22:11 [multiproc_executor.py:953] RuntimeError: Cannot find any model weights with `/m`'
		echo '(APIServer pid=1) RuntimeError: Engine core initialization failed. See root cause above. Failed core proc(s): {}'
		exit 0
	END
	up no 30 </dev/null
	is "the first line says what happened" [ "${err%%$'\n'*}" = 'vllm serve ended with status 0' ]
	is "failed" [ $rc = 1 ]
	node container-diagnose name=dray-c1-head part=head beside=yes lines=1 bytes=999 </dev/null
	is "a report of it" has "$out" $'Z process of serve: ended with status 0\nlog serve\nend '
	is "with its last line" has "$out" $'\n|(APIServer pid=1) RuntimeError: Engine core'
	size=$(wc -c <"$ROOM/docker/dray/serve.log")
	node container-diagnose name=dray-c1-head part=head beside=yes lines=9 bytes=999 from=$((size - 3)) </dev/null
	is "or what was added" has "$out" $'log serve\nend '"$size"$'\n|{}\n'
	node observe cluster=c1 head=dray-c1-head </dev/null
	is "a look sees it dead" has "$out" "$(printf 'dead\t0\t')"
	vllm <<-'END'
		kill -9 $$
	END
	up no 30 </dev/null
	is "killed" has "$rc:$err" "1:vllm serve ended with status 137"
	vllm <<-END
		echo one line
		exec /bin/sleep 60.$PORT
	END
	up no 2 </dev/null
	is "silence is not endless" has "$rc:$err" "1:vllm serve said nothing for 2s"
	down leftover
	is "and is ended" [ "$rc:$(pgrep -f "^/bin/sleep 60.$PORT")" = 0: ]
}
# What does not end when asked is killed, with its whole group; what holds GPUs is waited for.
stubborn() {
	a_node
	vllm <<-END
		trap '' TERM
		python3 -m http.server $PORT &
		wait; wait; wait
	END
	up no 30 </dev/null
	is "up" [ $rc = 0 ]
	down free
	is "killed" has "$rc:$said" "0:progress asked vllm serve to end"
	is "nobody is left" [ -z "$(pgrep -f "http.server $PORT")" ]
	printf '======== Autoscaler status: x\nActive:\n 1 node_a\nUsage:\n 2.0/4.0 GPU\n' >"$ROOM/docker/gpus"
	down free
	is "GPUs are held" has "$rc:$err" "1:vllm serve has ended, but its GPUs are not free: Ray has 2 GPUs in use."
	printf 'id=1dea\ncluster=other\nrunning=true\ncode=0\nlogs=\n' >"$ROOM/docker/box/dray-c1-head"
	down free
	is "another cluster's container" [ $rc = 0 ]
}
# The first process is killed, and the others have no mark.
bereft() {
	local shell="/bin/sh -c 'while :; do /bin/sleep 1; done' marker-$$"
	left() { pgrep -f "[m]arker-$$"; }
	a_node
	vllm <<-END
		env -i $shell &
		env -i A=1 $shell &
		exec python3 -m http.server $PORT
	END
	up no 30 </dev/null
	is "up" [ "$rc:$(left | wc -l)" = 0:2 ]
	kill -9 "$(cat "$ROOM/docker/dray/serve.pid")"
	down free
	is "all of it is ended" [ "$rc:$(left)" = 0: ]
	# A number of before the container was restarted says nothing.
	up no 30 </dev/null
	kill -9 "$(cat "$ROOM/docker/dray/serve.pid")"
	echo 0 >"$ROOM/docker/dray/serve.start"
	down free
	is "another life's" [ "$rc:$(left | wc -l)" = 0:2 ]
	# shellcheck disable=SC2046
	kill -9 $(left)
}
# What the engine does not notice the coordinator tells, once the server was up.
looked() {
	a_node
	vllm <<<"exec python3 -m http.server $PORT"
	up no 30 </dev/null
	printf '======== Autoscaler status: x\nActive:\n 1 node_a\n 1 node_b\nUsage:\n 3.0/4.0 GPU\n' >"$ROOM/docker/gpus"
	see() { node observe cluster=c1 head=dray-c1-head status_command='ray status' status_sh="$STATUS" "$@" </dev/null; }
	see
	is "nobody asks while it starts" lacks "$out" $'\ncoordinator\t'
	# shellcheck disable=SC2016,SC2086
	state=$($SH -c "${TEXTS[state]}"'
		state_of c1; echo "$state"')
	mkdir -p "$state/steps"
	echo '{"phase":"done","step":"serve"}' >"$state/steps/serve.json"
	see
	is "then it is asked" has "$out" $'\ncoordinator\t2\t3\t4\nend'
	see -- "127.0.0.1 1"
	is "beside others that are dialled" has "$out" $'\nreach\t127.0.0.1\t'
	cp "$ROOM/docker/exec" "$ROOM/docker/exec-own"
	echo 'exit 126' >"$ROOM/docker/exec"
	see
	is "nothing can be run in it: nobody knows of the server" has "$out" $'\ndocker\tdown\t-\t\'docker exec\' gives no answer, but status 126'
	mv "$ROOM/docker/exec-own" "$ROOM/docker/exec"
	rm "$ROOM/docker/gpus"
	see
	is "no answer is no fact" lacks "$out" $'\ncoordinator\t'
	is "and the look ends" has "$out" $'\nend'
	down free
}
each serves dies stubborn bereft looked

#!/bin/bash
# What a look starts on a node: the session's shell, the script and all that they call, from
# login to logout, counted in a process namespace of its own. Docker is another matter.
. "$(dirname "$0")/lib.sh"

MOST=25
unshare -rpf --mount-proc true 2>/dev/null || {
	echo "SKIP look: no process namespaces here"
	echo "look_test: 0 passed, 0 failed, 1 skipped"
	exit 0
}

# tools: all that this machine has but for container runtimes, and GPUs.
tools() {
	mkdir "$ROOM/tools"
	ln -sf /bin/* /sbin/* /usr/bin/* /usr/sbin/* "$ROOM/tools" 2>/dev/null
	rm -f "$ROOM/tools/docker" "$ROOM/tools/podman" "$ROOM/tools/sh"
	case $SH in
	busybox*) ln -s "$(command -v busybox)" "$ROOM/tools/sh" ;;
	*) ln -s "$(command -v "$SH")" "$ROOM/tools/sh" ;;
	esac
	cat >"$ROOM/tools/nvidia-smi" <<-'END'
		#!/bin/sh
		case $* in
		*compute-apps*) [ -z "${ENGINE-}" ] || echo "$ENGINE, 512, GPU-1" ;;
		*query-gpu*) printf '%s\n' '0, GPU-1, NVIDIA H200, 143771, 12, 580.1, Disabled, 616' \
			'1, GPU-2, NVIDIA H200, 143771, 12, 580.1, Disabled, 616' ;;
		esac
	END
	chmod +x "$ROOM/tools/nvidia-smi"
}

# session ARGS: what dray writes to the shell of a node for one look, as shell.c does it.
session() {
	local text boot arg head rest nl=$'\n'
	boot=$(sed 's/^\t*//; /^#/d; /^$/d; /^PATH=/d' "$TOP/executors/session/shell.sh")
	text=$(
		library net container-look gpus-look state whose lockfile process model-look named-look files-look
		text_of observe | sed 's/^LC_ALL=C PATH=.*/LC_ALL=C/'
	)
	# How many bytes the second part has, and the first one.
	# shellcheck disable=SC2016
	head=${boot%%'second || '*} rest=${boot#"$head"}
	head=$head${rest%%"$nl"*}$nl rest=${rest#*"$nl"}$nl
	{
		printf 'rest=%d\n%s%s' ${#rest} "$head" "$rest"
		printf 'n0nce\nn0nce 1 observe %d %d 0 child 1000000 0\n%s' "$(printf %s "$text" | wc -c)" $# "$text"
		for arg; do printf '=%s\n' "$arg"; done
		printf 'n0nce\n'
	} >"$ROOM/session"
}
# look ARGS: $count, the processes of one look, and $out. $BEFORE is run in that namespace first.
look() {
	session "$@"
	export ROOM
	# shellcheck disable=SC2016
	count=$(BEFORE=${BEFORE:-:} PATH=$ROOM/tools SSH_CONNECTION='127.0.0.1 1 127.0.0.1 22' unshare -rpf --mount-proc "$BASH" -c '
		eval "$BEFORE"
		read -r before </proc/sys/kernel/ns_last_pid
		sh -c "set -f;while read -r l;do eval \$l;done" <"$ROOM/session" >"$ROOM/out" 2>"$ROOM/err"
		read -r after </proc/sys/kernel/ns_last_pid
		echo $((after - before))
		# What was started before ends with the namespace.')
	out=$(cat "$ROOM/out") err=$(cat "$ROOM/err") rc=- said=
	[ -z "${SHOW-}" ] || echo "$SH: $count processes"
}
# few NAME: the last look ended well, and with few processes.
few() {
	local most=$MOST
	# The timeout of busybox starts two processes more, and is called twice; or its find needs a stat.
	case $SH in busybox*) most=$((most + 4)) ;; esac
	is "$1: it ends" has "$out" $'\nend'
	is "$1: $count processes" [ "$count" -gt 1 -a "$count" -le $most ]
}
peers=()
for i in 1 2 3 4 5 6 7 8; do peers+=("127.0.0.$i 1"); done

first_look() {
	tools
	mkdir -p "$ROOM/venv/bin" "$ROOM/model"
	echo '{"model_type": "llama"}' >"$ROOM/model/config.json"
	echo '{"metadata": {"total_size": 7}}' >"$ROOM/model/model.safetensors.index.json"
	for i in 1 2 3 4; do echo "$i" >"$ROOM/model/model-0000$i-of-00004.safetensors"; done
	look cluster=c1 shared="$ROOM/shared" head=dray-c1-head runtime=none venv="$ROOM/venv" package=vllm needs=ray path="$ROOM/model" ports='29500 8000' -- "${peers[@]}"
	few "runtime none, with a model"
	is "what a driver keeps" has "$out" $'gpukept\t0\t616'
	is "its GPUs" has "$out" $'gpu\t1\tGPU-2'
	is "its model" has "$out" $'weights\t7\t8\t'
	is "its peers" [ "$(grep -c ^reach <<<"$out")" = 8 ]
	for i in 1 2 3; do head -c 2000000 /dev/zero >"$ROOM/model/large$i.safetensors"; done
	look cluster=c1 head=dray-c1-head runtime=none venv="$ROOM/venv" package=vllm path="$ROOM/model" compare=yes -- "${peers[@]}"
	few "its files are sampled"
	is "there is a hash" [ -n "$(sed -n 's/^weights\t.*\t\([0-9a-f]\{64\}\)$/\1/p' <<<"$out")" ]
	mkdir -p "$ROOM/hub/blobs" "$ROOM/hub/snapshots/1a"
	for i in 1 2 3 4 5; do
		cp "$ROOM/model/large1.safetensors" "$ROOM/hub/blobs/b$i"
		ln -s "../../blobs/b$i" "$ROOM/hub/snapshots/1a/$i.safetensors"
	done
	look cluster=c1 head=dray-c1-head runtime=none venv="$ROOM/venv" package=vllm hub="$ROOM/hub" revision=main compare=yes -- "${peers[@]}"
	few "a copy is sampled"
	is "each of its files" [ "$(grep -c ^sample <<<"$out")" = 5 ]
	look cluster=c1 shared="$ROOM/shared" ports='6379 8000' head=dray-c1-head runtime=docker package=vllm needs=ray -- "${peers[@]}"
	few "runtime docker, which is missing"
	plain=$count
	# Paths, and users that are in the file, take none, whatever their number.
	look cluster=c1 shared="$ROOM/shared" ports='6379 8000' head=dray-c1-head runtime=docker package=vllm needs=ray named='path /srv/none' -- "${peers[@]}"
	is "a path takes no process: $plain, $count" [ "$count" -le $((plain + 1)) ]
	is "what the path is" has "$out" $'named\tpath\t/srv/none\tnone\tno'
	local at
	at=$XDG_STATE_HOME/dray/c1/$(cat /etc/machine-id || hostname)/files/0123
	mkdir -p "$at"
	echo x >"$at/a.jinja"
	look cluster=c1 shared="$ROOM/shared" ports='6379 8000' head=dray-c1-head runtime=docker package=vllm needs=ray files='0123/a.jinja 4567/b' -- "${peers[@]}"
	few "with files of the operator"
	local with=$count
	is "what is there of them" [ "$(grep -c $'^carried\t0123/a.jinja' <<<"$out")" = 1 ]
	look cluster=c1 shared="$ROOM/shared" ports='6379 8000' head=dray-c1-head runtime=docker package=vllm needs=ray -- "${peers[@]}"
	is "which take one process" [ "$((with - count))" -le 1 ]
	is "and it is said" has "$out" $'docker\tmissing'
}

# engine STEP: starts what stands for one of runtime none, with two processes below it, as an apply did
# that has ended. It listens on $PORT.
# shellcheck disable=SC2016
engine='
	state=$XDG_STATE_HOME/dray/c1/$(cat /etc/machine-id || hostname)
	mkdir -p "$state/run/$STEP" "$state/steps"
	export DRAY_CLUSTER=c1 DRAY_STEP=$STEP DRAY_INSTANCE=i1 DRAY_OWNER=$(id -u)@$XDG_STATE_HOME/dray
	setsid python3 -c "
import os, socket, subprocess, sys, time
s = socket.socket()
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind((\"127.0.0.1\", int(sys.argv[1])))
s.listen()
p = [subprocess.Popen([\"VLLM::Worker\", \"600\"], executable=\"/bin/sleep\") for i in (1, 2)]
print(os.getpid(), file=open(sys.argv[2], \"w\"), flush=True)
time.sleep(600)" "$PORT" "$state/run/$STEP/pid" >/dev/null 2>&1 &
	until [ -s "$state/run/$STEP/pid" ]; do sleep 0.05; done
	unset DRAY_CLUSTER DRAY_STEP DRAY_INSTANCE DRAY_OWNER
	export ENGINE=$!
	cd "$state/run/$STEP"
	echo i1 >instance
	echo yes >parts
	echo "{\"a\":\"b\"}" >inputs
	echo "$(cut -d" " -f22 /proc/$ENGINE/stat) $(cat /proc/sys/kernel/random/boot_id)" >start
	echo "{\"instance\":\"i1\",\"phase\":\"done\",\"inputs\":{\"runtime\":\"none\"}}" >"$state/steps/$STEP.json"
	echo "{\"nodes\":1}" >"$state/members.json"'
running() {
	tools
	mkdir -p "$ROOM/venv/bin" "$ROOM/venv/lib/python3.11/site-packages/vllm-0.11.0.dist-info"
	printf '#!/bin/sh\n' >"$ROOM/venv/bin/vllm"
	chmod +x "$ROOM/venv/bin/vllm"
	local PORT
	PORT=$(free_port)
	BEFORE="export PORT=$PORT STEP=serve;$engine" look cluster=c1 head=dray-c1-head runtime=none \
		venv="$ROOM/venv" package=vllm needs=ray ports="29500 $PORT" worker_title=VLLM::Worker core_title=VLLM::EngineCore -- "${peers[@]}"
	few "an engine without containers that runs"
	is "it lives" has "$out" $'proc\tserve\ti1\t'
	is "its parts" has "$out" $'tree\tserve\t2\t2\t0'
	is "its port" has "$out" $'\tdray-c1-serve'
	is "its GPU" has "$out" $'gpuours\t1'
}

# What cannot be read is not absent. A file that fails its reader stands for a process that ends between the
# opening and the reading, and for a record on a disk that is broken.
unreadable() {
	tools
	mkdir -p "$ROOM/venv/bin"
	local PORT fails
	fails='mount --bind /proc/1/mem'
	unshare -rpfm --mount-proc bash -c "$fails /proc/1/stat" 2>/dev/null || {
		echo "SKIP look: no file here that fails its reader"
		return
	}
	PORT=$(free_port)
	BEFORE="export PORT=$PORT STEP=serve;$engine; sleep 100 & $fails /proc/\$!/stat" look cluster=c1 head=dray-c1-head \
		runtime=none venv="$ROOM/venv" package=vllm ports="29500 $PORT" worker_title=VLLM::Worker core_title=VLLM::EngineCore
	is "a process that ends meanwhile: the others are seen" has "$out" $'tree\tserve\t2\t2\t0'
	is "and so is whose the port is" has "$out" $'\tdray-c1-serve'
	rm -r "$ROOM/state"
	# shellcheck disable=SC2016
	BEFORE="export PORT=$PORT STEP=serve;$engine; $fails \"\$state/steps/serve.json\"" look cluster=c1 head=dray-c1-head \
		runtime=none venv="$ROOM/venv" package=vllm
	case $SH in busybox*) ;; *)
		is "a record that cannot be read: no answer" lacks "$out" $'\nend\n'
		is "but why" has "$out" "cannot read what dray wrote down in '$ROOM/state/dray/c1/"
		;;
	esac
}

each first_look running unreadable

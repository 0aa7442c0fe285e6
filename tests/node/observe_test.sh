#!/bin/bash
# observe.sh: one look, each fact by itself
. "$(dirname "$0")/lib.sh"

line() { printf '%s\n' "$out" | grep -P "^$1\t" | head -n 1; }
field() { line "$1" | cut -f"$2"; }

bare() {
	rm "$ROOM/bin/docker"
	PATH=/usr/bin:/bin node observe c1 "$ROOM/shared" - - - - - dray-c1-head </dev/null
	is "the last line" [ "$rc:${out##*$'\n'}" = 0:end ]
	is "who and where" [ "$(field id 4):$(field id 5):$(field id 8)" = "$(hostname):$(id -un):$HOME" ]
	is "the clock" [ $(($(date +%s) - $(field id 9))) -le 2 ]
	! command -v ip >/dev/null || is "an address" has "$out" $'addr\tlo\t127.0.0.1\t8'
	is "shared" [ "$(field shared 2):$(field shared 6)" = "$ROOM/shared:yes" ]
	is "free space" [ "$(field shared 5)" -gt 0 ]
	is "it wrote nothing" [ -z "$(ls -A "$ROOM/shared")$(ls -A "$ROOM/home")" ]
	is "no state" [ ! -e "$ROOM/state" ]
	node observe c1 "$ROOM/none" - - - - - x </dev/null
	is "not there" [ "$(field shared 6)" = missing ]
	chmod 555 "$ROOM/shared"
}
dockers() {
	mkdir -p "$ROOM/docker/box" "$ROOM/docker/image"
	printf 'id=1111\ncluster=c1\nstep=head[n1]\nrunning=false\ncode=137\ninputs={"a":"x\\\\y\\"z"}\n' \
		>"$ROOM/docker/box/dray-c1-head"
	printf 'id=2222\ncluster=\nrunning=true\ncode=0\n' >"$ROOM/docker/box/dray-c1-download"
	printf 'id=3333\ncluster=c2\nrunning=true\ncode=0\n' >"$ROOM/docker/box/dray-c2-head"
	echo layers >"$ROOM/docker/image/org_img:1"
	node observe c1 - org/img:1 - - - - dray-c1-head </dev/null
	is "docker" [ "$(line docker)" = $'docker\tok\t27.0\t-' ]
	is "toolkit" [ "$(line toolkit)" = $'toolkit\tyes' ]
	is "ours" has "$out" $'container\tdray-c1-head\t1111\texited\t137\t'
	is "its label, escaped" has "$out" '	{"a":"x\\\\y\\"z"}	'
	is "a stranger with our name" has "$out" $'container\tdray-c1-download\t2222\trunning\t0\t'
	is "no other cluster's" lacks "$out" dray-c2-head
	is "one ps, one inspect" [ "$(grep -cE '^(ps|inspect)' "$ROOM/docker/calls")" = 2 ]
	is "image" [ "$(line image)" = "image	org/img:1	$(node image-id org/img:1; echo "$out")	name@sha256:77" ]
	node observe c1 - no/img:1 - - - - x </dev/null
	is "no such image" [ -z "$(line image)" ]
	echo 'permission denied while trying to connect' >"$ROOM/docker/fail"
	node observe c1 - org/img:1 - - - - x </dev/null
	is "denied" has "$(line docker)" $'docker\tdenied\t-\tpermission denied'
	printf 'Cannot connect to the Docker daemon\nat all' >"$ROOM/docker/fail"
	node observe c1 - org/img:1 - - - - x </dev/null
	is "down, in one line" [ "$(line docker)" = 'docker	down	-	Cannot connect to the Docker daemon\nat all' ]
}
gpus() {
	cat >"$ROOM/bin/nvidia-smi" <<-'END'
		#!/bin/sh
		case $* in
		*query-gpu=index,uuid,name,memory.total,memory.used,driver_version*) echo '0, GPU-1, NVIDIA H200, 143771, 12, 580.1' ;;
		*compute-apps*) echo "$PPID, 512, GPU-1" ;;
		*) exit 2 ;;
		esac
	END
	chmod +x "$ROOM/bin/nvidia-smi"
	node observe c1 - - - - - - x </dev/null
	is "gpu" [ "$(line gpu)" = $'gpu\t0\tGPU-1\tNVIDIA H200\t143771\t12\t580.1' ]
	is "who holds it" [ "$(field gpuproc 3):$(field gpuproc 4):$(field gpuproc 6)" = "512:$(id -un):GPU-1" ]
	cat >"$ROOM/bin/nvidia-smi" <<-'END'
		#!/bin/sh
		case $* in
		*driver_version,mig.mode.current*) echo '0, GPU-1, NVIDIA H200, 143771, 12, 580.1, Enabled' ;;
		esac
	END
	node observe c1 - - - - - - x </dev/null
	is "cut up" [ "$(line gpu)" = $'gpu\t0\tGPU-1\tNVIDIA H200\t143771\t12\t580.1\tEnabled' ]
	cat >"$ROOM/bin/nvidia-smi" <<-'END'
		#!/bin/sh
		case $* in
		*mig*) echo 'Field "mig.mode.current" is not a valid field to query.'; exit 2 ;;
		*query-gpu*) echo '0, GPU-1, NVIDIA H200, 143771, 12, 440.1' ;;
		esac
	END
	node observe c1 - - - - - - x </dev/null
	is "an old driver" [ "$(line gpu)" = $'gpu\t0\tGPU-1\tNVIDIA H200\t143771\t12\t440.1' ]
	printf '#!/bin/sh\necho "Failed to initialize NVML"\nexit 9\n' >"$ROOM/bin/nvidia-smi"
	node observe c1 - - - - - - x </dev/null
	is "a driver in trouble" [ "$(line gpunone)" = $'gpunone\tnvidia-smi: Failed to initialize NVML' ]
}
ports() {
	local port=$((20000 + $$ % 20000)) pid
	python3 -m http.server $port >/dev/null 2>&1 &
	pid=$!
	for _ in $(seq 100); do
		! grep -q "$(printf ':%04X 00000000:0000 0A' $port)" /proc/net/tcp || break
		sleep 0.1
	done
	node observe c1 - - - - - "1 $port" x docker - "127.0.0.1 $port" "127.0.0.1 1" </dev/null
	is "a listener" has "$(line port)" "port	$port	"
	! command -v ss >/dev/null || is "who listens" has "$(line port)" "port	$port	$pid	$(id -un)	"
	! command -v ss >/dev/null || is "by what command" has "$(field port 5)" "-m http.server $port"
	is "reached" has "$out" $'reach\t127.0.0.1\tyes\tport'
	is "a refusal is an answer" lacks "$out" $'reach\t127.0.0.1\tno'
	kill $pid
	wait $pid 2>/dev/null
}
# Records come back by the address of their step, whatever is in them.
records() {
	printf '{"step":"worker[n2]","x":"a\\nb"}' >"$ROOM/in"
	node record c1 worker@n2 write <"$ROOM/in"
	node observe c1 - - - - - - x </dev/null
	is "record" [ "$(line record)" = 'record	worker[n2]	{"step":"worker[n2]","x":"a\\nb"}' ]
	mkdir -p "$ROOM/model" "$ROOM/shared/.dray"
	echo '{}' >"$ROOM/model/config.json"
	echo x >"$ROOM/shared/.dray/s.sh"
	node observe c1 - - - "$ROOM/model" "$ROOM/shared/.dray/s.sh" - x </dev/null
	is "model.path" [ "$(line model)" = $'model\tconfig.json\t3\t-' ]
	is "script" [ "$(field script 3)" = "$(echo x | sha256sum | cut -d' ' -f1)" ]
}
each bare dockers gpus ports records

#!/bin/bash
# observe.sh: one look, each fact separately
. "$(dirname "$0")/lib.sh"

line() { printf '%s\n' "$out" | grep -P "^$1\t" | head -n 1; }
field() { line "$1" | cut -f"$2"; }

# Root may write to all else.
mounted_read_only() {
	[ "$SH" != "busybox ash" ] || return 0 # whose test -w looks at the mode alone
	mkdir -p "$ROOM/ro"
	mount -t tmpfs -o ro tmpfs "$ROOM/ro" 2>/dev/null || return 0
	node observe cluster=c1 shared="$ROOM/ro" </dev/null
	umount "$ROOM/ro"
	is "mounted read-only" [ "$(field shared 6)" = ro ]
}
bare() {
	local before
	rm "$ROOM/bin/docker"
	before=$(date +%s)
	PATH=/usr/bin:/bin node observe cluster=c1 shared="$ROOM/shared" head=dray-c1-head </dev/null
	is "the last line" [ "$rc:${out##*$'\n'}" = 0:end ]
	is "who and where" [ "$(field id 4):$(field id 5):$(field id 8)" = "$(hostname):$(id -un):$HOME" ]
	is "the clock" [ "$before" -le "$(field id 9)" -a "$(field id 9)" -le "$(date +%s)" ]
	! command -v ip >/dev/null || is "an address" has "$out" $'addr\tlo\t127.0.0.1\t8'
	is "shared" [ "$(field shared 2):$(field shared 6)" = "$ROOM/shared:yes" ]
	is "free space" [ "$(field shared 5)" -gt 0 ]
	is "it wrote nothing" [ -z "$(ls -A "$ROOM/shared")$(ls -A "$ROOM/home")" ]
	is "no state" [ ! -e "$ROOM/state" ]
	is "what may be locked: a number of KiB, or unlimited" [ -n "$(field limit 4 | grep -xE '[0-9]+|unlimited')" ]
	node observe cluster=c1 shared="$ROOM/none" </dev/null
	is "not there" [ "$(field shared 6)" = missing ]
	node observe cluster=c1 shared=/proc/sys/kernel </dev/null
	is "nothing of a cache is there" lacks "$out" 'cacheclosed	'
	if [ "$SH" != "busybox ash" ]; then # which has an ls of its own
		printf '#!/bin/sh\necho "ls: cannot access: Stale file handle" >&2; exit 2\n' >"$ROOM/bin/ls"
		chmod +x "$ROOM/bin/ls"
		PATH=$ROOM/bin:/usr/bin:/bin node observe cluster=c1 shared="$ROOM/none" path="$ROOM/model" </dev/null
		is "a dead mount" [ "$(field shared 6):$(field shared 3)" = "dead:Stale file handle" ]
		is "a model in one" [ "$(field path 2)" = dead ]
		rm "$ROOM/bin/ls"
	fi
	mounted_read_only
	chmod 555 "$ROOM/shared"
}
dockers() {
	mkdir -p "$ROOM/docker/box" "$ROOM/docker/image"
	printf 'id=1111\ncluster=c1\nstep=head[n1]\nrunning=false\ncode=137\ninputs={"a":"x\\\\y\\"z"}\n' \
		>"$ROOM/docker/box/dray-c1-head"
	printf 'id=2222\ncluster=\nrunning=true\ncode=0\n' >"$ROOM/docker/box/dray-c1-download"
	printf 'id=3333\ncluster=c2\nrunning=true\ncode=0\n' >"$ROOM/docker/box/dray-c2-head"
	echo layers >"$ROOM/docker/image/org_img:1"
	node observe cluster=c1 image=org/img:1 head=dray-c1-head </dev/null
	is "docker" [ "$(line docker)" = $'docker\tok\t27.0\t-' ]
	is "toolkit" [ "$(line toolkit)" = $'toolkit\tyes' ]
	is "ours" has "$out" $'container\tdray-c1-head\t1111\texited\t137\t'
	is "its label, escaped" has "$out" '	{"a":"x\\\\y\\"z"}	'
	is "a stranger with our name" has "$out" $'container\tdray-c1-download\t2222\trunning\t0\t'
	is "no other cluster's" lacks "$out" dray-c2-head
	is "one ps, one inspect" [ "$(grep -cE '^(ps|inspect)' "$ROOM/docker/calls")" = 2 ]
	is "image" [ "$(line image)" = "image	org/img:1	$(node image-id ref=org/img:1; echo "$out")	mirror.test/name@sha256:77 name@sha256:77" ]
	node observe cluster=c1 image=no/img:1 </dev/null
	is "no such image" [ -z "$(line image)" ]
	# What is asked about after the list.
	mv "$ROOM/bin/docker" "$ROOM/bin/docker-own"
	cat >"$ROOM/bin/docker" <<-'END'
		#!/bin/sh
		case $1 in inspect) echo "Error: No such container: 1111" >&2; exit 1 ;; esac
		exec "$0-own" "$@"
	END
	chmod +x "$ROOM/bin/docker"
	node observe cluster=c1 </dev/null
	is "a container that has just gone" [ "$(line docker):$(grep -c ^container <<<"$out")" = $'docker\tok\t27.0\t-:0' ]
	sed -i 's/Error: No such container: 1111/Cannot connect to the Docker daemon/' "$ROOM/bin/docker"
	node observe cluster=c1 </dev/null
	is "a daemon that has just gone" [ "$(line docker)" = $'docker\tdown\t-\t\'docker inspect\' failed: Cannot connect to the Docker daemon' ]
	sed -i 's/echo "[^"]*" >&2; exit 1/exit 137/' "$ROOM/bin/docker"
	node observe cluster=c1 </dev/null
	is "it says nothing" [ "$(line docker)" = $'docker\tdown\t-\t\'docker inspect\' failed: status 137' ]
	mv "$ROOM/bin/docker-own" "$ROOM/bin/docker"
	echo 'permission denied while trying to connect' >"$ROOM/docker/fail"
	node observe cluster=c1 image=org/img:1 </dev/null
	is "denied" has "$(line docker)" $'docker\tdenied\t-\tpermission denied'
	# shellcheck disable=SC2016
	printf '#!/bin/sh\n[ "$1" = --version ] && echo podman version 5.4.2 && exit\necho unknown field >&2; exit 125\n' >"$ROOM/bin/dockerp"
	chmod +x "$ROOM/bin/dockerp"
	mv "$ROOM/bin/docker" "$ROOM/bin/docker-own"
	mv "$ROOM/bin/dockerp" "$ROOM/bin/docker"
	node observe cluster=c1 image=org/img:1 </dev/null
	is "docker that is podman" has "$(line docker)" $'docker\tpodman\t-'
	mv "$ROOM/bin/docker-own" "$ROOM/bin/docker"
	printf 'Cannot connect to the Docker daemon\nat all' >"$ROOM/docker/fail"
	node observe cluster=c1 image=org/img:1 </dev/null
	is "down, in one line" [ "$(line docker)" = 'docker	down	-	Cannot connect to the Docker daemon\nat all' ]
}
gpus() {
	cat >"$ROOM/bin/nvidia-smi" <<-'END'
		#!/bin/sh
		case $* in
		*query-gpu=index,uuid,name,memory.total,memory.used,driver_version*) echo '0, GPU-1, NVIDIA H200, 143771, 12, 580.1' ;;
		*compute-apps*) echo "HOLDER, 512, GPU-1" ;;
		*) exit 2 ;;
		esac
	END
	sed -i "s/HOLDER/$$/" "$ROOM/bin/nvidia-smi"
	chmod +x "$ROOM/bin/nvidia-smi"
	node observe cluster=c1 </dev/null
	is "gpu" [ "$(line gpu)" = $'gpu\t0\tGPU-1\tNVIDIA H200\t143771\t12\t580.1' ]
	is "who holds it" [ "$(field gpuproc 3):$(field gpuproc 4):$(field gpuproc 6)" = "512:$(id -un):GPU-1" ]
	# Its parent does not bury it.
	# shellcheck disable=SC2016
	bash -c '(until grep -q sleep /proc/$$/comm; do /bin/sleep 0.02; done) & echo $! >"$0"; exec sleep 600' \
		"$ROOM/child" >/dev/null 2>&1 &
	parent=$!
	until [ -s "$ROOM/child" ] && grep -qs '^State:.Z' "/proc/$(cat "$ROOM/child")/status"; do sleep 0.02; done
	sed -i "s/echo \"[0-9]*, 512/echo \"$(cat "$ROOM/child"), 512/" "$ROOM/bin/nvidia-smi"
	node observe cluster=c1 </dev/null
	is "the dead hold nothing" [ "$(line gpu):$(line gpuproc)" = $'gpu\t0\tGPU-1\tNVIDIA H200\t143771\t12\t580.1:' ]
	kill $parent
	wait $parent 2>/dev/null
	cat >"$ROOM/bin/nvidia-smi" <<-'END'
		#!/bin/sh
		case $* in
		*driver_version,mig.mode.current*) echo '0, GPU-1, NVIDIA H200, 143771, 12, 580.1, Enabled' ;;
		esac
	END
	node observe cluster=c1 </dev/null
	is "cut up" [ "$(line gpu)" = $'gpu\t0\tGPU-1\tNVIDIA H200\t143771\t12\t580.1\tEnabled' ]
	cat >"$ROOM/bin/nvidia-smi" <<-'END'
		#!/bin/sh
		case $* in
		*mig*) echo 'Field "mig.mode.current" is not a valid field to query.'; exit 2 ;;
		*query-gpu*) echo '0, GPU-1, NVIDIA H200, 143771, 12, 440.1, 616' ;;
		esac
	END
	node observe cluster=c1 </dev/null
	is "an old driver" [ "$(line gpu)" = $'gpu\t0\tGPU-1\tNVIDIA H200\t143771\t12\t440.1' ]
	is "what it keeps" [ "$(line gpukept)" = $'gpukept\t0\t616' ]
	cat >"$ROOM/bin/nvidia-smi" <<-'END'
		#!/bin/sh
		case $* in
		*reserved*) echo 'Field "memory.reserved" is not a valid field to query.'; exit 2 ;;
		*query-gpu*) echo '0, GPU-1, NVIDIA H200, 143771, 12, 440.1, Enabled' ;;
		esac
	END
	node observe cluster=c1 </dev/null
	is "one that does not say what it keeps" [ "$(line gpu)" = $'gpu\t0\tGPU-1\tNVIDIA H200\t143771\t12\t440.1\tEnabled' ]
	is "nothing is kept" [ -z "$(line gpukept)" ]
	cat >"$ROOM/bin/nvidia-smi" <<-'END'
		#!/bin/sh
		case $* in
		*query-gpu*)
			echo '0, GPU-1, NVIDIA H200, 143771, 12, 580.1, Disabled, 616, Exclusive_Process, No'
			echo '1, GPU-2, NVIDIA H200, 143771, 12, 580.1, [N/A], 600, Default, Yes'
			;;
		esac
	END
	node observe cluster=c1 </dev/null
	is "an unusual state" has "$out" $'\ngpustate\t0\tExclusive_Process'
	is "another" has "$out" $'\ngpustate\t1\tpending'
	is "what they keep" has "$out" $'\ngpukept\t1\t600'
	printf '#!/bin/sh\necho "Failed to initialize NVML"\nexit 9\n' >"$ROOM/bin/nvidia-smi"
	node observe cluster=c1 </dev/null
	is "a driver in trouble" [ "$(line gpunone)" = $'gpunone\tnvidia-smi: Failed to initialize NVML' ]
}
# Kernel, devices and tools of a machine with AMD's GPUs, or with others; no nvidia-smi.
amd() {
	local node=$ROOM/sys/class/kfd/kfd/topology/nodes card=$ROOM/sys/class/drm
	mkdir -p "$ROOM/scripts" "$ROOM/dev/dri" "$node"/{0,1,2} "$card"/renderD{128,129}/device \
		"$ROOM/sys/class/kfd/kfd/proc/$$"
	sed "s#^gpus_short .*#gpus_short $ROOM/sys $ROOM/dev#; s#^LC_ALL=C PATH=.*#LC_ALL=C#" \
		"$TOP/planner/steps/observe.sh" >"$ROOM/scripts/observe.sh"
	touch "$ROOM/dev/kfd" "$ROOM/dev/dri/renderD128"
	echo 0 >"$node/0/gpu_id"
	echo 51110 >"$node/1/gpu_id"
	printf 'simd_count 1216\ngfx_target_version 90402\nlocation_id 1280\ndomain 0\ndrm_render_minor 128\n' >"$node/1/properties"
	echo 206141652992 >"$card/renderD128/device/mem_info_vram_total"
	echo 297443328 >"$card/renderD128/device/mem_info_vram_used"
	echo 1055000000000 >"$card/renderD128/device/mem_info_gtt_used"
	echo 5a019e3bd0c1 >"$card/renderD128/device/unique_id"
	echo 'AMD Instinct MI300X' >"$card/renderD128/device/product_name"
	# A Strix Halo: half a GiB of its own, and the rest is the host's.
	echo 777 >"$node/2/gpu_id"
	printf 'gfx_target_version 110501\nlocation_id 50176\ndrm_render_minor 129\n' >"$node/2/properties"
	echo 536870912 >"$card/renderD129/device/mem_info_vram_total"
	echo 133143986176 >"$card/renderD129/device/mem_info_gtt_total"
	echo 2097152 >"$card/renderD129/device/mem_info_gtt_used"
	echo 1073741824 >"$ROOM/sys/class/kfd/kfd/proc/$$/vram_51110"
	echo 0 >"$ROOM/sys/class/kfd/kfd/proc/$$/vram_777"
	node observe cluster=c1 </dev/null
	is "a card" has "$out" $'gpu\t0\t5a019e3bd0c1\tAMD Instinct MI300X\t196592\t283\t-\t-\tgfx942\tamd'
	is "one that works in the memory of the host" has "$out" $'gpu\t1\t0000:c4:00.0\tAMD gfx1151\t126976\t2\t-\t-\tgfx1151\tamd'
	is "no more" [ "$(printf '%s\n' "$out" | grep -c '^gpu	')" = 2 ]
	is "who holds memory, and of which" [ "$(field gpuproc 2):$(field gpuproc 3):$(field gpuproc 6)" = "$$:1024:5a019e3bd0c1" ]
	is "and no other" [ "$(printf '%s\n' "$out" | grep -c '^gpuproc	')" = 1 ]
	is "no reason why not" lacks "$out" gpunone
	rm -r "$ROOM/sys/class"
	printf '#!/bin/sh\necho "{\\"card0\\": {\\"Card Series\\": \\"MI300X\\"}}"\n' >"$ROOM/bin/rocm-smi"
	chmod +x "$ROOM/bin/rocm-smi"
	node observe cluster=c1 </dev/null
	is "the tool, where the kernel does not tell" has "$out" 'raw	rocm-smi	{"card0": {"Card Series": "MI300X"}}'
	rm "$ROOM/bin/rocm-smi"
	mkdir -p "$ROOM/sys/bus/pci/devices/0000:05:00.0"
	echo 0x1002 >"$ROOM/sys/bus/pci/devices/0000:05:00.0/vendor"
	echo 0x120000 >"$ROOM/sys/bus/pci/devices/0000:05:00.0/class"
	node observe cluster=c1 </dev/null
	is "a card without a driver" has "$(line gpunone)" "its driver amdgpu shows no /dev/kfd"
}
others() {
	local dev=$ROOM/sys/bus/pci/devices/0000:19:00.0
	mkdir -p "$ROOM/scripts" "$ROOM/dev" "$dev"
	sed "s#^gpus_short .*#gpus_short $ROOM/sys $ROOM/dev#; s#^LC_ALL=C PATH=.*#LC_ALL=C#" \
		"$TOP/planner/steps/observe.sh" >"$ROOM/scripts/observe.sh"
	node observe cluster=c1 </dev/null
	is "nothing at all" [ "$(line gpunone):$(line gpuother)" = $'gpunone\tno nvidia-smi:' ]
	while read -r vendor class device name; do
		echo "$vendor" >"$dev/vendor" && echo "$class" >"$dev/class" && echo "$device" >"$dev/device"
		node observe cluster=c1 </dev/null
		is "$name on the PCI bus" [ "$(line gpuother)" = "${name:+gpuother	$name}" ]
	done <<-END
		0x1da3 0x120000 0x1060 Intel Gaudi
		0x19e5 0x120000 0xd802 Huawei Ascend
		0x1ae0 0x088000 0x0063 Google TPU
		0x1ae0 0x020000 0x0042
		0x8086 0x038000 0x0bd5 Intel GPU
		0x1d0f 0x088000 0x7164 AWS Neuron
		0x10de 0x030200 0x2330
	END
	is "a card of NVIDIA without its tool" has "$(line gpunone)" "an NVIDIA GPU is on the PCI bus"
	rm -r "$dev"
	mkdir -p "${dev%/*}/0000:00:02.0"
	echo 0x8086 >"${dev%/*}/0000:00:02.0/vendor" && echo 0x030000 >"${dev%/*}/0000:00:02.0/class"
	node observe cluster=c1 </dev/null
	is "the GPU in a processor is none" [ -z "$(line gpuother)" ]
	printf '#!/bin/sh\n' >"$ROOM/bin/npu-smi"
	chmod +x "$ROOM/bin/npu-smi"
	node observe cluster=c1 </dev/null
	is "a tool" [ "$(line gpuother)" = $'gpuother\tHuawei Ascend' ]
	touch "$ROOM/dev/hl0"
	node observe cluster=c1 </dev/null
	is "a device" [ "$(line gpuother)" = $'gpuother\tIntel Gaudi' ]
}
ports() {
	local port pid
	port=$(($(free_port)))
	python3 -m http.server $port >/dev/null 2>&1 &
	pid=$!
	for _ in $(seq 100); do
		! grep -q "$(printf ':%04X 00000000:0000 0A' $port)" /proc/net/tcp || break
		sleep 0.1
	done
	node observe cluster=c1 ports="1 $port" runtime=docker package=vllm needs=ray -- "127.0.0.1 $port" "127.0.0.1 1" </dev/null
	is "a listener" has "$(line port)" "port	$port	"
	! command -v ss >/dev/null || is "who listens" has "$(line port)" "port	$port	$pid	$(id -un)	"
	! command -v ss >/dev/null || is "by what program, and nothing of its arguments" [ "$(field port 5)" = "python3 ..." ]
	is "reached" has "$out" $'reach\t127.0.0.1\tyes\tport'
	is "a refusal is an answer" lacks "$out" $'reach\t127.0.0.1\tno'
	kill $pid
	wait $pid 2>/dev/null
}
# Whose a container is: ours by its label, or by the record that names it.
owners() {
	mkdir -p "$ROOM/docker/box"
	printf 'id=1111\ncluster=c1\nstep=head[n1]\nrunning=true\ncode=0\nowner=%s\n' "$ME" >"$ROOM/docker/box/dray-c1-head"
	printf 'id=2222\ncluster=c1\nstep=rank[n1]\nrunning=true\ncode=0\nowner=0@/srv/eve/dray\n' >"$ROOM/docker/box/dray-c1-rank"
	printf 'id=3333\ncluster=c1\nstep=worker[n2]\nrunning=true\ncode=0\n' >"$ROOM/docker/box/dray-c1-worker"
	node observe cluster=c1 head=dray-c1-head </dev/null
	is "who we are" [ "$(line owner)" = "owner	$ME" ]
	is "ours" has "$out" "	$ME	mine	-"
	is "another's" has "$out" "	0@/srv/eve/dray	other	root"
	is "nobody's" has "$out" "	1		unknown	-"
	is "looked into where it is ours" grep -q '^exec 1111' "$ROOM/docker/calls"
	is "what Docker has for a head is there while that runs" [ "$(grep -c '^info' "$ROOM/docker/calls"):$(line toolkit)" = $'0:toolkit\tyes' ]
	mkdir -p "$ROOM/docker/image"
	echo layers >"$ROOM/docker/image/img:1"
	: >"$ROOM/docker/calls"
	node observe cluster=c1 head=dray-c1-head image=img:1 status_command='ray status' status_sh=: </dev/null
	is "four calls on a head" [ "$(cut -d ' ' -f 1 "$ROOM/docker/calls" | tr '\n' ' ')" = 'ps inspect image exec ' ]
	node observe cluster=c1 head=dray-c1-rank </dev/null
	is "but not into another's" [ "$(grep -c '^exec 2222' "$ROOM/docker/calls")" = 0 ]
	for record in '{"phase":"done","instance":"3333"}:mine' '{"phase":"done","instance":"4444"}:unknown' \
		'{"phase":"intent"}:mine'; do
		printf '%s' "${record%:*}" >"$ROOM/in"
		node put-record cluster=c1 step=worker@n2 act=write <"$ROOM/in"
		node observe cluster=c1 </dev/null
		is "without an owner: $record" has "$out" "	1		${record##*:}	-"
	done
}
# Records come back under the address of their step, whatever is in them.
records() {
	printf '{"step":"worker[n2]","x":"a\\nb"}' >"$ROOM/in"
	node put-record cluster=c1 step=worker@n2 act=write <"$ROOM/in"
	node observe cluster=c1 </dev/null
	is "record" [ "$(line record)" = 'record	worker[n2]	{"step":"worker[n2]","x":"a\\nb"}' ]
	mkdir -p "$ROOM/model" "$ROOM/shared/.dray"
	echo '{}' >"$ROOM/model/config.json"
	echo x >"$ROOM/shared/.dray/s.sh"
	node observe cluster=c1 path="$ROOM/model" script="$ROOM/shared/.dray/s.sh" -- '127.0.0.1 1' </dev/null
	is "no GPUs are selected" lacks "$out" $'\nselects'
	CUDA_VISIBLE_DEVICES=2,3 node observe cluster=c1 </dev/null
	is "those of the login" [ "$(line selects)" = $'selects\tCUDA_VISIBLE_DEVICES\t2,3' ]
	CUDA_VISIBLE_DEVICES='' node observe cluster=c1 </dev/null
	is "none is a selection" [ "$(line selects)" = $'selects\tCUDA_VISIBLE_DEVICES\t' ]
	node observe cluster=c1 path="$ROOM/model" script="$ROOM/shared/.dray/s.sh" -- '127.0.0.1 1' </dev/null
	is "a peer is dialled" [ "$(line reach)" = $'reach\t127.0.0.1\tyes\tport 48127' ]
	is "model.path" [ "$(line model)" = $'model\tconfig.json\t3\t-' ]
	is "script" [ "$(field script 3)" = "$(echo x | sha256sum | cut -d' ' -f1)" ]
}
# A login may not read what is root's, since somebody has used sudo: that does not mean that it is not there.
closed() {
	local as='' look closed
	if [ "$(id -u)" = 0 ]; then
		command -v setpriv >/dev/null || { echo "SKIP closed: needs setpriv"; return; }
		as="setpriv --reuid=nobody --clear-groups"
	fi
	printf '{"phase":"done"}' >"$ROOM/in"
	node put-record cluster=c1 step=serve act=write <"$ROOM/in"
	look=$(library net archive container-look gpus-look state whose lockfile process model-look named-look files-look)$'\n'$(text_of observe)
	for closed in state/dray state/dray/c1 "$(cd "$ROOM" && echo state/dray/c1/*)" "$(cd "$ROOM" && echo state/dray/c1/*/steps)" \
		"$(cd "$ROOM" && echo state/dray/c1/*/steps/serve.json)"; do
		chmod -R 755 "$ROOM/state"
		chmod 700 "$ROOM/$closed"
		[ -n "$as" ] || chmod 000 "$ROOM/$closed"
		# shellcheck disable=SC2086
		out=$($as $SH -c "$look" look cluster=c1 2>&1 3>/dev/null)
		rc=$?
		is "$closed: no answer" [ "$rc" = 3 ]
		is "$closed: why" has "$out" "'$ROOM/$closed'"$'\nhint: as root: chown -R '
	done
	chmod -R 755 "$ROOM/state"
	# shellcheck disable=SC2086
	out=$($as $SH -c "$look" look cluster=c1 2>&1 3>/dev/null)
	is "it may be read: an answer" has "$out" $'record\tserve\t{"phase":"done"}'
}
# If the daemon hangs, the rest of the look still comes.
hangs() {
	echo ps >"$ROOM/docker/hang"
	# shellcheck disable=SC2016
	printf '#!/bin/sh\nn=$1; shift; [ "$n" != 10 ] || n=1; exec /usr/bin/timeout $n "$@"\n' >"$ROOM/bin/timeout"
	chmod +x "$ROOM/bin/timeout"
	case $SH in busybox*) return ;; esac # it would take its own
	node observe cluster=c1 </dev/null
	is "docker hangs" has "$out" $'docker\tdown\t-\t\'docker ps\' gave no answer within 10 seconds'
	is "the look does not" has "$out" $'\nend'
	echo inspect >"$ROOM/docker/hang"
	mkdir -p "$ROOM/docker/box"
	printf 'id=abc1\ncluster=c1\nrunning=true\ncode=0\nlogs=\n' >"$ROOM/docker/box/dray-c1-head"
	: >"$ROOM/said"
	{
		node observe cluster=c1 </dev/null & pid=$!
		for _ in $(seq 50); do
			grep -q 'waiting for docker' "$ROOM/said" && break
			/bin/sleep 0.2
		done
		kill "$pid"; wait "$pid"
	} 2>/dev/null
	is "what it waits for is said" [ "$(tail -n 1 "$ROOM/said")" = "progress waiting for docker" ]
}

# A host that speaks BGP; proxies that the spec does not show.
networks() {
	cat >"$ROOM/bin/ip" <<-'END'
		#!/bin/sh
		case $* in
		*addr*)
			echo '1: lo    inet 127.0.0.1/8 scope host lo'
			echo '1: lo    inet 192.0.2.7/32 scope global lo'
			echo '2: lan0    inet6 fe80::1/64 scope link'
			;;
		'route show')
			echo '172.17.0.0/16 dev docker0 proto kernel scope link src 172.17.0.1'
			echo '192.0.2.8 proto bgp src 192.0.2.7 metric 20'
			printf '\tnexthop via inet6 fe80::2 dev lan0 weight 1\n\tnexthop via inet6 fe80::3 dev lan1 weight 1\n'
			;;
		esac
	END
	chmod +x "$ROOM/bin/ip"
	node observe cluster=c1 </dev/null
	case $SH in busybox*) return ;; esac # it would take its own ip
	is "what its routes lead over" [ "$(printf '%s\n' "$out" | grep ^uplink)" = $'uplink\tlan0\nuplink\tlan1' ]
	is "no proxy" [ -z "$(line proxy)" ]
	sed -i '/192.0.2.7.32/d' "$ROOM/bin/ip"
	mkdir "$HOME/.docker"
	printf '{\n "auths": {"x": {"auth": "c2VjcmV0"}},\n "proxies": {"default": {\n  "httpsProxy": "http://joe:pw@proxy:1",\n  "noProxy": "*.lan,10.0.0.0/8"}, "tcp://b": {"noProxy" : ".b"}}}' \
		>"$HOME/.docker/config.json"
	http_proxy=http://joe:pw@proxy:1 no_proxy=.lan NO_PROXY=h node observe cluster=c1 </dev/null
	is "an address of a card says enough" [ -z "$(line uplink)" ]
	is "the login's" [ "$(line proxy)" = $'proxy\tlogin\t.lan,h' ]
	is "docker's" has "$out" $'proxy\tdocker\t*.lan,10.0.0.0/8,.b,\n'
	is "no password" lacks "$out" pw@
	echo '{"auths": {"x": {"auth": "c2VjcmV0"}}}' >"$HOME/.docker/config.json"
	node observe cluster=c1 </dev/null
	is "no proxy in there" [ -z "$(line proxy)" ]
}

# The version of what is in a prefix, wherever its packages lie.
prefixes() {
	local p=$ROOM/usr
	mkdir -p "$p/bin" "$p/lib/python3.12/dist-packages/vllm-0.17.1+cu129.dist-info"
	printf '#!/bin/sh\n' >"$p/bin/vllm"
	cp "$p/bin/vllm" "$p/bin/ray"
	chmod +x "$p"/bin/*
	local look="cluster=c1 runtime=none venv=$p package=vllm needs=ray"
	# shellcheck disable=SC2086
	node observe $look </dev/null
	is "dist-packages; a command of an unknown version" [ "$(line venv)" = "venv	$p	ok	0.17.1+cu129	?	no" ]
	mkdir -p "$p/lib64/python3/site-packages/ray-2.53.0.dist-info"
	# shellcheck disable=SC2086
	node observe $look </dev/null
	is "lib64" [ "$(field venv 5)" = 2.53.0 ]
	rm -r "$p"/lib*
	# A program that lies elsewhere: its own Python knows.
	# shellcheck disable=SC2016
	printf '#!/bin/sh\ncase $3 in vllm) echo 0.20.2 ;; *) exit 1 ;; esac\n' >"$p/bin/python9"
	chmod +x "$p/bin/python9"
	printf '#!%s\n' "$p/bin/python9" >"$p/bin/vllm"
	rm "$p/bin/ray"
	# shellcheck disable=SC2086
	node observe $look </dev/null
	is "the Python of its command" [ "$(line venv)" = "venv	$p	ok	0.20.2	-	no" ]
}

# The lock is free although a process that had it is still there as a zombie: where nobody asks for
# its end, as in a container whose first process does not, it is there for ever.
locks() {
	local note pid
	node observe cluster=c1 </dev/null
	note=$ROOM/locks/dray-c1-$(cat /etc/machine-id 2>/dev/null || hostname)
	mkdir -p "$ROOM/state/dray/c1/${note##*-c1-}"
	touch "$note.lock" "$ROOM/state/dray/c1/${note##*-c1-}/lock"
	sleep 1000 &
	pid=$!
	printf '{"who": "me"}\n%s %s\n' $pid "$(cut -d' ' -f22 /proc/$pid/stat)" >"$note.$(id -u)"
	node observe cluster=c1 </dev/null
	is "a shell that has it" [ "$(line lock)" = $'lock\theld\t{"who": "me"}' ]
	kill -9 $pid
	wait $pid 2>/dev/null
	node observe cluster=c1 </dev/null
	is "one that is gone" [ "$(line lock)" = $'lock\tfree\t-' ]
	# shellcheck disable=SC2016
	bash -c 'sleep 0.1 & echo $! >"$1"; exec sleep 1000' zombie "$ROOM/zombie" &
	until [ -s "$ROOM/zombie" ] && read -r pid <"$ROOM/zombie" && grep -q ') Z ' "/proc/$pid/stat"; do sleep 0.05; done
	printf '{"who": "me"}\n%s %s\n' "$pid" "$(cut -d' ' -f22 "/proc/$pid/stat")" >"$note.$(id -u)"
	node observe cluster=c1 </dev/null
	is "one whose end nobody asked for" [ "$(line lock)" = $'lock\tfree\t-' ]
	kill $!
	wait $! 2>/dev/null
}

each bare networks prefixes dockers hangs gpus amd others ports owners records closed locks

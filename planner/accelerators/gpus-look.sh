# gpus-look.sh - functions that look at GPUs; they come behind net.sh and whose.sh and before
# observe.sh, discover.sh. What a maker's tool prints is read by its accelerator.
# shellcheck shell=sh disable=SC2030,SC2031,SC2034,SC2154
gpus_sys='' amd_ids=''

# hear SECONDS COMMAND...: $told, what it prints, and $status, which is 124 when it took
# longer, as where a driver is ill.
hear() {
	if have timeout; then
		told=$(timeout "$@")
	else
		shift
		told=$("$@")
	fi
	status=$?
	[ $status != 143 ] || status=124 # as busybox says it
	return $status
}
# in_time SECONDS COMMAND...: prints that, and has that status.
in_time() {
	hear "$@"
	[ -z "$told" ] || printf '%s\n' "$told"
	return $status
}
quick() { in_time "$driver_limit" "$@"; }
# raw NAME TEXT: output as it came, up to 48 KiB.
raw() { [ -z "$2" ] || fact raw "$1" "$(printf '%s' "$2" | head -c 49152)"; }

# container_of PID: $container, the id of the container a process is in, or "-".
container_of() {
	container=-
	while IFS= read -r line; do
		# The id is between these: 0::/system.slice/docker-ID.scope, 5:cpu:/docker/ID.
		IFS=/.:-
		for word in $line; do
			case ${#word}$word in 64*[!0-9a-f]*) ;; 64*) container=$word ;; esac
		done
		unset IFS
		[ "$container" = - ] || return 0
	done <"/proc/$1/cgroup"
}
# process_of PID: user, program and the id of the container a process is in, as $user,
# $command, $container ("-": none). Of a stranger's command line only the first word leaves
# the node: behind it may stand an API key.
known_uid=
process_of() {
	user=- command=- container=-
	[ -r "/proc/$1/status" ] || return
	while read -r key uid _; do [ "$key" != Uid: ] || break; done <"/proc/$1/status"
	[ "$uid" = "$known_uid" ] || { known_uid=$uid && known_user=$(login_of "$uid"); }
	user=$known_user
	line=$(exec tr '\0\n\t' '   ' <"/proc/$1/cmdline")
	command=${line%% *} command=${command##*/}
	case ${line#* } in *[!\ ]*) [ "$line" = "${line%% *}" ] || command=${command:+"$command ..."} ;; esac
	[ -n "$command" ] || { of "/proc/$1/comm" && command=$got; }
	container_of "$1"
}

# nvidia_known: leaves in $q only fields that this driver knows: without the one that $told names, and
# without those that the help of nvidia-smi does not list. A query may start the driver, its help does not.
nvidia_known() {
	bad=${told#*'Field "'} bad=${bad%%'"'*}
	help=$(quick nvidia-smi --help-query-gpu)
	case $help in *'"index"'*) ;; *) help= ;; esac
	IFS=,
	# shellcheck disable=SC2086
	set -- $q
	unset IFS
	q=
	for field; do
		[ "$field" != "$bad" ] || continue
		case $help in '' | *"\"$field\""*) q=$q${q:+,}$field ;; esac
	done
}
# nvidia_ask FIELDS FORMAT: $told, what nvidia-smi says of them, and $status. A field that
# this driver does not know fails the whole query, and is named: asked again without what it does not
# know. In the same breath it says who uses the GPUs: $apps.
nvidia_ask() {
	apps=
	q=$1 tries=0
	while
		# shellcheck disable=SC2016
		hear 30 sh -c 'nvidia-smi --query-gpu="$0" --format="$1" && echo == && exec nvidia-smi \
			--query-compute-apps=pid,used_memory,gpu_uuid,process_name --format=csv,noheader,nounits' "$q" "$2"
		case $told in
		*"$nl"==*) status=0 apps=${told#*"$nl"==} told=${told%%"$nl"==*} ;;
		esac
		[ $status != 0 ] && [ $tries -lt 12 ]
	do
		case $told in *'Field "'*'" is not a valid field'*) ;; *) break ;; esac
		nvidia_known
		tries=$((tries + 1))
	done
	[ $status != 124 ] || told="no answer within $driver_limit seconds"
}
nvidia_fails() { fact gpunone "nvidia-smi: $(printf '%s\n' "${told:-exit $status}" | head -n 1)"; }
# nvidia_short: what a plan needs, one line a GPU.
nvidia_short() {
	nvidia_ask index,uuid,name,memory.total,memory.used,driver_version,mig.mode.current,memory.reserved,compute_mode,remapped_rows.pending csv,noheader,nounits
	if [ $status != 0 ]; then
		nvidia_fails
		return
	fi
	while IFS=, read -r index uuid model total used driver rest; do
		[ -n "$driver" ] || continue
		# An old driver knows only some of the last; each has words of its own.
		mig='' reserved='' mode='' pending=''
		while [ -n "$rest" ]; do
			case ${rest%%,*} in
			' Enabled') mig=' Enabled' ;;
			' '[0-9]*) reserved=${rest%%,*} ;;
			' Exclusive_Process' | ' Prohibited') mode=${rest%%,*} ;;
			' Yes') pending=yes ;;
			esac
			case $rest in *,*) rest=${rest#*,} ;; *) rest= ;; esac
		done
		fact gpu "$index" "${uuid# }" "${model# }" "${total# }" "${used# }" "${driver# }" ${mig:+"${mig# }"}
		case $reserved in *[0-9]) fact gpukept "$index" "${reserved# }" ;; esac
		[ -z "$mode" ] || fact gpustate "$index" "${mode# }"
		[ -z "$pending" ] || fact gpustate "$index" pending
	done <<-END
		$told
	END
	case $told in *Enabled*) nvidia_slices ;; esac
	# Where cards may be joined in pairs it matters which; asking takes its time.
	case $told in
	*SXM* | *HBM* | *H200* | *B200* | *GB10*) ;;
	*"$nl"*"$nl"*) have timeout && fact raw nvidia-topo "$(timeout "$topo_limit" nvidia-smi topo -m)" ;;
	esac
}
# nvidia_slices: of GPUs that are cut up, which parts there are and how large they are.
nvidia_slices() {
	told=$(quick nvidia-smi -L)
	case $told in *'(UUID: MIG-'*) raw nvidia-mig "$told$nl$(quick nvidia-smi)" ;; esac
}
# nvidia_long: all that there is to know.
nvidia_long() {
	nvidia_ask index,uuid,name,memory.total,memory.reserved,memory.used,driver_version,pci.bus_id,compute_cap,mig.mode.current,ecc.mode.current,persistence_mode,ecc.errors.uncorrected.volatile.total,remapped_rows.pending,remapped_rows.failure,fabric.state,fabric.status,compute_mode,power.limit csv
	case $told in
	index*) ;;
	*) nvidia_fails; return ;;
	esac
	raw nvidia-gpu "$told"
	nvidia_slices
	raw nvidia-smi "$(quick nvidia-smi | head -n 15)"
	raw nvidia-topo "$(quick nvidia-smi topo -m)"
	raw nvidia-nvlink "$(quick nvidia-smi nvlink -s)"
	nvidia_users fact_user
	for dir in /proc/driver/nvidia-nvswitch/devices/*; do
		[ -e "$dir" ] && fact nvswitch "${dir##*/}"
	done
	if have systemctl; then
		told=$(quick systemctl is-active nvidia-fabricmanager)
		fact fabricmanager "${told:-unknown}"
	fi
	raw xid "$( (quick dmesg || quick journalctl -k -b --no-pager -q) | grep 'NVRM: Xid' | tail -n 20)"
}
# nvidia_users DO: after nvidia_ask, calls DO for each process that holds memory of a GPU: $pid, $used in
# MiB, $uuid of the GPU, $process as the driver names it.
nvidia_users() {
	while IFS=, read -r pid used uuid process; do
		used=${used# } uuid=${uuid# } process=${process# }
		case $pid in '' | *[!0-9]*) continue ;; esac
		"$1"
	done <<-END
		$apps
	END
}
# user_of_it: process_of $pid, which may have another number here than the driver says.
user_of_it() {
	process_of "$pid"
	[ "$command" != - ] || { command=${process##*/} command=${command%% *} command=${command:--}; }
}
fact_user() { user_of_it && fact gpuproc "$pid" "$used" "$user" "$command" "$uuid" "$(printf '%.12s' "$container")"; }

# ---- AMD ----

# What the kernel tells of AMD's GPUs needs no tool and no process: each compute node of
# /sys/class/kfd that has SIMD units is a GPU, in the order in which HIP counts them.

# mib_of FILE: the bytes in it as MiB in $mib, or "-".
mib_of() {
	of "$1"
	case $got in *[!0-9]* | -) mib=- ;; *) mib=$((got / 1048576)) ;; esac
}
# amd_node DIR: $gpu, the kernel's number for it, $gfx, $minor and $pci; fails for a CPU.
amd_node() {
	of "$1/gpu_id"
	case $got in - | 0 | *[!0-9]*) return 1 ;; esac
	gpu=$got minor=- gfx=- place=0 domain=0
	while read -r key value; do
		case $value in '' | *[!0-9]*) continue ;; esac
		case $key in
		drm_render_minor) minor=$value ;;
		gfx_target_version) gfx=gfx$((value / 10000))$((value / 100 % 100))$(printf %x $((value % 100))) ;;
		location_id) place=$value ;;
		domain) domain=$value ;;
		esac
	done <"$1/properties"
	pci=$(printf '%04x:%02x:%02x.%x' "$domain" $((place / 256)) $((place / 8 % 32)) $((place % 8)))
}
# amd_kernel SYS DEV: a fact for each GPU; fails if it tells of none.
amd_kernel() {
	amd_index=0 at=0 amd_ids=
	while [ -d "$1/class/kfd/kfd/topology/nodes/$at" ]; do
		dir=$1/class/kfd/kfd/topology/nodes/$at at=$((at + 1))
		amd_node "$dir" || continue
		card=$1/class/drm/renderD$minor/device
		of "$card/unique_id"; uuid=$got
		[ "$uuid" != - ] || uuid=$pci
		of "$card/product_name"; model=$got
		[ "$model" != - ] || { of "$dir/name"; model="AMD $gfx"; }
		mib_of "$card/mem_info_vram_total"; total=$mib
		mib_of "$card/mem_info_vram_used"; used=$mib
		# One with little memory of its own works in that of the host.
		mib_of "$card/mem_info_gtt_total"
		if [ "$mib" != - ] && { [ "$total" = - ] || [ "$mib" -gt "$total" ]; }; then
			total=$mib
			mib_of "$card/mem_info_gtt_used"; used=$mib
		fi
		of "$1/module/amdgpu/version"
		fact gpu $amd_index "$uuid" "$model" "$total" "$used" "$got" - "$gfx" amd
		amd_index=$((amd_index + 1)) amd_ids="$amd_ids $gpu=$uuid"
	done
	[ $amd_index != 0 ] || return 1
	amd_access "$2"
}
# amd_access DEV: whose group the devices have, and whether this login may open them.
amd_access() {
	[ -e "$1/kfd" ] || return 0
	groups=$(stat -c %g "$1/kfd" "$1"/dri/renderD* 2>/dev/null | sort -nu | tr '\n' ' ')
	case " $groups" in ' 0 ' | ' ') ;; *) fact gpugroups "${groups% }" ;; esac
	{ [ -r "$1/kfd" ] && [ -w "$1/kfd" ]; } || fact gpuclosed "$1/kfd"
}
# amd_tools: AMD's own tools, of which each may be missing; $amd, what they said.
amd_tools() {
	amd=
	if have amd-smi; then
		told=$(quick amd-smi static --asic --bus --vram --driver --json) ||
			told=$(quick amd-smi static)
		raw amd-smi "$told"
		amd=$told
	fi
	if have rocm-smi; then
		told=$(quick rocm-smi --showproductname --showmeminfo vram gtt --showbus --showuniqueid --showdriverversion --json)
		case $told in *'"card'*) ;; *) told=$(quick rocm-smi --showproductname --showmeminfo vram --showbus --showuniqueid) ;; esac
		raw rocm-smi "$told"
		amd=$amd$told
	fi
	case $amd in
	*'"gpu"'* | *'"card'* | *'GPU['* | *GPU:*) return 0 ;;
	esac
	return 1
}
# amd_users DO: as nvidia_users; the kernel counts the memory of each process.
amd_users() {
	for dir in "${gpus_sys:-/sys}"/class/kfd/kfd/proc/*; do
		pid=${dir##*/}
		case $pid in *[!0-9]*) continue ;; esac
		for file in "$dir"/vram_*; do
			mib_of "$file"
			case $mib in - | 0) continue ;; esac
			used=$mib uuid=- id=${file##*_}
			case $amd_ids in *" $id="*) uuid=${amd_ids#*" $id="} uuid=${uuid%% *} ;; esac
			process=
			"$1"
		done
	done
}

# ---- what dray cannot serve on ----

# other_name SYS DEV: $other, the name of accelerators that are neither NVIDIA's nor AMD's, by
# their devices, their tools, or their number on the PCI bus.
other_name() {
	other=
	for way in hl0:'Intel Gaudi' accel/accel_controlD0:'Intel Gaudi' davinci_manager:'Huawei Ascend' \
		davinci0:'Huawei Ascend' neuron0:'AWS Neuron' cambricon_ctl:'Cambricon MLU' \
		mtgpu.0:'Moore Threads' tenstorrent/0:Tenstorrent rbln0:Rebellions iluvatar0:Iluvatar \
		mxcd:MetaX biren-m:Biren xpuctrl:'Kunlun XPU' apex_0:'Google Edge TPU'; do
		[ ! -e "$2/${way%%:*}" ] || other=${way#*:}
	done
	[ -z "$other" ] || return 0
	for way in hl-smi:'Intel Gaudi' npu-smi:'Huawei Ascend' neuron-ls:'AWS Neuron' cnmon:'Cambricon MLU' \
		mthreads-gmi:'Moore Threads' tt-smi:Tenstorrent rbln-stat:Rebellions ixsmi:Iluvatar mx-smi:MetaX \
		tpu-info:'Google TPU' xpu-smi:'Intel GPU' xpumcli:'Intel GPU' hy-smi:'Hygon DCU'; do
		! have "${way%%:*}" || { other=${way#*:}; return 0; }
	done
	for dir in "$1"/bus/pci/devices/*; do
		of "$dir/vendor"; vendor=$got
		case $vendor in 0x8086 | 0x10de | 0x1002 | 0x1da3 | 0x19e5 | 0x1ae0 | 0x1d0f | 0x1e52 | 0x1ed5 | 0xcabc) ;; *) continue ;; esac
		of "$dir/class"; class=$got
		of "$dir/device"
		case $vendor/$class/$got in
		0x1da3/*) other='Intel Gaudi' ;;
		0x19e5/0x1200*) other='Huawei Ascend' ;;
		0x1ae0/*/0x00[2-7]?) [ "$got" = 0x0042 ] || other='Google TPU' ;;
		0x1d0f/*/0x7[0-3]64) other='AWS Neuron' ;;
		0x1e52/*) other=Tenstorrent ;;
		0x1ed5/0x03*) other='Moore Threads' ;;
		0xcabc/*) other='Cambricon MLU' ;;
		# The GPU in an Intel processor is at 00:02.0.
		0x8086/0x03*) case $dir in */0000:00:02.0) ;; *) other='Intel GPU' ;; esac ;;
		0x10de/0x03*) maker=nvidia ;;
		0x1002/0x038* | 0x1002/0x12*) maker=amd ;;
		esac
	done
}
# none_there SYS DEV: why there are no GPUs.
none_there() {
	maker=
	other_name "$1" "$2"
	[ "$(uname -s)" != Darwin ] || other='Apple GPU'
	[ -z "$other" ] || fact gpuother "$other"
	case $maker in
	nvidia) fact gpunone "an NVIDIA GPU is on the PCI bus, but there is no nvidia-smi" ;;
	amd) fact gpunone "an AMD GPU is on the PCI bus, but its driver amdgpu shows no /dev/kfd" ;;
	*) fact gpunone "${3:-no nvidia-smi}" ;;
	esac
}

# gpus_short, gpus_long SYS DEV: the facts of all GPUs, whoever made them.
gpus_short() {
	gpus_sys=$1
	if have nvidia-smi; then
		nvidia_short
		# Where the driver runs NVSwitches, CUDA needs their manager.
		if [ -e "$2/nvidia-nvswitchctl" ] && have systemctl; then
			fact nvswitch nvswitchctl
			fact fabricmanager "$(in_time "$driver_limit" systemctl is-active nvidia-fabricmanager)"
		fi
		[ ! -e "$2/nvidia-caps-imex-channels/channel0" ] || fact gpudomain /dev/nvidia-caps-imex-channels/channel0
	else
		amd_kernel "$1" "$2" || amd_tools || none_there "$1" "$2"
	fi
}
gpus_long() {
	gpus_sys=$1
	if have nvidia-smi; then
		nvidia_long
		amd_tools
	elif [ -e /proc/driver/nvidia/version ] || [ -e "$2/nvidia0" ]; then
		fact gpunone "an NVIDIA driver, but no nvidia-smi"
	elif have amd-smi || have rocm-smi; then
		amd_tools || amd_kernel "$1" "$2" || fact gpunone "amd-smi or rocm-smi names none"
		amd_users fact_user
	elif amd_kernel "$1" "$2"; then
		amd_users fact_user
	else
		none_there "$1" "$2" "no nvidia-smi, rocm-smi or amd-smi"
	fi
}
# gpus_users DO: as nvidia_users has it.
gpus_users() {
	if have nvidia-smi; then nvidia_users "$1"; else amd_users "$1"; fi
}
# toolkit_of docker|podman INFO: can it hand out GPUs? INFO is what the runtime says of itself.
toolkit_of() {
	case $1 in
	docker)
		case $2 in *'"nvidia"'*) echo yes; return ;; esac
		for f in nvidia-container-runtime-hook nvidia-container-runtime nvidia-ctk; do
			have $f && echo yes && return
		done
		;;
	podman) grep -qs nvidia.com/gpu /etc/cdi/* /var/run/cdi/* && echo yes && return ;;
	esac
	echo no
}

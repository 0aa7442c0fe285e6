# gpus-look.sh - functions that look at GPUs; they come behind net.sh and whose.sh and before
# observe.sh, discover.sh. What a maker's tool prints is read by its accelerator.
# shellcheck shell=sh disable=SC2030,SC2031,SC2034,SC2154

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

# process_of PID: user, program and the id of the container a process is in, as $user,
# $command, $container ("-": none). Of a stranger's command line only the first word leaves
# the node: behind it may stand an API key.
process_of() {
	user=- command=- container=-
	[ -r "/proc/$1/status" ] || return
	while read -r key uid _; do [ "$key" != Uid: ] || break; done <"/proc/$1/status"
	user=$(login_of "$uid")
	line=$(tr '\0\n\t' '   ' <"/proc/$1/cmdline" | head -c 4096)
	command=${line%% *} command=${command##*/}
	case ${line#* } in *[!\ ]*) [ "$line" = "${line%% *}" ] || command=${command:+"$command ..."} ;; esac
	[ -n "$command" ] || { of "/proc/$1/comm" && command=$got; }
	container=$(sed -n 's/.*\([0-9a-f]\{64\}\).*/\1/p' "/proc/$1/cgroup" | head -n 1)
	container=${container:--}
}

# nvidia_ask FIELDS FORMAT: $told, what nvidia-smi says of them, and $status. A field that
# this driver does not know fails the whole query, and is named: asked again without it. In the
# same breath it says who uses the GPUs: $apps.
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
		bad=$(printf '%s\n' "$told" | sed -n 's/^Field "\([^"]*\)" is not a valid field.*/\1/p')
		[ -n "$bad" ] || break
		q=$(printf '%s' "$q" | tr , '\n' | grep -vFx "$bad" | paste -sd, -)
		tries=$((tries + 1))
	done
	[ $status != 124 ] || told="no answer within $driver_limit seconds"
}
nvidia_fails() { fact gpunone "nvidia-smi: $(printf '%s\n' "${told:-exit $status}" | head -n 1)"; }
# nvidia_short: what a plan needs, one line a GPU.
nvidia_short() {
	nvidia_ask index,uuid,name,memory.total,memory.used,driver_version,mig.mode.current csv,noheader,nounits
	if [ $status != 0 ]; then
		nvidia_fails
		return
	fi
	while IFS=, read -r index uuid model total used driver mig; do
		[ -n "$driver" ] || continue
		[ "$mig" = ' Enabled' ] || mig=
		fact gpu "$index" "${uuid# }" "${model# }" "${total# }" "${used# }" "${driver# }" ${mig:+"${mig# }"}
	done <<-END
		$told
	END
	# Where cards may be joined in pairs it matters which; asking takes its time.
	case $told in
	*SXM* | *HBM* | *H200* | *B200* | *GB10*) ;;
	*"$nl"*"$nl"*) have timeout && fact raw nvidia-topo "$(timeout "$topo_limit" nvidia-smi topo -m)" ;;
	esac
}
# nvidia_long: all that there is to know.
nvidia_long() {
	nvidia_ask index,uuid,name,memory.total,memory.used,driver_version,pci.bus_id,compute_cap,mig.mode.current,ecc.mode.current,persistence_mode,ecc.errors.uncorrected.volatile.total,remapped_rows.pending,remapped_rows.failure,fabric.state,fabric.status,compute_mode,power.limit csv
	case $told in
	index*) ;;
	*) nvidia_fails; return ;;
	esac
	raw nvidia-gpu "$told"
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
# nvidia_users DO: after nvidia_ask, calls DO for each process that holds memory of a GPU, which
# process_of told of; $pid, $used in MiB, $uuid of the GPU.
nvidia_users() {
	while IFS=, read -r pid used uuid process; do
		used=${used# } uuid=${uuid# } process=${process# }
		case $pid in '' | *[!0-9]*) continue ;; esac
		process_of "$pid"
		[ "$command" != - ] || { command=${process##*/} command=${command%% *} command=${command:--}; }
		"$1"
	done <<-END
		$apps
	END
}
fact_user() { fact gpuproc "$pid" "$used" "$user" "$command" "$uuid" "$(printf '%.12s' "$container")"; }

# amd_long: AMD's tools, of which each may be missing.
amd_long() {
	amd=
	if have amd-smi; then
		told=$(quick amd-smi static --asic --bus --vram --driver --json)
		raw amd-smi "$told"
		amd=$told
	fi
	if have rocm-smi; then
		told=$(quick rocm-smi --showproductname --showmeminfo vram --showbus --showuniqueid --showdriverversion --json)
		raw rocm-smi "$told"
		amd=$amd$told
	fi
	case $amd in
	*'"gpu"'* | *'"card'*) ;;
	*) have nvidia-smi || ! { have amd-smi || have rocm-smi; } || fact gpunone "amd-smi or rocm-smi names none" ;;
	esac
}

# gpus_short, gpus_long DEV: the facts of all GPUs, whoever made them.
gpus_short() {
	if have nvidia-smi; then
		nvidia_short
	else
		fact gpunone "no nvidia-smi"
	fi
}
gpus_long() {
	if have nvidia-smi; then
		nvidia_long
	elif [ -e /proc/driver/nvidia/version ] || [ -e "$1/nvidia0" ]; then
		fact gpunone "an NVIDIA driver, but no nvidia-smi"
	elif ! have amd-smi && ! have rocm-smi; then
		fact gpunone "no nvidia-smi, rocm-smi or amd-smi"
	fi
	amd_long
}
# gpus_users DO: as nvidia_users has it.
gpus_users() { ! have nvidia-smi || nvidia_users "$1"; }
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

# discover.sh SHARED CACHE SYS DEV PROC - prints what a machine is and has, one fact a line, as
# planner/facts.h and planner/discover.h list them; changes nothing. Comes behind net.sh.
#	SHARED  the shared directory or "-"   CACHE  the model cache or "-": the user's own
#	SYS     /sys                          DEV    /dev          PROC  /proc
# Every tool may be missing, and nothing is worth a failure. What has a form of its own is
# passed on as it came ("raw" lines).
# shellcheck shell=sh
shared=$1 cache=$2 sys=$3 dev=$4 proc=$5 got=
LC_ALL=C PATH=$PATH:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/opt/rocm/bin
export LC_ALL PATH
unset LANGUAGE
exec 2>/dev/null

# What may hang when a driver is ill has half a minute.
quick() { if have timeout; then timeout 30 "$@"; else "$@"; fi; }
# raw NAME TEXT: output as it came, up to 48 KiB.
raw() { [ -z "$2" ] || fact raw "$1" "$(printf '%s' "$2" | head -c 49152)"; }

# ---- the machine ----
of /etc/machine-id; machine=$got
[ "$machine" != - ] || { of /var/lib/dbus/machine-id; machine=$got; }
[ "$machine" != - ] || machine=$(hostname)
of /proc/sys/kernel/random/boot_id; boot=$got
name=$(hostname || uname -n)
fact id "$machine" "$boot" "$name" "$(id -un || id -u)" "$(id -u)" "$(id -g)" "$HOME" "$(date +%s)"
pretty=$(sed -n 's/^PRETTY_NAME="*\([^"]*\)"*$/\1/p' /etc/os-release)
fact os "$(uname -r)" "$(uname -m)" "$pretty"
of /proc/uptime; fact clock "${got%% *}"
fact groups "$(id -Gn)"
# shellcheck disable=SC3045
fact limit memlock "$(ulimit -l)"
told=$(getent ahostsv4 "$name" || getent hosts "$name") &&
	fact resolve "$name" "${told%%[ "$tab"]*}"

# ---- memory, processors, disks ----
awk '/^MemTotal:/ { total = $2 } /^MemAvailable:/ { free = $2 } /^MemFree:/ { least = $2 }
	END { if (total) print "ram\t" total "\t" (free ? free : least) }' /proc/meminfo
awk -F': *' '/^model name/ { name = $2 } /^processor/ { n++ }
	END { if (n) print "cpu\t" n "\t" name }' /proc/cpuinfo
for dir in "$sys"/devices/system/node/node[0-9]*; do
	[ -d "$dir" ] || continue
	# (Not by read: this file gives nothing to who reads it byte by byte, as dash does.)
	fact numa "${dir##*node}" "$(cat "$dir/cpulist")" "$(awk '/MemTotal:/ { print $4 }' "$dir/meminfo")"
done
# disk LABEL DIR: file system, sizes in KiB and whether it may be written; a directory that
# is not there yet stands for the one above it.
disk() {
	dir=$2 state=missing
	if [ -d "$dir" ]; then [ -w "$dir" ] && state=yes || state=no; fi
	while [ ! -d "$dir" ]; do
		case $dir in */*) dir=${dir%/*} ;; *) dir= ;; esac
		dir=${dir:-/}
	done
	sizes=$(quick df -Pk "$dir" | awk 'NR > 1 && NF >= 5 { print $(NF - 4), $(NF - 2) }' | tail -n 1)
	fact disk "$1" "$2" "$(quick stat -f -c %T "$dir" || echo -)" "${sizes%% *}" "${sizes##* }" $state
}
if [ "$shared" != - ]; then
	disk shared "$shared"
	[ $state = missing ] || where=$(stat -c %d:%i "$shared")
	fact shared "$shared" "$(quick stat -f -c %T "$shared" || echo -)" "${where:--}" "${sizes##* }" $state
fi
[ "$cache" != - ] || cache=${HF_HOME:-$HOME/.cache/huggingface}
disk cache "$cache"
disk tmp "${TMPDIR:-/tmp}"
told=$(df -Pk "$dev/shm" | awk 'NR == 2 { print $2 }') && [ -n "$told" ] && fact shm "$told"

# ---- network ----
# shellcheck disable=SC2086
addr_facts "$proc" "$sys" $SSH_CONNECTION
net_facts "$sys" "$dev"
# More of the RDMA devices: firmware, place, all GIDs that are set.
for dir in "$sys"/class/infiniband/*; do
	[ -d "$dir/ports" ] || continue
	of "$dir/fw_ver"; fw=$got
	of "$dir/hca_type"; type=$got
	of "$dir/board_id"; board=$got
	of "$dir/device/numa_node"; node=$got
	pci=$(readlink -f "$dir/device") pci=${pci##*/}
	fact hca "${dir##*/}" "$type" "$board" "$fw" "$node" "$pci"
	for port in "$dir"/ports/*; do
		of "$port/phys_state"; phys=$got
		of "$port/lid"; lid=$got
		of "$port/sm_lid"; fact hcaport "${dir##*/}" "${port##*/}" "$phys" "$lid" "$got"
		gids=0
		for gid in "$port"/gids/*; do
			of "$gid"
			case $got in - | 0000:0000:0000:0000:0000:0000:0000:0000 | fe80:0000:0000:0000:0000:0000:0000:0000) continue ;; esac
			gids=$((gids + 1))
			[ $gids -le 16 ] || break
			value=$got
			of "$port/gid_attrs/types/${gid##*/}"; type=$got
			of "$port/gid_attrs/ndevs/${gid##*/}"
			fact gid "${dir##*/}" "${port##*/}" "${gid##*/}" "$value" "$type" "$got"
		done
	done
done

# ---- GPUs ----
# owner PID: user, command line and container of a process, as $user, $command, $container.
owner() {
	user=- command=- container=-
	[ -r "/proc/$1/status" ] || return
	uid=$(awk '/^Uid:/ { print $2 }' "/proc/$1/status")
	user=$(id -un "$uid" || echo "$uid")
	command=$(tr '\0' ' ' <"/proc/$1/cmdline" | cut -c1-200)
	command=${command% }
	[ -n "$command" ] || { of "/proc/$1/comm"; command=$got; }
	container=$(sed -n 's/.*\([0-9a-f]\{64\}\).*/\1/p' "/proc/$1/cgroup" | head -n 1)
	container=$(printf '%.12s' "${container:--}")
}
nvidia() {
	# A field that this driver does not know fails the whole query, and is named: asked
	# again without it.
	q=index,uuid,name,memory.total,memory.used,driver_version,pci.bus_id,compute_cap,mig.mode.current,ecc.mode.current,persistence_mode,ecc.errors.uncorrected.volatile.total,remapped_rows.pending,remapped_rows.failure,fabric.state,fabric.status,compute_mode,power.limit
	tries=0
	while
		told=$(quick nvidia-smi --query-gpu="$q" --format=csv)
		status=$?
		[ $status != 0 ] && [ $tries -lt 12 ]
	do
		bad=$(printf '%s\n' "$told" | sed -n 's/^Field "\([^"]*\)" is not a valid field.*/\1/p')
		[ -n "$bad" ] || break
		q=$(printf '%s' "$q" | tr , '\n' | grep -vFx "$bad" | paste -sd, -)
		tries=$((tries + 1))
	done
	case $told in
	index*)
		raw nvidia-gpu "$told"
		# The same as observe.sh has it: the first six are fields that every driver knows.
		printf '%s\n' "$told" | awk -F', *' '
			NR == 1 { for (i = 1; i <= NF; i++) if ($i == "mig.mode.current") mig = i; next }
			NF >= 6 {
				print "gpu\t" $1 "\t" $2 "\t" $3 "\t" $4 "\t" $5 "\t" $6 \
					(mig && $mig == "Enabled" ? "\tEnabled" : "") }'
		;;
	*)
		[ $status != 124 ] || told='no answer within 30 seconds'
		fact gpunone "nvidia-smi: $(printf '%s\n' "${told:-exit $status}" | head -n 1)"
		return
		;;
	esac
	raw nvidia-smi "$(quick nvidia-smi | head -n 15)"
	raw nvidia-topo "$(quick nvidia-smi topo -m)"
	raw nvidia-nvlink "$(quick nvidia-smi nvlink -s)"
	quick nvidia-smi --query-compute-apps=gpu_uuid,pid,used_memory,process_name --format=csv,noheader,nounits |
		while IFS=, read -r uuid pid used process; do
			pid=${pid# } used=${used# }
			case $pid in '' | *[!0-9]*) continue ;; esac
			owner "$pid"
			[ "$command" != - ] || command=${process# }
			fact gpuproc "$pid" "$used" "$user" "$command" "$uuid" "$container"
		done
	for dir in /proc/driver/nvidia-nvswitch/devices/*; do
		[ -e "$dir" ] && fact nvswitch "${dir##*/}"
	done
	if have systemctl; then
		told=$(quick systemctl is-active nvidia-fabricmanager)
		fact fabricmanager "${told:-unknown}"
	fi
	raw xid "$( (quick dmesg || quick journalctl -k -b --no-pager -q) | grep 'NVRM: Xid' | tail -n 20)"
}
if have nvidia-smi; then
	nvidia
elif [ -e /proc/driver/nvidia/version ] || [ -e "$dev/nvidia0" ]; then
	fact gpunone "an NVIDIA driver, but no nvidia-smi"
elif ! have amd-smi && ! have rocm-smi; then
	fact gpunone "no nvidia-smi, rocm-smi or amd-smi"
fi
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

# ---- containers ----
if ! have docker; then
	fact docker missing - "no docker command"
elif told=$(quick docker info --format '{{.ServerVersion}} {{json .Runtimes}} {{.DockerRootDir}}' 2>&1); then
	fact docker ok "${told%% *}" -
	case $told in
	*'"nvidia"'*) toolkit=yes ;;
	*)
		toolkit=no
		for f in nvidia-container-runtime-hook nvidia-container-runtime nvidia-ctk; do
			have $f && toolkit=yes
		done
		;;
	esac
	fact toolkit $toolkit
	disk docker "${told##* }"
else
	case $told in
	*denied*) fact docker denied - "${told##*"$nl"}" ;;
	*) fact docker down - "${told##*"$nl"}" ;;
	esac
fi
if have podman; then
	if told=$(quick podman version --format '{{.Client.Version}}' 2>&1); then
		fact podman ok "$told"
	else
		fact podman down "$told"
	fi
fi
have python3 && fact python "$(python3 -c 'import sys; print(sys.version.split()[0])')"
echo end

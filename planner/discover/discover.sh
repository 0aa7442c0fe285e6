# discover.sh - prints what a machine is and has, one fact a line, as planner/facts/facts.h lists
# them; changes nothing. net.sh, whose.sh and gpus-look.sh come before this text.
#	shared  the shared directory
#	cache   the model cache; without it the user's own
#	venv    the virtual environment of runtime none; package: the engine's in it, needs: that of
#	        what it may need
#	sys     /sys
#	dev     /dev
#	proc    /proc
# Every tool may be missing, and nothing is worth a failure. What has a form of its own is
# passed on as it came ("raw" lines).
# shellcheck shell=sh disable=SC2154
args 'sys dev proc' 'shared cache venv package needs' "$@" || exit
got=
LC_ALL=C PATH=$PATH:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/opt/rocm/bin
export LC_ALL PATH
unset LANGUAGE
exec 2>/dev/null

# ---- the machine ----
of /etc/machine-id; machine=$got
[ "$machine" != - ] || { of /var/lib/dbus/machine-id; machine=$got; }
[ "$machine" != - ] || machine=$(hostname)
of /proc/sys/kernel/random/boot_id; boot=$got
name=$(hostname || uname -n)
fact id "$machine" "$boot" "$name" "$(id -un || id -u)" "$(id -u)" "$(id -g)" "$HOME" "$(date +%s)"
pretty=$(sed -n 's/^PRETTY_NAME="*\([^"]*\)"*$/\1/p' /etc/os-release)
fact os "$(uname -r)" "$(uname -m)" "$pretty"
fact groups "$(id -Gn)"
# shellcheck disable=SC3045
fact limit memlock "$(ulimit -l)"
told=$(getent ahostsv4 "$name" || getent hosts "$name") &&
	fact resolve "$name" "${told%%[ "$tab"]*}"

[ -z "$venv" ] || [ -z "$package" ] || venv_fact "$package" "${needs:--}"

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
if [ -n "$shared" ]; then
	disk shared "$shared"
	[ $state = missing ] || where=$(stat -c %d:%i "$shared")
	fact shared "$shared" "$(quick stat -f -c %T "$shared" || echo -)" "${where:--}" "${sizes##* }" $state
fi
[ -n "$cache" ] || cache=${HF_HOME:-$HOME/.cache/huggingface}
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
		gid_facts "$port" "${dir##*/}"
	done
done

# ---- GPUs ----
gpus_long "$sys" "$dev"

# ---- containers ----
if ! have docker; then
	fact docker missing - "no docker command"
elif told=$(quick docker info --format '{{.ServerVersion}} {{json .Runtimes}} {{.DockerRootDir}}' 2>&1); then
	fact docker ok "${told%% *}" -
	fact toolkit "$(toolkit_of docker "$told")"
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

# gpus.sh - functions that tell how busy GPUs are; comes before the scripts that free GPUs
# shellcheck shell=sh

# gpus_held: prints "PID MIB" of each process that holds memory of a GPU, as far as a driver tells.
gpus_held() {
	if command -v nvidia-smi >/dev/null; then
		nvidia-smi --query-compute-apps=pid,used_memory --format=csv,noheader,nounits 2>/dev/null | tr -d ,
		return
	fi
	for file in /sys/class/kfd/kfd/proc/*/vram_*; do
		{ [ -r "$file" ] && IFS= read -r bytes <"$file"; } 2>/dev/null || continue
		case $bytes in '' | *[!0-9]*) continue ;; esac
		pid=${file%/*}
		[ "$bytes" -lt 1048576 ] || echo "${pid##*/} $((bytes / 1048576))"
	done
}
# gpus_held_by PID...: says which of these processes hold how much.
gpus_held_by() {
	gpus_held | while read -r pid mib; do
		case " $* " in *" $pid "*) printf 'pid %s holds %s MiB. ' "$pid" "$mib" ;; esac
	done
}
# gpus_used: prints how much memory is in use, a line for each GPU.
gpus_used() {
	nvidia-smi --query-gpu=memory.used --format=csv,noheader,nounits 2>/dev/null ||
		cat /sys/class/drm/renderD*/device/mem_info_vram_used 2>/dev/null
}

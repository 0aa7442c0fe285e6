# gpus.sh - functions that tell how busy GPUs are; comes before the scripts that free GPUs
# shellcheck shell=sh

# gpus_held: prints "PID MIB" of each process that holds memory of a GPU, as far as a driver tells.
gpus_held() {
	! command -v nvidia-smi >/dev/null ||
		nvidia-smi --query-compute-apps=pid,used_memory --format=csv,noheader,nounits 2>/dev/null |
		tr -d ,
}
# gpus_held_by PID...: says which of these processes hold how much.
gpus_held_by() {
	gpus_held | while read -r pid mib; do
		case " $* " in *" $pid "*) printf 'pid %s holds %s MiB. ' "$pid" "$mib" ;; esac
	done
}
# gpus_used: prints how much memory is in use, a line for each GPU.
gpus_used() { nvidia-smi --query-gpu=memory.used --format=csv,noheader,nounits 2>/dev/null; }

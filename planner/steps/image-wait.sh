# image-wait.sh - waits for docker load or docker save as long as something moves; comes before
# image-load.sh, image-pack.sh and image-copy.sh
# shellcheck shell=sh disable=SC2154

# image_moved PID: how far the process has read its stdin, what it has read and written in all, and
# an eighth of the KiB that this node has written: an engine packs and unpacks layers in silence.
image_moved() {
	{
		cat "$proc/$1/fdinfo/0" "$proc/$1/io" "$proc/vmstat"
	} 2>/dev/null | awk '$1 == "pos:" || $1 == "rchar:" || $1 == "wchar:" { n += $2 / 1024 } $1 == "pgpgout" { n += $2 / 8 }
		END { printf "%.0f\n", n }'
}

# image_wait PID OTHER WHAT: until PID has ended. OTHER is the process that it has its input from, or
# gives its output to. image_told prints how far it is, or nothing. Ends the script if nothing
# moves.
image_wait() {
	image_looked=0 image_quiet=0 image_last=-1
	while kill -0 "$1" 2>/dev/null; do
		image_looked=$((image_looked + 1))
		[ "$image_looked" -gt 8 ] || ! sleep 0.2 2>/dev/null || continue
		sleep 2
		image_now=$(image_moved "$2")
		image_text=$(image_told "$2")
		[ -z "$image_text" ] || printf 'progress %s\n' "$image_text" >&3
		if [ $((image_now - image_last)) -ge 1024 ] || [ "$image_now" -lt "$image_last" ]; then
			image_quiet=0 image_last=$image_now
		fi
		image_quiet=$((image_quiet + 2))
		if [ $image_quiet -gt "$pull_stall" ]; then
			kill "$1" "$2" 2>/dev/null
			echo "$3: for $((pull_stall / 60)) minutes nothing was read or written; its engine hangs ('docker info' on the node)" >&2
			exit 1
		fi
	done
}

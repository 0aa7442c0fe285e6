# push.sh - puts the bytes of stdin into a file, whole or not at all, or removes the file
#	path    the file
#	sha256  what the sum of the bytes must be; none: the file is removed
# shellcheck shell=sh disable=SC2154
args 'path' 'sha256' "$@" || exit
umask 022
dir=${path%/*}
if [ -z "$sha256" ]; then
	rm -f "$path"
	rmdir "$dir" 2>/dev/null
	exit 0
fi
mkdir -p "$dir" || exit 1
new=$path.$$.new
trap 'trap "" TERM; rm -f "$new"' EXIT
trap 'exit 143' TERM # what takes too long is ended so
dd of="$new" conv=fsync 2>/dev/null || {
	echo "cannot write '$new': $(df -Pk "$dir" | awk 'NR == 2 { print $4 }') KiB free" >&2
	exit 1
}
now=$(sha256sum "$new") || exit 1
if [ "${now%% *}" != "$sha256" ]; then
	echo "what arrived has sha256 ${now%% *}, not $sha256" >&2
	exit 1
fi
mv -f "$new" "$path" || exit 1
printf 'set output %s\n' "$sha256" >&3

# push.sh PATH [SHA256] - puts the bytes of stdin at PATH, whole or not at all, and only when
# they have that sum; without a sum it removes PATH
# shellcheck shell=sh
path=$1 sum=${2-}
umask 022
dir=${path%/*}
if [ -z "$sum" ]; then
	rm -f "$path"
	rmdir "$dir" 2>/dev/null
	exit 0
fi
mkdir -p "$dir" || exit 1
new=$path.$$.new
trap 'rm -f "$new"' EXIT
trap 'exit 143' TERM # what takes too long is ended so
dd of="$new" conv=fsync 2>/dev/null || {
	echo "cannot write '$new': $(df -Pk "$dir" | awk 'NR == 2 { print $4 }') KiB free" >&2
	exit 1
}
now=$(sha256sum "$new") || exit 1
if [ "${now%% *}" != "$sum" ]; then
	echo "what arrived has sha256 ${now%% *}, not $sum" >&2
	exit 1
fi
mv -f "$new" "$path" || exit 1
printf 'set output %s\n' "$sum" >&3

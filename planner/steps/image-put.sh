# image-put.sh - takes an archive from the machine that dray runs on, a few blocks a call
#	act    need: prints how many bytes of it are here; write: puts what stdin has behind them
#	to     the file
#	size   write: how many bytes are here before
#	all    need: how many it will have
# shellcheck shell=sh disable=SC2154
args 'act to' 'size all' "$@" || exit
umask 077
if [ "$act" = write ]; then
	exec dd of="$to" bs=1048576 seek="$((size / 1048576))" 2>/dev/null
fi
dir=${to%/*}
mkdir -p "$dir" || exit 1
# What came of another archive is of no use.
for old in "$dir"/*.archive; do
	[ "$old" = "$to" ] || rm -f "$old"
done
have=$(stat -c %s "$to" 2>/dev/null) || have=0
[ "$have" -le "$all" ] || { rm -f "$to"; have=0; }
free=$(df -Pk "$dir" | awk 'NR == 2 { print $4 }')
if [ "${free:-0}" -lt "$(((all - have) / 1024))" ]; then
	echo "the archive needs $(((all - have) / 1048576)) MiB in '$dir', but $((${free:-0} / 1024)) MiB are free" >&2
	exit 1
fi
# (Only whole blocks were confirmed.)
[ "$have" = "$all" ] || have=$((have / 1048576 * 1048576))
echo "$have"

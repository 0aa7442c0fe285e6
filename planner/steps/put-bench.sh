# put-bench.sh - keeps the result of a benchmark, which comes on stdin, beside the records
#	cluster  whose it is
# state.sh comes before this text.
# shellcheck shell=sh disable=SC2154
args 'cluster' '' "$@" || exit
umask 077
state_of "$cluster"
mkdir -p "$state" || exit 1
new=$state/.bench.$$
if dd of="$new" conv=fsync 2>/dev/null && [ -s "$new" ] && mv -f "$new" "$state/bench.json"; then
	exit 0
fi
rm -f "$new"
echo "cannot write '$state/bench.json': $(df -Pk "$state" | awk 'NR == 2 { print $4 }') KiB free" >&2
exit 1

# put-record.sh - writes the record of a step, which comes on stdin, to this node's disk, whole or
# not at all; or removes it
#	cluster, step  whose it is; the step as the name of a file
#	act            write or remove
# state.sh comes before this text.
# shellcheck shell=sh disable=SC2154
args 'cluster step act' '' "$@" || exit
umask 077
state_of "$cluster"
dir=$state/steps
if [ "$act" = remove ]; then
	rm -f "$dir/$step.json" "$dir/$step.end"
	exit
fi
mkdir -p "$dir" || exit 1
new=$dir/.$step.$$
# dd is what flushes one file everywhere; sync(1) would flush all disks on some nodes.
if dd of="$new" conv=fsync 2>/dev/null && [ -s "$new" ] && mv -f "$new" "$dir/$step.json"; then
	# How a run before this ended is of no use any more.
	[ ! -e "$dir/$step.end" ] || rm -f "$dir/$step.end"
	exit 0
fi
rm -f "$new"
echo "cannot write '$dir/$step.json': $(df -Pk "$dir" | awk 'NR == 2 { print $4 }') KiB free" >&2
exit 1

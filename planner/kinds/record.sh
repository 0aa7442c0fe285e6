# record.sh CLUSTER STEP write|remove - puts the record of a step, which comes on stdin,
# in its place on this node's disk, whole or not at all; or removes it. state.sh comes
# before this text.
# shellcheck shell=sh disable=SC2154
cluster=$1 step=$2 act=$3
umask 077
state_of "$cluster"
dir=$state/steps
if [ "$act" = remove ]; then
	rm -f "$dir/$step.json"
	exit
fi
mkdir -p "$dir" || exit 1
new=$dir/.$step.$$
# dd is what flushes one file everywhere; sync(1) would flush all disks on some nodes.
if dd of="$new" conv=fsync 2>/dev/null && [ -s "$new" ] && mv -f "$new" "$dir/$step.json"; then
	exit 0
fi
rm -f "$new"
echo "cannot write '$dir/$step.json': $(df -Pk "$dir" | awk 'NR == 2 { print $4 }') KiB free" >&2
exit 1

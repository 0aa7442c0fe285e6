# put-members.sh - writes members.json and the cluster's key, the first two lines of stdin; or
# removes all that dray has of this cluster on this node
#	cluster     the cluster
#	act         write or remove
#	shared_dir  where the folder .dray goes when it is empty
#	history     the name of this apply's entry in the history, which is the rest of stdin
# state.sh, downloading.sh and lockfile.sh come before this text.
# shellcheck shell=sh disable=SC2154
args 'cluster act' 'shared_dir history' "$@" || exit
umask 077
state_of "$cluster"
if [ "$act" = remove ]; then
	download_end
	rm -rf "$state"
	lock_of "$cluster" && rm -f "${lock%.lock}.${self%%@*}" "$lock" 2>/dev/null
	# The folders around it, unless another node or cluster has something there.
	rmdir "${state%/*}" "${state%/*/*}" 2>/dev/null
	[ -z "$shared_dir" ] || rmdir "$shared_dir/.dray" 2>/dev/null
	exit 0
fi
IFS= read -r members && [ -n "$members" ] || exit 1
IFS= read -r key
mkdir -p "$state" || exit 1
# put NAME: writes stdin to the file of that name.
put() {
	if dd of="$state/$1.$$" conv=fsync 2>/dev/null &&
		mv -f "$state/$1.$$" "$state/$1"; then
		return
	fi
	rm -f "$state/$1.$$"
	echo "cannot write '$state/$1': $(df -Pk "$state" | awk 'NR == 2 { print $4 }') KiB free" >&2
	exit 1
}
printf '%s\n' "$members" | put members.json || exit 1
# (In some shells printf is a program, whose words everybody sees.)
[ -z "$key" ] || KEY=$key awk 'BEGIN { print ENVIRON["KEY"] }' | put mackey || exit 1
[ -n "$history" ] || exit 0
# An apply does not fail because it cannot be written down here. The names sort by time.
mkdir -p "$state/history" && (put "history/$history.json") || exit 0
# shellcheck disable=SC2012 # names that dray made
ls -r "$state/history" | awk -v keep="$history_kept" 'NR > keep' | while IFS= read -r old; do
	rm -f "$state/history/$old"
done

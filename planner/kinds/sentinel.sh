# sentinel.sh write|read|remove SHARED CLUSTER NONCE NODE - proves that a directory is one
# and the same on all nodes: one node writes a file, each of the others must find it
# shellcheck shell=sh
act=$1 shared=$2 cluster=$3 nonce=$4 node=$5
umask 022
dir=$shared/.dray
file=$dir/sentinel-$cluster-$(printf '%.16s' "$nonce")
case $act in
write)
	mkdir -p "$dir" || exit 1
	# (Exactly 16 characters: the file of a cluster NAME-x is another.)
	rm -f "$dir/sentinel-$cluster-"????????????????
	printf '%s\n' "$nonce" >"$file" || exit 1
	;;
remove)
	rm -f "$file"
	rmdir "$dir" 2>/dev/null
	exit 0
	;;
read)
	# Network file systems may remember for some seconds that the directory was empty.
	tries=0
	until [ "$(cat "$file" 2>/dev/null)" = "$nonce" ]; do
		tries=$((tries + 1))
		if [ "$tries" -gt 10 ]; then
			echo "shared_dir '$shared' is not the same directory on $node: a file that" \
				"the head wrote there is not to be seen" >&2
			exit 1
		fi
		ls "$dir" >/dev/null 2>&1
		sleep 1
	done
	;;
esac

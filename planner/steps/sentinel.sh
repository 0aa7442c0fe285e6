# sentinel.sh - proves that a directory is one and the same on all nodes: one node writes a file,
# and each of the others must find it
#	act      write, read or remove
#	dir      the directory
#	cluster  whose file
#	nonce    what is in it
#	node     this node's name, for errors
# shellcheck shell=sh disable=SC2154
args 'act dir cluster nonce node' '' "$@" || exit
umask 022
folder=$dir/.dray
file=$folder/sentinel-$cluster-$(printf '%.16s' "$nonce")
case $act in
write)
	mkdir -p "$folder" || exit 1
	# (Exactly 16 characters: the file of a cluster NAME-x is another.)
	rm -f "$folder/sentinel-$cluster-"????????????????
	printf '%s\n' "$nonce" >"$file" || exit 1
	;;
remove)
	rm -f "$file"
	rmdir "$folder" 2>/dev/null
	exit 0
	;;
read)
	# Network file systems may remember for some seconds that the directory was empty.
	tries=0
	until [ "$(cat "$file" 2>/dev/null)" = "$nonce" ]; do
		tries=$((tries + 1))
		if [ "$tries" -gt "$shared_limit" ]; then
			echo "shared_dir '$dir' is not the same directory on $node: a file that" \
				"the head wrote there does not appear" >&2
			exit 1
		fi
		ls "$folder" >/dev/null 2>&1
		sleep 1
	done
	;;
esac

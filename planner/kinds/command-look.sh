# command-look.sh CHECK CREATES - is the work of a command in place? Prints "present", or
# "absent" and why; either may be "" for none. Changes nothing that CHECK does not.
# shellcheck shell=sh
check=$1 creates=$2

if [ -n "$creates" ] && ! [ -e "$creates" ] && ! [ -h "$creates" ]; then
	printf "absent '%s' is not there\n" "$creates"
	exit 0
fi
if [ -n "$check" ]; then
	said=$(sh -c "$check" check </dev/null 2>&1 3>&- 9>&-)
	status=$?
	if [ "$status" != 0 ]; then
		said=$(printf '%s\n' "$said" | tail -n 1 | cut -c 1-200)
		echo "absent its check fails: exit $status${said:+ ($said)}"
		exit 0
	fi
fi
echo present

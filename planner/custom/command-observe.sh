# command-observe.sh - is the work of a command in place? Prints "present", or "absent" and why.
# Changes nothing, unless the check does.
#	check    a command that succeeds then
#	creates  a path that is there then
# shellcheck shell=sh disable=SC2154
args '' 'check creates' "$@" || exit

if [ -n "$creates" ] && ! [ -e "$creates" ] && ! [ -h "$creates" ]; then
	printf "absent '%s' is not there\n" "$creates"
	exit 0
fi
if [ -n "$check" ]; then
	said=$(sh -c "$check" check </dev/null 2>&1 3>&- 8>&- 9>&-)
	status=$?
	if [ "$status" != 0 ]; then
		said=$(printf '%s\n' "$said" | tail -n 1 | cut -c 1-200)
		echo "absent its check fails: exit $status${said:+ ($said)}"
		exit 0
	fi
fi
echo present

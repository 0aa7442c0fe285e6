# whose.sh - whose something is that dray made: functions of the scripts that look at it or
# take it away; comes behind state.sh
# shellcheck shell=sh disable=SC2154,SC2034

# is_mine OWNER ID KNOWN: is the thing of this login whose mark says OWNER? What an earlier
# version made has no mark, and after the state folder moved the mark names the old place:
# then it is ours when its ID is the one that our own records name.
is_mine() {
	case $1 in
	"$self") return 0 ;;
	'' | "${self%%@*}@"*) [ -n "$2" ] && [ "$2" = "$3" ] ;;
	*) return 1 ;;
	esac
}
# login_of UID: its name, or UID when it has none.
login_of() {
	found=$(getent passwd "$1" 2>/dev/null) ||
		found=$(grep "^[^:]*:[^:]*:$1:" /etc/passwd 2>/dev/null)
	found=${found:-$1}
	printf '%s' "${found%%:*}"
}
# owner_words OWNER: who that is.
owner_words() {
	case $1 in
	*@) echo "login '$(login_of "${1%@}")' (uid ${1%@})" ;;
	*@*) echo "login '$(login_of "${1%%@*}")' (uid ${1%%@*}, state folder ${1#*@})" ;;
	*) echo "an owner that an earlier version of dray did not write down" ;;
	esac
}

# labels_of CONTAINER: its $id, $running (true or false), $label (the cluster) and $owner; fails with
# docker's words in $told.
labels_of() {
	told=$(docker inspect --type container --format \
		'{{.Id}} {{.State.Running}} {{with index .Config.Labels "dray.cluster"}}{{.}}{{end}} {{with index .Config.Labels "dray.owner"}}{{.}}{{end}}' \
		"$1" 2>&1) || return 1
	id=${told%% *} running=${told#"${told%% *}"}
	running=${running# } label=${running#"${running%% *}"}
	running=${running%% *}
	label=${label# } owner=${label#"${label%% *}"}
	label=${label%% *} owner=${owner# }
}
# is_ours NAME CLUSTER KNOWN: after labels_of. When it is not, $told says whose it is.
is_ours() {
	if [ "$label" != "$2" ]; then
		told="a container '$1' that is not ours"
	elif is_mine "$owner" "$id" "$3"; then
		return 0
	else
		told="container '$1' of $(owner_words "$owner")"
	fi
	return 1
}

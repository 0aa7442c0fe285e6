# kept-logs.sh - prints the newest kept report of everything that ran on this node
#	cluster  whose
#	node     the node's name
#	lines, bytes  as in container-diagnose.sh
# state.sh and keep.sh come before this text.
# shellcheck shell=sh disable=SC2154
args 'cluster node lines bytes' '' "$@" || exit
state_of "$cluster"
for file in "$state"/logs/*-20*Z.log; do
	[ -f "$file" ] || continue
	file=${file##*/}
	printf '%s\n' "${file%-20*}"
done | sort -u | while IFS= read -r name; do
	# Several nodes may be one machine.
	case $name in *@*) [ "${name#*@}" = "$node" ] || continue ;; esac
	show_kept "$(kept_of "$name" | head -n 1)" "$lines" "$bytes"
done

# print-history.sh - prints what put-members.sh kept of earlier applies, one a line
#	cluster  the cluster
# state.sh comes before this text.
# shellcheck shell=sh disable=SC2154
args 'cluster' '' "$@" || exit
state_of "$cluster"
for entry in "$state"/history/*.json; do
	[ ! -f "$entry" ] || cat "$entry"
done

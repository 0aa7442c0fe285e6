# process-diagnose.sh - prints a report about a process: its state, then the end of its log.
# planner/why/evidence.h describes it; lines of a log begin with a bar.
#	cluster, step  whose it is
#	lines  how many lines of the log
#	bytes  how many bytes of it, at most
#	from   of the log only what follows so many bytes; empty: its end
# process.sh and end-of-file.sh come before this text.
# shellcheck shell=sh disable=SC2154
args 'cluster step lines bytes' 'from' "$@" || exit
places "$cluster"
report_of "$step" "$lines" "$bytes" "$from"
exit 0

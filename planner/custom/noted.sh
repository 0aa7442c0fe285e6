# noted.sh - notes on the node how a command ended, so that this is known even if the connection to
# dray was lost. state.sh comes before it, and command-up.sh or command-down.sh after it, which set
# $cluster, $step and $apply.
# shellcheck shell=sh disable=SC2154

# note_begin up|down: removes an older note. Without $apply nothing is noted.
note_begin() {
	note='' note_head="$apply $1"
	[ -n "$apply" ] || return 0
	state_of "$cluster"
	note=$state/steps/$step
	rm -f "$note.end"
}

# note_end STATUS INSTANCE FILE: notes beside the record that the command ended so; FILE has its output.
note_end() {
	[ -n "$note" ] || return 0
	(
		umask 077
		{
			printf '%s %s %s %s\n' "$note_head" "$1" "$(date -u +%Y-%m-%dT%H:%M:%SZ)" "$2"
			tail -c 4096 "$3"
		} >"$note.new" && mv -f "$note.new" "$note.end"
	) 2>/dev/null || rm -f "$note.new"
}

# note_gone: removes the record of a command that is undone.
note_gone() { [ -z "$note" ] || rm -f "$note.json"; }

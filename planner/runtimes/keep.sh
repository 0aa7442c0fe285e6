# keep.sh - keeps reports of what ends beside the records, so that they outlive it; comes behind
# state.sh
# shellcheck shell=sh disable=SC2154

# keep NAME COMMAND...: what the command prints becomes the newest report of that name; $kept is
# its file, or empty if it has no log. The oldest go.
keep() {
	logs=$state/logs of=$1 kept=
	shift
	(umask 077 && mkdir -p "$logs" && "$@" >"$logs/.new-$of") || return 0
	if ! grep -q '^log ' "$logs/.new-$of"; then
		rm -f "$logs/.new-$of"
		return 0
	fi
	kept=$logs/$of-$(date -u +%Y%m%dT%H%M%SZ).log
	mv -f "$logs/.new-$of" "$kept" || kept=
	kept_of "$of" | tail -n "+$((kept_logs + 1))" | while IFS= read -r old; do rm -f "$old"; done
}

# kept_of NAME: the files of that name, the newest first.
kept_of() {
	for file in "$state/logs/$1"-20*Z.log; do
		[ -f "$file" ] && printf '%s\n' "$file"
	done | sort -r
}

# show_kept FILE LINES BYTES: its states, and the end of its log.
show_kept() {
	sed '/^log /q' "$1"
	sed '1,/^log /d' "$1" | tail -n "$2" | tail -c "$3"
	echo # the last line may lack its end
}

# died FILE: says when it ended, if it had, with the report for the one who asked.
died() {
	case $(sed -n 1p "$1") in 'state 20'*) ;; *) return 0 ;; esac
	sed -n '1s/^state /set died /p' "$1" >&3
	show_kept "$1" "$lines" "$bytes"
}

# files-look.sh - a function of observe.sh about the operator's files on a node; net.sh and state.sh
# come before it
# shellcheck shell=sh disable=SC2154

# files_sums KEY/NAME...: sha256sum of those that are there.
files_sums() {
	cd "$state/files" || return
	for file; do
		shift
		[ ! -f "$file" ] || set -- "$@" "$file"
	done
	[ $# -gt 0 ] || return
	exec sha256sum "$@"
}
# files_facts "KEY/NAME KEY/NAME": the content and the mode of each that is there. All of them take
# one process; mode_of is observe.sh's.
files_facts() {
	# shellcheck disable=SC2086
	told=$(files_sums $1)
	[ -z "$told" ] || while read -r sum file; do
		mode_of "$state/files/$file"
		fact carried "$file" "$sum" "$mode"
	done <<-END
		$told
	END
}

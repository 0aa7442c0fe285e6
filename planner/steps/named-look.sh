# named-look.sh - a function of observe.sh about what the spec names on a node: paths, users,
# groups; net.sh comes before it
# shellcheck shell=sh disable=SC2154

# named_path PATH: $is, what it is, and $reads, whether this login may read it. Behind a folder
# that this login may not search it cannot be seen; root may.
named_path() {
	is=none reads=no up=$1
	[ ! -r "$1" ] || reads=yes
	if [ -d "$1" ]; then is=dir
	elif [ -f "$1" ]; then is='file'
	elif [ -c "$1" ] || [ -b "$1" ]; then is=device
	elif [ -e "$1" ]; then is=other
	else
		while up=${up%/*} && [ -n "$up" ]; do
			[ -d "$up" ] || continue
			[ -x "$up" ] || is=unseen
			break
		done
	fi
}
# named_number NAME DATABASE: $is, the number of that user or group, or "-". Those of a directory
# service are not in the file.
named_number() {
	is=-
	while IFS=: read -r name _ number _; do
		[ "$name" != "$1" ] || { is=$number && return; }
	done <"/etc/$2"
	! told=$(exec getent "$2" "$1") || { told=${told#*:*:} is=${told%%:*}; }
}
# named_facts LINES: "path NAME", "user NAME" or "group NAME" -> facts.
named_facts() {
	while read -r kind of_it; do
		reads=-
		case $kind in
		path) named_path "$of_it" ;;
		user) named_number "$of_it" passwd ;;
		group) named_number "$of_it" group ;;
		esac
		fact named "$kind" "$of_it" "$is" "$reads"
	done <<-END
		$1
	END
}

# giving.sh - the files of a model that this node has, as another node asks for them; comes before
# weights-give.sh and weights-send.sh
# shellcheck shell=sh disable=SC2154
#
# $list is a file with what the model consists of, SIZE, TAB, BLOB, TAB, PATH a line; $cache is the
# model's folder in the cache of models, $commit its commit. A block is 1 MiB.

# giving_find N: sets $size of file N of the list, $file, where as much of it is as there is, and
# $have, how much that is.
giving_find() {
	file='' have=0
	while IFS='	' read -r size blob path; do
		[ "$((number = number + 1))" -eq "$1" ] && break
		size=
	done <"$list"
	number=0
	[ -n "$size" ] || return 1
	set -- "$cache/snapshots/$commit/$path" "$cache/blobs/$blob"
	[ "$blob" != - ] || set -- "$1" "$1"
	# What comes from a third node grows beside its place.
	for at in "$1" "$2" "$2.sent.incomplete"; do
		[ -f "$at" ] || continue
		have=$(stat -L -c %s "$at" 2>/dev/null) || continue
		file=$at
		# What is in its place is whole, or of no use.
		[ "$have" -ne "$size" ] || return 0
		[ "$at" = "$2.sent.incomplete" ] && return 0
	done
	file='' have=0
}
number=0

# giving BLOCK FIRST [COUNT]: prints file $1 of the list from block $2 on, as it comes; with
# COUNT, what is there of so many blocks.
giving() {
	at_block=$2 quiet=0
	while giving_find "$1" || { echo "there is no file $1 in the list" >&2; return 64; }; do
		# (A node that has a layer of an image does not get its file.)
		if [ -z "$file" ] && [ -e "$cache/blobs/$blob.sent.skipped" ]; then
			echo "'$path' does not come there" >&2
			return 69
		fi
		blocks=$((have / 1048576 - at_block))
		[ "$have" -ne "$size" ] || blocks=$(((size + 1048575) / 1048576 - at_block))
		[ -z "${3-}" ] || [ "$blocks" -le "$3" ] || blocks=$3
		# (It may be put into its place just now.)
		if [ "$blocks" -gt 0 ] && { command exec 5<"$file"; } 2>/dev/null; then
			dd bs=1048576 skip="$at_block" count="$blocks" <&5 2>/dev/null || return 74
			exec 5<&-
			at_block=$((at_block + blocks)) quiet=0
		elif [ "$have" -ne "$size" ] && [ -z "${3-}" ]; then
			quiet=$((quiet + 1))
			if [ "$quiet" -gt "$((spread_stall * 2))" ] || [ ! -e "$list" ]; then
				echo "for $spread_stall s no more of '$path' came there" >&2
				return 69
			fi
			sleep 0.5 2>/dev/null || sleep 1
		fi
		[ -z "${3-}" ] || return 0
		[ "$have" -ne "$size" ] || [ "$((at_block * 1048576))" -lt "$size" ] || return 0
	done
}

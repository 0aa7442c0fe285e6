# archive-here.sh - on the machine that dray runs on: the configuration of an image in an archive
#	archive  the file
#	ref      the image
#	unpack   yes: also of one that is packed, which takes long
# Prints a line "is packed", "is other" or "is read", or "needs" and the program that is missing, or "lacks"
# and the names that the archive has; behind "is read" the configuration, byte for byte.
# archive.sh comes before this text.
# shellcheck shell=sh disable=SC2154
args 'archive ref' 'unpack' "$@" || exit
may=$unpack
archive_kind "$archive"
if [ -n "$unpack" ]; then
	[ "$may" = yes ] || { echo is packed; exit; }
	command -v "${unpack%% *}" >/dev/null || { echo "needs ${unpack%% *}"; exit; }
fi
archive_read "$archive" "$ref" || { echo is other; exit; }
[ -n "$config" ] || { echo "lacks ${names:-several without names}"; exit; }
echo is read
printf %s "$archive_told"

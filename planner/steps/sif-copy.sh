# sif-copy.sh - a SIF file goes from the node that has it to the others, as one file of a copy
#	act       pack: on the node that has it: prints SIZE, TAB, SHA256, TAB, PATH. has: is it here already? load:
#	          puts what has come in its place. drop: removes the rest
#	sif       the file
#	image_id  what it must be: the hash of its header and size
#	dir       where copies of images are, in the layout of a cache of models
#	copy      the name of this one
#	from      the node that gives
# stdin: what pack printed. Fact "whole": it is here. sif-look.sh comes before this text.
# shellcheck shell=sh disable=SC2015,SC2154
args 'act sif image_id dir copy' 'from' "$@" || exit
umask 022
tab='	'
cache=$dir/hub/$copy
die() {
	printf '%s\n' "$@" >&2
	exit 1
}
if [ "$act" = drop ]; then
	rm -rf "$dir"
	rmdir "${dir%/*}" "${dir%/*/*}" 2>/dev/null
	exit 0
fi
# same FILE PLACE: gives the file that name, too, without a second copy where that can be.
same() { ln -f "$1" "$2" 2>/dev/null || cp "$1" "$2"; }
sif_id "$sif"
case $act in
pack)
	[ "$sif_id" = "$image_id" ] || die "'$sif' is not what it was when the plan was made"
	if read -r size hash _ <"$cache/packed" 2>/dev/null && [ "$(stat -c %s "$cache/blobs/$hash" 2>/dev/null)" = "$size" ]; then
		cat "$cache/packed"
		exit 0
	fi
	for old in "$dir/hub"/*; do rm -rf "$old"; done
	mkdir -p "$cache/blobs" || exit 1
	printf 'progress reading %s\n' "$sif" >&3
	hash=$(sha256sum <"$sif") || exit 1
	hash=${hash%% *}
	same "$sif" "$cache/blobs/$hash" || die "'$sif' cannot be linked in '$dir'"
	printf '%s\t%s\t%s\n' "$(stat -c %s "$cache/blobs/$hash")" "$hash" a.sif >"$cache/packed" || exit 1
	cat "$cache/packed"
	;;
has)
	if [ "$sif_id" = "$image_id" ]; then
		printf 'set whole yes\nset output %s\n' "$image_id" >&3
		exit 0
	fi
	for old in "$dir/hub"/*; do [ "$old" = "$cache" ] || rm -rf "$old"; done
	mkdir -p "$cache/blobs" || exit 1
	IFS=$tab read -r size hash _
	have=$(stat -c %s "$cache/blobs/$hash.sent.incomplete" 2>/dev/null) || have=0
	free=$(df -Pk "$dir" | awk 'NR == 2 { print $4 }')
	[ "${free:-0}" -ge $(((size - have) / 1024)) ] ||
		die "the image needs $(((size - have) / 1048576)) MiB in '$dir', but $((${free:-0} / 1024)) MiB are free"
	;;
load)
	IFS=$tab read -r size hash _
	if [ "$sif_id" != "$image_id" ]; then
		sif_id "$cache/blobs/$hash"
		[ "$sif_id" = "$image_id" ] || die "the image as it came from ${from:-another node} is another one than there"
		mkdir -p "${sif%/*}" || exit 1
		same "$cache/blobs/$hash" "$sif.new.$$" && mv -f "$sif.new.$$" "$sif" || die "'$sif' cannot be written"
	fi
	printf 'set output %s\n' "$image_id" >&3
	;;
esac

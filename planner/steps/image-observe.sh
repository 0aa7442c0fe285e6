# image-observe.sh - looks into an image for the engine and for what its other backend needs, in a
# container that ends at once, and keeps what it found beside the records
#	cluster       whose records
#	ref           the image
#	image_id_sh   the text of image-id.sh
#	engine        the engine's package, and
#	engine_title  its name for the user
#	needs         the package that backend `other` needs, and
#	needs_title   its name for the user
#	backend       what the plan took backend auto for; empty: auto was not asked for
#	other         what backend auto means when `needs` is in the image
#	broken, mended  the engine's versions from `broken` on and before `mended` cannot do `backend`
# Reports "set again REASON" when backend auto turns out to mean `other`, or when the engine is a
# version that cannot do it. The words are further arguments of docker run. state.sh comes before
# this text.
# shellcheck shell=sh disable=SC2154
args 'cluster ref image_id_sh engine engine_title needs needs_title other' \
	'backend broken mended' "$@" || exit
shift "$args"
die() {
	printf '%s\n' "$@" >&2
	exit 1
}
id=$(sh -c "$image_id_sh" image-id "ref=$ref") || die "image '$ref' is not on this node"
printf 'progress looking into %s\n' "$ref" >&3
# shellcheck disable=SC2016
look='version() {
	python3 -c "import sys, importlib.metadata as m; print(m.version(sys.argv[1]))" "$1" 2>/dev/null ||
		"$1" --version 2>/dev/null | grep -o "[0-9][0-9.]*[0-9][^ ]*" | head -n 1
}
found="@@"
for p in "$@"; do
	v=
	if command -v "$p" >/dev/null; then v=$(version "$p"); v=${v:-present}; fi
	found="$found ${v:--}"
done
echo "$found"'
told=$(docker run --rm --network none "$@" --entrypoint /bin/sh "$ref" -c "$look" look "$needs" "$engine" \
	2>&1 3>&-) ||
	die "a look into image '$ref' failed: $told"
found=$(printf '%s\n' "$told" | sed -n 's/^@@ //p' | tail -n 1)
[ -n "$found" ] || die "a look into image '$ref' found nothing: $told"

state_of "$cluster"
dir=$state/images
(umask 077 && mkdir -p "$dir" && printf '%s\n' "$found" >"$dir/.new" &&
	mv -f "$dir/.new" "$dir/${id#sha256:}") || exit 1
# older A B: is version A older than version B?
older() {
	printf '%s\n%s\n' "$1" "$2" | awk -F. '{ for (i = 1; i < 4; i++) v[NR, i] = $i + 0 }
		END { for (i = 1; i < 4; i++) if (v[1, i] != v[2, i]) exit v[1, i] > v[2, i]; exit 1 }'
}
case $backend:$found in
:*) ;;
*:-\ [0-9]*)
	if [ -n "$broken" ] && ! older "${found#* }" "$broken" && older "${found#* }" "$mended"; then
		printf 'set again %s\n' "image '$ref' has $engine_title ${found#* }, which cannot do backend $backend over nodes" >&3
	fi
	;;
*:-*) ;;
*)
	printf 'set again %s\n' "image '$ref' has $needs_title ${found%% *} in it, so backend auto means $other" >&3
	;;
esac
exit 0

# files-put.sh - writes one of the operator's files, which comes on stdin, beside the records:
# whole and of the right content, or not at all
#	cluster  whose it is
#	path     KEY/NAME, below the folder of the files
#	sha256   what the sum of its bytes must be
#	mode     who may read it, such as 0644
# state.sh comes before this text.
# shellcheck shell=sh disable=SC2154
args 'cluster path sha256 mode' '' "$@" || exit
umask 077
state_of "$cluster"
folder=$state/files
# Others may look in once they are here, as in a container; the folders around it are closed.
mkdir -p "$folder/${path%/*}" && chmod 755 "$folder" "$folder/${path%/*}" || exit 1
new=$folder/.${path##*/}.$$
trap 'trap "" TERM; rm -f "$new"' EXIT
trap 'exit 143' TERM # what takes too long is ended so
dd of="$new" conv=fsync 2>/dev/null || {
	echo "cannot write '$new': $(df -Pk "$folder" | awk 'NR == 2 { print $4 }') KiB free" >&2
	exit 1
}
now=$(sha256sum <"$new") || exit 1
if [ "${now%% *}" != "$sha256" ]; then
	echo "what arrived has sha256 ${now%% *}, not $sha256" >&2
	exit 1
fi
chmod "$mode" "$new" && mv -f "$new" "$folder/$path"

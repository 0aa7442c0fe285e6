# sif-look.sh - functions of scripts that look at a SIF file
# shellcheck shell=sh disable=SC2034,SC2154

# sif_id FILE: $sif_id, the hash of its header and its size; empty if it is no SIF file. The header is
# 128 bytes: "#!...", "SIF_MAGIC", its version, an architecture, a UUID, times, and how many parts it
# has (github.com/apptainer/sif, pkg/sif). A copy has the same, and a new build another one.
sif_id() {
	sif_id=
	case $(exec dd if="$1" bs=1 skip=32 count=9 2>/dev/null) in SIF_MAGIC) ;; *) return 1 ;; esac
	sif_id=$({ dd if="$1" bs=128 count=1 2>/dev/null; stat -L -c %s "$1"; } | sha256sum) && sif_id=sha256:${sif_id%% *}
}
# sif_facts COMMAND FILE VENV OWN: the line about them. OWN: "own" if the user made the file.
sif_facts() {
	version=- made=- why=-
	! command -v "$1" >/dev/null 2>&1 || version=$(in_time "$driver_limit" "$1" --version </dev/null)
	if sif_id "$2"; then
		{ IFS= read -r made <"$3/image"; } 2>/dev/null || made=-
	elif [ -d "$2" ]; then
		why='is a folder'
	elif [ -e "$2" ]; then
		why='is no SIF file'
	elif [ -L "$2" ]; then
		why='is a link to nothing'
	elif [ "$4" = own ]; then
		why='does not exist'
	fi
	fact sif "${version:--}" "${sif_id:--}" "$made" "$why"
}

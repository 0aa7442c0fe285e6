# safetensors.sh - prints what the headers of the safetensors files in a directory say, as
# planner/layout/tensors.h has it: a first line, then DTYPE COUNT BYTES NAME, then "end". Changes
# nothing. Only files that vLLM would load are read, and only their headers.
#	dir  the directory
# shellcheck shell=sh disable=SC2154
args 'dir' '' "$@" || exit
LC_ALL=C PATH=$PATH:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export LC_ALL PATH
max=16777216
fail() { echo "$1" >&2; exit 1; }
cd "$dir" 2>/dev/null || fail "there is no '$dir'"

files=0
set --
for file in *.safetensors; do
	case $file in '*.safetensors' | consolidated*) continue ;; esac
	[ ! -f model.safetensors.index.json ] || grep -qF "\"$file\"" model.safetensors.index.json || continue
	files=$((files + 1))
	set -- "$@" "$file"
done
[ $files -gt 0 ] || fail "it has no safetensors files"
[ $files -le 2000 ] || fail "it has more than 2000 safetensors files"

# header FILE: prints its tensors. The eight bytes before a header are its length, the lowest first.
# Each tensor ends with a brace; its bytes are between its two offsets. The highest offset is the
# end of the file.
header() {
	size=$(stat -L -c %s "$1")
	n=$(head -c 8 "$1" | od -An -v -tu1 | awk -v max=$max '
		NF == 8 { for (i = 8; i >= 1; i--) n = n * 256 + $i; if (n >= 2 && n <= max) printf "%.0f", n }')
	[ -n "$n" ] || { printf 'torn\t%s: it has no safetensors header\n' "$1"; return; }
	head -c "$((n + 8))" "$1" | tail -c +9 | awk -v name="$1" -v size="${size:-0}" -v n="$n" '
	BEGIN { RS = "}" }
	{
		if (!match($0, /"data_offsets" *: *\[ *[0-9]+ *, *[0-9]+/)) next
		at = substr($0, RSTART, RLENGTH); sub(/.*\[ */, "", at); split(at, to, / *, */)
		if (!match($0, /"dtype" *: *"[A-Z0-9_]+"/)) next
		dtype = substr($0, RSTART, RLENGTH - 1); sub(/.*"/, "", dtype)
		if (!match($0, /"[^" \t]+" *: *\{/)) next
		tensor = substr($0, RSTART + 1, RLENGTH - 1); sub(/".*/, "", tensor)
		gsub(/\.experts\.[0-9]+\./, ".experts.*.", tensor)
		if (to[2] > end) end = to[2] + 0
		printf "%s\t1\t%.0f\t%s\n", dtype, to[2] - to[1], tensor
	}
	END {
		if (end + n + 8 != size)
			printf "torn\t%s: it has %.0f bytes, but its header says %.0f\n",
				name, size, end + n + 8
	}'
}
echo "tensors 1 $files"
for file; do header "$file"; done | awk -F'\t' '
	$1 == "torn" { torn = $2; exit }
	{ count[$1 "\t" $4] += $2; bytes[$1 "\t" $4] += $3 }
	END {
		if (torn != "") { print torn | "cat >&2"; exit 1 }
		for (key in count) {
			split(key, k, "\t")
			printf "%s\t%d\t%.0f\t%s\n", k[1], count[key], bytes[key], k[2]
		}
		print "end"
	}'

# model-look.sh - functions of observe.sh that look at a model's files; net.sh comes before them
# shellcheck shell=sh disable=SC2154

# model_files FILE...: "MODE SIZE TIME FILE" of each that is there.
model_files() { exec stat -L -c '%f %s %Y %n' "$@"; }
# model_about DIR BYTES SUM SAMPLE: its configuration, at most 128 KiB of it, escaped as in fact; which
# files its index names that are not there; and the bytes of all tensors by that index, with what is
# known of the files themselves. stdin: lines that end with the name of a file there.
model_about() {
	about='' index=''
	for f in "$1/params.json" "$1/config.json"; do
		[ ! -f "$f" ] || about=$f
	done
	for f in pytorch_model.bin consolidated.safetensors model.safetensors; do
		[ ! -f "$1/$f.index.json" ] || index=$1/$f.index.json
	done
	awk -v about="$about" -v places="$index" -v bytes="$2" -v sum="$3" -v sample="$4" '
	{ sub(/.*\//, ""); there[$0] }
	END {
		while (about != "" && n < 131072 && (getline line < about) > 0) {
			line = substr(line, 1, 131072 - n); n += length(line) + 1
			gsub(/\\/, "&&", line); gsub(/\t/, "\\t", line)
			text = text (lines++ ? "\\n" : "") line
		}
		if (about != "") print "config\t" text
		RS = ","
		while (places != "" && (getline line < places) > 0) {
			if (total == "" && match(line, /"total_size": *[0-9]+/)) {
				total = substr(line, RSTART, RLENGTH); sub(/.*[: ]/, "", total)
			}
			if (!match(line, /"[^"\/\\]*[.](safetensors|bin)"/)) continue
			file = substr(line, RSTART + 1, RLENGTH - 2)
			if (!(file in there)) print "lacks\t" file
			there[file]
		}
		printf "weights\t%s\t%.0f\t%s\t%s\n", total == "" ? "-" : total, bytes, sum, sample
	}'
}
# model_links DIR AS DEPTH LEVEL: which other directories the links in DIR lead to, as facts. The
# engine sees DIR as AS, and follows the links from there: a link with ".." leads from AS, not from
# what DIR itself may be a link to. What they lead to may have links again.
model_links() {
	QUOTING_STYLE=literal find "$1/" -maxdepth "$3" -type l ! -path "*$nl*" -exec stat -c "link %n$nl%N" {} + |
		DIR=$1 AS=$2 ROOT=$path awk -v q="'" '
	BEGIN { dir = ENVIRON["DIR"]; as = ENVIRON["AS"]; root = ENVIRON["ROOT"] }
	function plain(path,    part, n, i, out, k) {
		n = split(path, part, "/")
		for (i = 1; i <= n; i++) {
			if (part[i] == "" || part[i] == ".") continue
			if (part[i] == "..") { if (k) k--; continue }
			out[++k] = part[i]
		}
		path = ""
		for (i = 1; i <= k; i++) path = path "/" out[i]
		return path == "" ? "/" : path
	}
	{
		if (link == "") { if ($1 == "link") link = substr($0, 6); next }
		# Some stat quote both names.
		from = link; link = ""; to = ""
		if (index($0, from " -> ") == 1) to = substr($0, length(from) + 5)
		else if (index($0, q from q " -> " q) == 1) to = substr($0, length(from) + 8, length($0) - length(from) - 8)
		if (to == "") next
		sub(/\/[^\/]*$/, "", from)
		if (to !~ /\//) to = "./" to
		sub(/\/[^\/]*$/, "", to); if (to == "") to = "/"
		place = plain(to ~ /^\// ? to : as substr(from, length(dir) + 1) "/" to)
		if ((place "/") ~ /\t/ || index(place "/", root "/") == 1 || place in seen) next
		seen[place]
		print place "\t" from "\t" to
	}' | while IFS=$tab read -r place from to; do
		real=$(cd -P "$from" && cd -P "$to" && pwd -P) || continue
		fact mount "$real" "$place"
		[ "$4" -ge 3 ] || (model_links "$real" "$place" 1 $(($4 + 1)))
	done
}
# model_sampled FILE...: a hash of the start and the end of each, and of the middle of two; or of
# all that they have. It is compared between nodes. $sizes: as model_middles reads it.
model_sampled() {
	if [ -n "$verify" ]; then
		sampled=$(cat "$@" | sha256sum)
	else
		sampled=$({ head -q -c 65536 "$@"; tail -q -c 65536 "$@"; model_middles 65536; } | sha256sum)
	fi && sampled=${sampled%% *}
}
# model_middles BYTES: so many from the middle of the first two that have more than 1 MiB; $sizes has
# "# SIZE FILE" lines.
model_middles() {
	middles=0
	while [ $middles -lt 2 ] && read -r _ size f; do
		[ "$size" -gt 1048576 ] || continue
		middles=$((middles + 1))
		dd bs="$1" skip=$((size / 2 / $1)) count=1 <"$f"
	done <<-END
		$sizes
	END
}
# model_samples: of each blob a number that its first and last KiB make, and of two of them one for
# their middles: facts. Here is `snapshots`.
model_samples() {
	set --
	for f in ../blobs/*; do
		case $f in *.incomplete) continue ;; esac
		[ ! -f "$f" ] || [ $# -ge 1000 ] || set -- "$@" "$f"
	done
	[ $# -gt 0 ] || return 0
	sizes=$(exec stat -c '# %s %n' "$@")
	{
		printf '%s\n' "$sizes"
		{ head -q -c 1024 "$@"; tail -q -c 1024 "$@"; model_middles 1024; } | od -An -v -tu1
	} | awk '
	$1 == "#" { sub(/.*\//, "", $3); size[++n] = $2; blob[n] = $3; sum[n] = $2 % 65521; next }
	# After the ends of all of them there are the middles of two.
	function next_part() {
		do {
			if (++at > n) { at = 1; phase++ }
			left = size[at] < 1024 ? size[at] : 1024
			if (phase == 2 && size[at] <= 1048576) left = 0
		} while (!left && phase < 3)
	}
	{
		for (i = 1; i <= NF; i++) {
			if (!left) next_part()
			left--
			if (phase == 2) middle[at] = (middle[at] * 31 + $i) % 4294967291
			else sum[at] = (sum[at] * 31 + $i) % 4294967291
		}
	}
	END { for (k = 1; k <= n; k++) printf "sample\t%s\t%.0f\t%s\n", blob[k], sum[k], k in middle ? sprintf("%.0f", middle[k]) : "-" }'
}
# model_wrong: prints the blobs that are not what their names say, which are hashes. Here is
# `snapshots`.
model_wrong() {
	set --
	for f in ../blobs/*; do
		name=${f##*/}
		case ${#name}$name in
		*[!0-9a-f]*) ;;
		64*) set -- "$@" "$f" ;;
		32*)
			sum=$(md5sum <"$f")
			[ "${sum%% *}" = "$name" ] || echo "wrong $name"
			;;
		40*)
			sum=$({ printf 'blob %s\000' "$(exec stat -c %s "$f")"; cat "$f"; } | sha1sum)
			[ "${sum%% *}" = "$name" ] || echo "wrong $name"
			;;
		esac
	done
	[ $# = 0 ] || sha256sum "$@" | awk '{ name = $2; sub(/.*\//, "", name); if (name != $1) print "wrong " name }'
}
# model_path PATH COMPARE: facts of model.path; with COMPARE, what its content is like, too.
model_path() {
	path=${1%/} kind=none linked='' own=''
	if [ -d "$path" ]; then
		kind=dir
		[ -r "$path" ] && [ -x "$path" ] || kind=closed
	elif [ -f "$path" ]; then
		kind='file'
		[ -r "$path" ] || kind=closed
	elif [ -L "$path" ]; then
		kind=broken
	fi
	if [ $kind = none ] || [ $kind = broken ]; then
		lost "$path/."
		case $lost in '') ;; 'Permission denied') kind=closed ;; *) kind=dead ;; esac
	fi
	fact path "$kind"
	case $kind in
	file) set -- "$path" "$2" ;;
	dir) set -- "$path"/* "$2" ;;
	*) return ;;
	esac
	compare='' left=$#
	for f; do
		shift
		left=$((left - 1))
		if [ $left = 0 ]; then
			compare=$f
		elif [ ! -e "$f" ]; then
			[ ! -L "$f" ] || fact model "${f##*/}" -1 -
		elif [ $# -lt 2000 ]; then
			[ ! -L "$f" ] && [ ! -d "$f" ] || linked=yes
			set -- "$@" "$f"
		fi
	done
	[ $# -gt 0 ] || return
	files=$(model_files "$@")
	set --
	bytes=0 other=0 sizes=
	[ -f "$path/config.json" ] || own=yes
	while read -r mode size _ f; do
		name=${f##*/}
		case $mode in
		4*)
			fact model "$name/" 0 -
			[ "$name" != snapshots ] || for in in "$f"/*; do
				[ ! -d "$in" ] || fact model "$name/${in##*/}/" 0 -
			done
			continue
			;;
		esac
		fact model "$name" "$size" -
		case $name in
		*.json | *.safetensors | *.bin | *.gguf | *.model | *.txt | *.jinja | *.tiktoken | *.py)
			set -- "$@" "$f"
			sizes="$sizes# $size $f$nl"
			;;
		esac
		case $name in
		consolidated*.safetensors) [ -z "$own" ] || bytes=$((bytes + size)) ;;
		*.safetensors) bytes=$((bytes + size)) ;;
		*.bin | *.gguf) other=$((other + size)) ;;
		esac
	done <<-END
		$files
	END
	[ $bytes != 0 ] || bytes=$other
	sum=$(exec sha256sum <<-END
		$files
	END
	)
	sampled=-
	[ -z "$compare" ] || [ $# = 0 ] || model_sampled "$@"
	model_about "$path" "$bytes" "${sum%% *}" "$sampled" <<-END
		$files
	END
	[ -z "$linked" ] || [ $kind = file ] || model_links "$path" "$path" 3 1
}
# model_listed: the files of all snapshots of a repository, in the folder of which this is
# `snapshots`. Names of blobs are their hashes; a snapshot is links to them. What was verified and has
# changed since, or has another hash, is no blob of that name: weights-take.sh.
model_listed() {
	[ -z "$compare" ] || model_samples
	{
		[ -z "$verify" ] || model_wrong
		QUOTING_STYLE=literal find ../blobs . -path "*$nl*" -o -type f ! -name '*.incomplete' -exec stat -c 'file %s %Y %n' {} + -o \
			-type l -exec stat -c "link %n$nl%N" {} +
	} | awk '
	# Of a link, stat may quote both names. The second one ends in that of a blob.
	from_link != "" {
		to = $0; sub(/.* -> /, "", to); sub(/.*\//, "", to); gsub(/[^A-Za-z0-9._-]/, "", to)
		link[++links] = from_link; leads[links] = to
		from_link = ""
		next
	}
	BEGIN {
		while ((getline line < "../.dray-verified") > 0) { split(line, f, " "); was[f[3]] = f[1] " " f[2] }
	}
	$1 == "wrong" { was[$2] = "another" }
	$1 == "file" {
		from = $0; sub(/^file [0-9]* [0-9]* /, "", from)
		if (sub(/^\.\.\/blobs\//, "", from)) {
			sub(/.*\//, "", from); size[from] = $2
			name[from] = from in was && was[from] != $2 " " $3 ? "changed" : from
		}
		else { sub(/^\.\//, "", from); print "model\t" escaped(from) "\t" $2 "\t-" }
	}
	$1 == "link" { from_link = substr($0, 6); sub(/^\.\//, "", from_link) }
	function escaped(s) { gsub(/\\/, "&&", s); gsub(/\t/, "\\t", s); return s }
	END {
		for (i = 1; i <= links; i++) {
			to = leads[i]
			if (to in size) print "model\t" escaped(link[i]) "\t" size[to] "\t" name[to]
			else print "model\t" escaped(link[i]) "\t-1\t-"
		}
	}'
}
# model_commit REVISION: $commit, the snapshot here that it is; and $partial, a download that did
# not end.
model_commit() {
	commit='' partial=''
	[ ! -f "../refs/$1" ] || { read -r commit || :; } <"../refs/$1"
	# A commit is meant itself.
	case $1 in *[!0-9a-f]*) ;; *) [ ${#1} != 40 ] || commit=$1 ;; esac
	case $commit in *[!0-9a-f]*) commit= ;; esac
	[ -n "$commit" ] && [ -d "$commit" ] || commit=
	for f in ../blobs/*.incomplete; do
		[ ! -e "$f" ] || partial=${f##*/}
	done
}
# model_cached DIR REVISION: what the cache has of a model of the Hub: all files of all its
# snapshots, and which one the revision is.
model_cached() {
	cd "$1/snapshots" || return
	model_listed
	model_commit "$2"
	if [ -n "$commit" ]; then
		fact snapshot "$commit"
		for f in "$commit"/*; do
			[ ! -e "$f" ] || printf '%s\n' "$f"
		done | model_about "$commit" 0 - -
		[ -z "$partial" ] || fact partial "$partial"
	fi
	cd /
}
# model_repos CACHE "FOLDER REVISION ...": the same of other repositories; those with a download
# that did not end have no commit.
model_repos() {
	cache=$1
	# shellcheck disable=SC2086
	set -- $2
	while [ $# -ge 2 ]; do
		if cd "$cache/$1/snapshots"; then
			model_listed
			model_commit "$2"
			[ -z "$commit" ] || [ -n "$partial" ] || fact repo "$1" "$commit"
			cd /
		fi
		shift 2
	done
}

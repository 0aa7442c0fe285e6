# model-look.sh - functions of observe.sh that look at a model's files; net.sh comes before them
# shellcheck shell=sh disable=SC2154

# model_files FILE...: "MODE SIZE TIME FILE" of each that is there.
model_files() { exec stat -L -c '%f %s %Y %n' "$@"; }
# model_about DIR: sets $about, the file with its configuration, and $index, that of its tensors.
model_about() {
	about='' index=''
	for f in "$1/params.json" "$1/config.json"; do
		[ ! -f "$f" ] || about=$f
	done
	for f in pytorch_model.bin consolidated.safetensors model.safetensors; do
		[ ! -f "$1/$f.index.json" ] || index=$1/$f.index.json
	done
}
# A function of awk for what model_about found. It prints the configuration, at most 128 KiB of it,
# escaped as in fact; which files the index names that are not in there[]; and the bytes of all tensors
# by that index, with what is known of the files themselves.
# shellcheck disable=SC2016
model_told='
	function escaped(s) { gsub(/\\/, "&&", s); gsub(/\t/, "\\t", s); return s }
	function told(about, index_file, held, sum, sample,    line, n, lines, text, total, file) {
		while (about != "" && n < 131072 && (getline line < about) > 0) {
			line = substr(line, 1, 131072 - n); n += length(line) + 1
			text = text (lines++ ? "\\n" : "") escaped(line)
		}
		if (about != "") print "config\t" text
		RS = ","
		while (index_file != "" && (getline line < index_file) > 0) {
			if (total == "" && match(line, /"total_size": *[0-9]+/)) {
				total = substr(line, RSTART, RLENGTH); sub(/.*[: ]/, "", total)
			}
			if (!match(line, /"[^"\/\\]*[.](safetensors|bin)"/)) continue
			file = substr(line, RSTART + 1, RLENGTH - 2)
			if (!(file in there)) print "lacks\t" file
			there[file]
		}
		printf "weights\t%s\t%.0f\t%s\t%s\n", total == "" ? "-" : total, held, sum, sample
	}'
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
# model_ends BYTES FILE...: so much from the start and the end of each, and from the middle of the first
# two that have more than 1 MiB. $sizes has "SIZE FILE" lines. It ends the shell, so that the last dd
# takes its place.
model_ends() {
	bytes=$1 one=
	shift
	head -q -c "$bytes" "$@"
	tail -q -c "$bytes" "$@"
	while read -r size f; do
		[ "$size" -gt 1048576 ] || continue
		[ -z "$one" ] || exec dd bs="$bytes" skip=$((size / 2 / bytes)) count=1 <"$f"
		one=$f
		dd bs="$bytes" skip=$((size / 2 / bytes)) count=1 <"$f"
	done <<-END
		$sizes
	END
	exit
}
# model_read FILE...: what is compared of them: all they have, or their ends and middles.
model_read() { if [ -n "$verify" ]; then exec cat "$@"; else model_ends 65536 "$@"; fi; }
# model_hashed FILE...: the list $files, "sums" and its hash; then that of the files.
model_hashed() {
	printf '%s\n' "$files" sums
	exec sha256sum "$@" 3<<-END
		$files
	END
}
# model_sums: the facts about a folder of which model_hashed tells.
model_sums() {
	exec awk -v about="$about" -v places="$index" -v held="$bytes" "$model_told"'
	sums { sum[++n] = $1; next }
	$0 == "sums" { sums = 1; next }
	{ sub(/.*\//, ""); there[$0] }
	END { told(about, places, held, sum[1] == "" ? "-" : sum[1], sum[2] == "" ? "-" : sum[2]) }'
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
			sizes=$sizes$size' '$f$nl
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
	[ -n "$compare" ] || set --
	model_about "$path"
	if [ $# = 0 ]; then
		model_hashed /dev/fd/3 | model_sums
	else
		model_read "$@" | model_hashed /dev/fd/3 - | model_sums
	fi
	[ -z "$linked" ] || [ $kind = file ] || model_links "$path" "$path" 3 1
}
# model_find WORD...: finds each blob, in the order of their names, and each file and link below
# `snapshots`, which is here.
model_find() {
	QUOTING_STYLE=literal
	export QUOTING_STYLE
	exec find ../blobs/* . -path "*$nl*" -o \( -type f ! -name '*.incomplete' -o -type l \) "$@"
}
# model_found: $found, two lines for each: "TYPE SIZE TIME NAME", where a file has the type f or a mode that
# begins with 8, a link l or a; and what the link leads to, perhaps quoted and behind "NAME -> ". Not every
# find can print that, or sees all.
model_found() {
	found=$(model_find -printf '%y %s %T@ %p\n%l\n') || found=$(model_find -exec stat -c "%f %s %Y %n$nl%N" {} +)
}
# model_lines: what model_facts reads: "wrong" lines, what was found, "= NAME" of each in the snapshot $commit.
model_lines() {
	[ -z "$verify" ] || model_wrong
	printf '%s\n' "$found" "${there}bytes"
}
# model_facts: facts of those lines, and of the bytes behind them that od prints.
model_facts() {
	exec awk -v compare="$compare" -v commit="$commit" -v about="$about" -v places="$index" "$model_told"'
	BEGIN {
		while ((getline line < "../.dray-verified") > 0) { split(line, f, " "); was[f[3]] = f[1] " " f[2] }
	}
	# After the ends of all of them there are the middles of two.
	function next_part() {
		do {
			if (++at > n) { at = 1; phase++ }
			left = long[at] < 1024 ? long[at] : 1024
			if (phase == 2 && long[at] <= 1048576) left = 0
		} while (!left && phase < 3)
	}
	bytes {
		for (i = 1; i <= NF; i++) {
			if (!left) next_part()
			left--
			if (phase == 2) middle[at] = (middle[at] * 31 + $i) % 4294967291
			else sum[at] = (sum[at] * 31 + $i) % 4294967291
		}
		next
	}
	$0 == "bytes" { bytes = 1; next }
	$1 == "=" { there[substr($0, 3)]; next }
	$1 == "wrong" { was[$2] = "another"; next }
	{
		from = $0; sub(/^[^ ]* [^ ]* [^ ]* /, "", from)
		when = $3; sub(/[.].*/, "", when)
		getline to
		if ($1 ~ /^[al]/) {
			# It ends in the name of a blob.
			sub(/.* -> /, "", to); sub(/.*\//, "", to); gsub(/[^A-Za-z0-9._-]/, "", to)
			sub(/^\.\//, "", from)
			link[++links] = from; leads[links] = to
		} else if (sub(/^\.\.\/blobs\//, "", from)) {
			if (from !~ /\// && n < 1000) { blob[++n] = from; long[n] = $2; sum[n] = $2 % 65521 }
			sub(/.*\//, "", from); size[from] = $2
			name[from] = from in was && was[from] != $2 " " when ? "changed" : from
		} else { sub(/^\.\//, "", from); print "model\t" escaped(from) "\t" $2 "\t-" }
	}
	END {
		for (k = 1; k <= n && compare; k++)
			printf "sample\t%s\t%.0f\t%s\n", blob[k], sum[k], k in middle ? sprintf("%.0f", middle[k]) : "-"
		for (i = 1; i <= links; i++) {
			to = leads[i]
			if (to in size) print "model\t" escaped(link[i]) "\t" size[to] "\t" name[to]
			else print "model\t" escaped(link[i]) "\t-1\t-"
		}
		if (commit != "") told(about, places, 0, "-", "-")
	}'
}
# model_listed: the files of all snapshots of a repository, in the folder of which this is
# `snapshots`. Names of blobs are their hashes; a snapshot is links to them. What was verified and has
# changed since, or has another hash, is not a blob of that name: weights-take.sh. With $compare, facts of
# each blob: a number that its first and last KiB make, and of two of them one for their middles. What is
# in the snapshot $commit is told, too.
model_listed() {
	model_found
	about='' index='' there=
	[ -z "$commit" ] || model_about "$commit"
	[ -z "$commit" ] || for f in "$commit"/*; do
		case $f in *"$nl"*) continue ;; esac
		[ ! -e "$f" ] || there="$there= ${f##*/}$nl"
	done
	set --
	sizes=
	[ -z "$compare" ] || while read -r mode size _ f; do
		case $mode$f in
		[8f]*../blobs/*/*) ;;
		[8f]*../blobs/*) [ $# -ge 1000 ] || { set -- "$@" "$f"; sizes=$sizes$size' '$f$nl; } ;;
		esac
	done <<-END
		$found
	END
	if [ $# = 0 ]; then
		model_lines | model_facts
	else
		model_ends 1024 "$@" | { model_lines && exec od -An -v -tu1; } | model_facts
	fi
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
	model_commit "$2"
	model_listed
	[ -z "$commit" ] || fact snapshot "$commit"
	[ -z "$commit" ] || [ -z "$partial" ] || fact partial "$partial"
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
			commit=
			model_listed
			model_commit "$2"
			[ -z "$commit" ] || [ -n "$partial" ] || fact repo "$1" "$commit"
			cd /
		fi
		shift 2
	done
}

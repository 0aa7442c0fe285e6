# prune.sh - finds what dray put on this node and nothing wants any more, and removes it
#	act       names: prints "named HASH" for what the records here name. list: prints "item KIND NAME
#	          BYTES WHY" for each thing that can go, and "kept KIND NAME BYTES WHY" for what could,
#	          but must stay. remove: removes those items that stdin names, "KIND NAME" a line
#	cluster   whose
#	hf_home   the cache of models, if weights are looked for here
#	store     the storage that it is in
#	wanted    "HUB COMMIT HUB COMMIT": what the spec wants of it; a commit "-" is any
#	named     hashes that the records of other nodes name
#	image     the image that the spec wants; empty: there are no containers
#	stamp     the archive that the spec wants to be sent
#	made      the 12 digits by which the spec wants something in .dray of the storage: commands of a SIF
#	          file, a run_cluster.sh; "-": nothing. Empty: that is not looked at here
#	image_id_sh  the text of image-id.sh
#	homes     a file as /etc/passwd, if it is another one
# Words are separated by tabs. Only what is proved to be dray's is an item: an image that image-up.sh
# or image-load.sh noted, a commit of a repository that a record or an earlier spec of this cluster
# names, in the layout of the Hub's cache, and files beside the records. state.sh comes before this text.
# shellcheck shell=sh disable=SC2015,SC2030,SC2031,SC2154
args 'act cluster' 'hf_home store wanted named image stamp made image_id_sh homes' "$@" || exit
LC_ALL=C
export LC_ALL
umask 077
tab='	'
state_of "$cluster"
root=${self#*@}
tmp=$(mktemp -d) || exit 1
trap 'trap "" TERM; rm -rf "$tmp"' EXIT
trap 'exit 143' TERM
[ "$act" != remove ] || cat >"$tmp/chosen"

# All records that can be read here: of all clusters, of this login and of the others. A home may be
# shared by several machines, so those of all machines count.
closed=
while IFS=: read -r login _ _ _ _ home _; do
	set -- "$home/.local/state/dray"
	[ -d "$1" ] && [ "$1" != "$root" ] || continue
	if [ -r "$1" ] && [ -x "$1" ]; then echo "$1"; else closed="$closed $login"; fi
done <"${homes:-/etc/passwd}" >"$tmp/roots"
echo "$root" >>"$tmp/roots"
sort -u "$tmp/roots" | while IFS= read -r one; do
	find "$one" -path '*/steps/*.json' -type f -exec cat {} + || echo unread
done >"$tmp/records" 2>"$tmp/errors"
[ ! -s "$tmp/errors" ] || closed="$closed $(sed -n "1s/.*'\(.*\)'.*/\1/p" "$tmp/errors")"
{
	tr -c '0-9a-f' '\n' <"$tmp/records" | grep -E '^([0-9a-f]{40}|[0-9a-f]{64})$'
	# What is in .dray of a storage has a name of 12 digits.
	grep -oE '/[.]dray/(sif/|run_cluster-)[0-9a-f]{12}' "$tmp/records" | sed 's/.*[^0-9a-f]//'
	printf '%s\n' "$named" | tr ' ' '\n'
} | sort -u >"$tmp/named"
if [ "$act" = names ]; then
	sed "s/^/named$tab/" "$tmp/named"
	[ -z "$closed" ] || printf 'closed\t%s\n' "${closed# }"
	exit 0
fi
is_named() { grep -qxF "$1" "$tmp/named"; }
# earlier TEXT: do the records or earlier specs of this cluster have that word?
cat "$root/$cluster"/*/steps/*.json "$root/$cluster"/*/history/*.json >"$tmp/own" 2>/dev/null
earlier() { grep -qE "[^A-Za-z0-9._/-]$(printf %s "$1" | sed 's/[.]/[.]/g')([^A-Za-z0-9._/-]|\$)" "$tmp/own"; }

# What containers use: their images' IDs, and all that they say of themselves.
: >"$tmp/boxes"
for engine in docker podman; do
	command -v "$engine" >/dev/null 2>&1 || continue
	ids=$(bounded "$runtime_limit" "$engine" ps -aq --no-trunc 2>/dev/null) && [ -n "$ids" ] || continue
	# shellcheck disable=SC2086
	bounded "$runtime_limit" "$engine" inspect --type container \
		--format '{{.Name}} {{.Image}} {{with index .Config.Labels "dray.cluster"}}{{.}}{{end}} {{json .}}' $ids >>"$tmp/boxes" 2>/dev/null
done
# user_of DIR: prints the name of a container that dray did not make and that has that folder, or nothing.
user_of() {
	awk -v dir="$1" '$3 ~ /^[{]/ {
		text = $0
		while (match(text, /"Source":"[^"]*"/)) {
			from = substr(text, RSTART + 10, RLENGTH - 11); sub(/\/$/, "", from); text = substr(text, RSTART + RLENGTH)
			if (index(dir "/", from "/") == 1 || index(from "/", dir "/") == 1) { sub(/^\//, "", $1); print $1; exit }
		}
	}' "$tmp/boxes"
}

# may KIND NAME BYTES WHY [KEPT]: an item, unless something keeps it. In a removal, is it chosen?
may() {
	if [ "$act" = list ]; then
		if [ -n "${5-}" ]; then
			printf 'kept\t%s\t%s\t%s\t%s\n' "$1" "$2" "$3" "$5"
		else
			printf 'item\t%s\t%s\t%s\t%s\n' "$1" "$2" "$3" "$4"
		fi
		return 1
	fi
	grep -qxF "$1$tab$2" "$tmp/chosen" || return 1
	[ -z "${5-}" ] || { printf 'kept\t%s\t%s\t%s\t%s\n' "$1" "$2" "$3" "$5"; return 1; }
	printf 'progress removing %s %s\n' "$1" "$2" >&3
}
# gone KIND NAME BYTES: it was removed, if the command before succeeded.
gone() {
	if [ "$?" = 0 ]; then
		printf 'gone\t%s\t%s\t%s\t-\n' "$1" "$2" "$3"
	else
		printf 'kept\t%s\t%s\t%s\t%s\n' "$1" "$2" "$3" "it cannot be removed: $(tail -n 1 "$tmp/err")"
	fi
}
# all_of DIR: the bytes of all that is in it.
all_of() { find "$1" -type f -exec stat -c %s {} + 2>/dev/null | awk '{ n += $1 } END { printf "%.0f", n }'; }
# used TEXT: prints who uses it: a process, by its command line or environment, or a container; or nothing.
used() {
	# (In a file, or its own command line would have it.)
	printf '%s\n' "$1" >"$tmp/used"
	! grep -qF "$1" "$tmp/boxes" || echo "a container names it"
	! cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ 2>/dev/null | tr '\000' '\n' | grep -qFf "$tmp/used" || echo "a process names it"
}
# removed KIND NAME BYTES WHY FILE...: an item that is these files; they go, if it is chosen and not kept.
removed() {
	kind=$1 name=$2 bytes=$3 why=$4
	shift 4
	keep=$(used "$1" | head -n 1)
	[ -z "$closed" ] || keep="the records of ${closed# } cannot be read"
	may "$kind" "$name" "$bytes" "$why" "$keep" || return 0
	rm -rf "$@" 2>"$tmp/err"
	gone "$kind" "$name" "$bytes"
}
bytes_of() { stat -c %s "$1" 2>/dev/null || echo 0; }

# ---- weights ----

# sizes COMMIT: how many bytes only this snapshot has, in the folder of a model.
sizes() {
	{
		find snapshots -type l -exec sh -c 'for f; do printf "link %s %s\n" "$(readlink "$f")" "$f"; done' sh {} +
		find blobs snapshots -type f -exec stat -c 'file %s %n' {} +
	} | awk -v at="snapshots/$1/" '
		$1 == "link" { blob = $2; sub(/.*\//, "", blob); if (index($3, at) == 1) mine[blob] = 1; else other[blob] = 1 }
		$1 == "file" { name = $3; if (index(name, at) == 1) n += $2; sub(/.*\//, "", name); size[name] = $2 }
		END { for (b in mine) if (!(b in other)) n += size[b]; printf "%.0f\n", n }'
}
# drop COMMIT: removes a snapshot, the blobs that no other one has, and the refs to it.
drop() {
	rm -rf "./snapshots/$1" 2>"$tmp/err" || return 1
	find refs -type f 2>/dev/null | while IFS= read -r ref; do
		at=$(cat "$ref")
		[ "$at" != "$1" ] || rm -f "./$ref"
	done
	rm -f "./trees/$1.json"
	for left in snapshots/*; do
		[ -d "$left" ] || continue
		links=$(find snapshots -type l -exec readlink {} \;) || return 1
		for blob in blobs/*; do
			case $blob in *.incomplete) continue ;; esac
			case "$links
" in
			*"/${blob#blobs/}
"*) ;;
			*) rm -f "$blob" 2>"$tmp/err" || return 1 ;;
			esac
		done
		return 0
	done
	hub_dir=$PWD
	cd "$hf_home" && rm -rf "${hub_dir:?}" "$hf_home/hub/.locks/${hub_dir##*/}" 2>"$tmp/err"
}
# begun NAME: does an apply of any cluster download that repository, or has one begun to?
begun() { grep -F "\"$1\"" "$tmp/records" | grep -q '"phase":"intent"'; }
weights_of() {
	hub=$1 name=${1#models--}
	name=${name%%--*}/${name#*--}
	earlier "$name" || return
	cd "$hf_home/hub/$hub" 2>/dev/null && [ -d snapshots ] && [ -d blobs ] || return
	for commit in $(cd snapshots && ls); do
		case $commit in *[!0-9a-f]*) continue ;; esac
		[ "${#commit}" = 40 ] && [ ! -h "snapshots/$commit" ] || continue
		case " $wanted " in *" $hub $commit "* | *" $hub - "*) continue ;; esac
		! is_named "$commit" || continue
		keep=
		user=$(user_of "$store")
		[ -z "$user" ] || keep="container '$user', which is not dray's, has '$store'"
		! grep -qF "$commit" "$tmp/boxes" || keep="a container names it"
		# (In a file, or its own command line would have it.)
		echo "$commit" >"$tmp/commit"
		! cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\000' '\n' | grep -qFf "$tmp/commit" || keep="a process names it"
		! begun "$name" || keep="an apply has begun to download '$name'"
		[ -z "$closed" ] || keep="the records of ${closed# } cannot be read"
		bytes=$(sizes "$commit")
		why="no spec and no record wants this commit"
		case " $wanted " in *" $hub "*) ;; *) why="no spec and no record wants this model" ;; esac
		if may weights "$hub@$commit" "$bytes" "$why" "$keep"; then
			(drop "$commit")
			gone weights "$hub@$commit" "$bytes"
		fi
	done
	[ -d "$hf_home/hub/$hub/blobs" ] || return
	begun "$name" && return
	find blobs -name '*.incomplete' -type f -mmin +60 | while IFS= read -r part; do
		bytes=$(bytes_of "$part")
		if may partial "$hub/$part" "$bytes" "half a download; no apply is at it"; then
			rm -f "./$part" 2>"$tmp/err"
			gone partial "$hub/$part" "$bytes"
		fi
	done
}
if [ -n "$hf_home" ]; then
	for dir in "$hf_home"/hub/models--*--*; do
		[ -d "$dir" ] && [ ! -h "$dir" ] || continue
		case ${dir##*/} in *[!A-Za-z0-9._-]*) continue ;; esac
		(weights_of "${dir##*/}")
	done
fi

# ---- images ----

if [ -n "$image" ] && cat "$root/$cluster"/*/images/pulled >"$tmp/pulled" 2>/dev/null; then
	now=$(docker image inspect --format '{{.Id}}' "$image" 2>/dev/null)
	cut -d' ' -f1 "$tmp/pulled" | sort -u | while IFS= read -r id; do
		told=$(docker image inspect --format '{{.Id}} {{.Size}} {{range .RepoTags}}{{.}} {{end}}' "$id" 2>/dev/null) || continue
		case $told in "$id "*) ;; *) continue ;; esac
		[ "$id" != "$now" ] || continue
		told=${told#* } bytes=${told%% *} tags=${told#* }
		foreign=
		for tag in $tags; do
			grep -qxF "$id $tag" "$tmp/pulled" || foreign=$tag
			! grep -qF "\"image\":\"$tag\"" "$tmp/records" || continue 2
		done
		print=$(sh -c "$image_id_sh" image-id "ref=$id") || continue
		! is_named "${print#sha256:}" || continue
		keep=
		[ -z "$foreign" ] || keep="somebody else calls it '$foreign'"
		user=$(awk -v id="$id" '$2 == id || "sha256:" $2 == id { sub(/^\//, "", $1); print $1; exit }' "$tmp/boxes")
		[ -z "$user" ] || keep="container '$user' is made of it"
		[ -z "$closed" ] || keep="the records of ${closed# } cannot be read"
		name=$(awk -v id="$id" '$1 == id { print; exit }' "$tmp/pulled")
		if may image "$name" "$bytes" "no spec and no record wants this image" "$keep"; then
			if [ -n "$tags" ]; then
				# shellcheck disable=SC2086
				docker image rm $tags >/dev/null 2>"$tmp/err"
			else
				docker image rm "$id" >/dev/null 2>"$tmp/err"
			fi
			gone image "$name" "$bytes"
		fi
	done
fi

# Of an image that an earlier spec of this cluster named, and that nobody noted: a user may have brought it.
if [ -n "$image" ] && [ "$act" = list ]; then
	{
		grep -ohE '"image":"[^"]+"' "$tmp/own" | cut -d'"' -f4
		grep -ohE "image: *['\"]?[A-Za-z0-9][^'\", }\\]*" "$tmp/own" | sed "s/image: *['\"]*//"
	} | sort -u | while IFS= read -r ref; do
		case $ref in "$image" | *[!A-Za-z0-9._:/@-]*) continue ;; esac
		told=$(docker image inspect --format '{{.Id}} {{.Size}}' "$ref" 2>/dev/null) || continue
		id=${told% *} bytes=${told#* }
		! grep -qsF "$id " "$tmp/pulled" && [ "$id" != "$(docker image inspect --format '{{.Id}}' "$image" 2>/dev/null)" ] || continue
		! grep -qF "\"image\":\"$ref\"" "$tmp/records" || continue
		may image "$id $ref" "$bytes" - "dray has not noted that it pulled it; if nobody else needs it: docker image rm $ref"
	done
fi

# ---- in .dray of the storage ----

if [ -n "$made" ] && [ -n "$store" ]; then
	for file in "$store/.dray/sif"/*.sif; do
		name=${file##*/} name=${name%.sif}
		[ -f "$file" ] && [ ! -h "$file" ] && [ "${#name}" = 12 ] && [ "$name" != "$made" ] || continue
		case $name in *[!0-9a-f]*) continue ;; esac
		is_named "$name" || removed sif "$file" "$(bytes_of "$file")" "no spec and no record wants this image" \
			"$file" "${file%.sif}"
	done
	# Of the user's own SIF file there are only the commands.
	for dir in "$store/.dray/sif"/*; do
		name=${dir##*/}
		[ -d "$dir" ] && [ ! -h "$dir" ] && [ ! -e "$dir.sif" ] && [ "$name" != "$made" ] || continue
		case ${#name}$name in
		12*[!0-9a-f]*) continue ;;
		12*) ;;
		*) continue ;;
		esac
		is_named "$name" || removed sif "$dir" "$(all_of "$dir")" "commands of a SIF file that nothing wants" "$dir"
	done
	find "$store/.dray/sif" -maxdepth 1 \( -name '????????????.new.*' -o -name '????????????.old.*' \) -mmin +60 2>/dev/null |
		while IFS= read -r file; do
			removed sif "$file" "$(all_of "$file")" "half a SIF file; no apply is at it" "$file"
		done
	for file in "$store/.dray"/run_cluster-*.sh; do
		name=${file##*/run_cluster-} name=${name%.sh}
		[ -f "$file" ] && [ "${#name}" = 12 ] && [ "$name" != "$made" ] || continue
		case $name in *[!0-9a-f]*) continue ;; esac
		! grep -q "^$name" "$tmp/named" || continue
		removed script "$file" "$(bytes_of "$file")" "no spec and no record wants this run_cluster.sh" "$file"
	done
fi

# ---- beside the records ----

# What is left of processes (runtime none): of steps that have no record.
for dir in "$state/run"/*; do
	name=${dir##*/}
	[ -d "$dir" ] && [ ! -e "$state/steps/$name.json" ] || continue
	read -r pid 2>/dev/null <"$dir/pid" && [ -d "/proc/$pid" ] && continue
	removed run "$name" "$(all_of "$dir")" "its step is no more" "$dir"
done
# Folders for temporary files, Ray's among them, which a node that was switched off kept. Records of
# this login may lie elsewhere, too, so no process may have such a folder.
temps_in=/tmp
cat "$root"/*/*/run/*/temp 2>/dev/null >"$tmp/temps"
find "$temps_in" -maxdepth 1 -type d -name 'dray-????????' -user "$(id -u)" -mmin +60 2>/dev/null | while IFS= read -r dir; do
	grep -qxF "$dir" "$tmp/temps" || grep -qsF "TMPDIR=$dir" /proc/[0-9]*/environ ||
		removed temp "$dir" "$(all_of "$dir")" "temporary files of a process that is no more" "$dir"
done

for file in "$state"/logs/*-20*Z.log; do
	[ -f "$file" ] || continue
	name=${file##*/}
	step=${name%-20*}
	# (Where a node has one rank only, its name is not in that of the log.)
	for record in "$state/steps/$step.json" "$state/steps/$step@"*.json; do
		[ ! -e "$record" ] || continue 2
	done
	bytes=$(bytes_of "$file")
	if may log "$name" "$bytes" "its step is no more"; then
		rm -f "$file" 2>"$tmp/err"
		gone log "$name" "$bytes"
	fi
done
for file in "$state"/images/*.archive ${store:+"$store/.dray/images/$machine"/*.archive}; do
	[ -f "$file" ] || continue
	name=${file##*/}
	[ "$name" != "$stamp.archive" ] || continue
	bytes=$(bytes_of "$file")
	if may archive "$file" "$bytes" "sent for an image, and not needed any more"; then
		rm -f "$file" 2>"$tmp/err"
		gone archive "$file" "$bytes"
	fi
done
# What one node gave to others of its image. If an apply ended before the image was made of it, the
# next one goes on with it, or removes it.
for dir in "$state/images/copy" ${store:+"$store/.dray/images/$machine/copy"}; do
	[ -d "$dir" ] || continue
	[ -z "$image" ] || docker image inspect "$image" >/dev/null 2>&1 || continue
	bytes=$(find "$dir" -type f -exec stat -c %s {} + | awk '{ n += $1 } END { printf "%.0f", n }')
	if may copy "$dir" "$bytes" "files of an image that went from node to node"; then
		rm -rf "$dir" 2>"$tmp/err"
		gone copy "$dir" "$bytes"
	fi
done
echo end

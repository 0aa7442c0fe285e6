# archive.sh - what an archive of images has in it, as docker save and podman save write it; comes
# before observe.sh and image-load.sh
# shellcheck shell=sh disable=SC2034

# archive_kind FILE: $format, by its first bytes, and $unpack, the words that print it unpacked.
archive_kind() {
	archive_head=$(dd if="$1" bs=512 count=1 2>/dev/null | od -An -v -tx1 | tr -d ' \n')
	unpack=
	case $archive_head in
	1f8b*) format=gzip unpack='gzip -dc' ;;
	28b52ffd*) format=zstd unpack='zstd -dc' ;;
	fd377a585a00*) format=xz unpack='xz -dc' ;;
	425a68*) format=bzip2 unpack='bzip2 -dc' ;;
	??????*) format=other; case $archive_head in *7573746172????????????*) format=tar ;; esac ;;
	*) format=other ;;
	esac
}

# archive_print FILE MEMBER: that file in it. (GNU's and busybox's tar skip what they need not read.)
archive_print() {
	if [ -n "$unpack" ]; then
		# shellcheck disable=SC2086
		$unpack "$1" 2>/dev/null | tar -xOf - "$2" "./$2" 2>/dev/null
	else
		tar -xOf "$1" "$2" "./$2" 2>/dev/null
	fi
}

# archive_images: reads manifest.json, prints "CONFIG NAME NAME" for each image of it.
archive_images() {
	tr '\n\t' '  ' | cut -c 1-65536 | awk '{
		text = $0
		while (match(text, /"(Config" *: *"[^"]*"|RepoTags" *: *\[[^]]*\])/)) {
			one = substr(text, RSTART, RLENGTH); text = substr(text, RSTART + RLENGTH)
			if (one ~ /^"Config/) {
				if (n++) print config names
				sub(/^"Config" *: *"/, "", one); sub(/"$/, "", one)
				config = one; names = ""
			} else {
				sub(/^[^[]*\[/, "", one); gsub(/[]", ]+/, " ", one); sub(/ $/, "", one)
				names = one
				if (names != "" && names !~ /^ /) names = " " names
			}
		}
		if (n) print config names
	}'
}

# archive_name NAME: $name, without what Docker adds by itself, and with a tag.
archive_name() {
	name=$1
	name=${name#docker.io/} name=${name#library/} name=${name#localhost/}
	case ${name##*/} in *:*) ;; *) name=$name:latest ;; esac
}

# archive_read FILE IMAGE: finds IMAGE in it, by its name, or the only one if that has none.
# $config is the sha256 of its configuration, which is the image's ID ("": it is not in there),
# $arch its architecture, $layers the sha256 of its layers, $names all names in it, and $unnamed is
# "yes" if it has none. Fails if FILE is not an archive of images.
archive_read() {
	archive_kind "$1"
	config='' arch='' layers='' names='' unnamed='' archive_file=''
	[ "$format" != other ] || return 1
	archive_told=$(archive_print "$1" manifest.json | archive_images)
	[ -n "$archive_told" ] || return 1
	archive_name "$2"
	archive_wanted=$name
	archive_count=0
	while read -r archive_config archive_names; do
		archive_count=$((archive_count + 1)) archive_only=$archive_config
		names="$names $archive_names"
		for archive_one in $archive_names; do
			archive_name "$archive_one"
			[ "$name" != "$archive_wanted" ] || archive_file=$archive_config
		done
	done <<-END
		$archive_told
	END
	# shellcheck disable=SC2086
	set -- "$1" $names
	archive_at=$1
	shift
	names=$*
	if [ -z "$archive_file" ] && [ "$archive_count" = 1 ] && [ -z "$names" ]; then
		archive_file=$archive_only unnamed=yes
	fi
	[ -n "$archive_file" ] || return 0
	archive_told=$(archive_print "$archive_at" "$archive_file"; echo .)
	archive_told=${archive_told%.}
	config=$(printf %s "$archive_told" | sha256sum)
	config=${config%% *}
	arch=$(printf %s "$archive_told" | tr -d '\n' |
		sed -n 's/.*[{,] *"architecture" *: *"\([a-z0-9]*\)".*/\1/p')
	layers=$(printf %s "$archive_told" | tr -d '\n ' | sed -n 's/.*"diff_ids":\[\([^]]*\)\].*/\1/p' | tr -d '"' | tr , ' ')
	# Its name says what it must be.
	case ${archive_file##*/} in "$config" | "$config.json") ;; *) config='' archive_file=''; return 1 ;; esac
}

# weights-take.sh - a copy of a model or an image from another node, verified by the hashes that the Hub
# or the image gives.
# What is whole already does not come again, and half a file is continued.
#	act      need: makes a key, and prints "N SIZE BLOCK" for each file of the list that is
#	         missing and the block to continue at. take: fetches them from an sshd that
#	         weights-give.sh runs. write: puts blocks into one. done: verifies what has come. check:
#	         verifies file `index`, and removes it if it is wrong. mend: does so with all files,
#	         whatever was noted of them
#	hf_home  the cache of models
#	hub      the model's directory in it
#	commit   its commit
#	cluster  whose key it is
#	ref, ref_kept  as in download-up.sh
#	from     the other node's name
#	user, address, port, hostkey  take: where its sshd is
#	index, block  write, check: which file of the list, and where these blocks belong
#	line     write: that line of the list
# stdin: the files, SIZE, TAB, BLOB, TAB, PATH a line; for write the bytes. Ends with 65 if a file
# is not what it must be (fact "bad": its number), with 69 if the other node has no more of one,
# with 75 if there is no way to it. state.sh comes before this text.
# shellcheck shell=sh disable=SC2154
args 'act hf_home hub commit cluster' 'ref ref_kept from user address port hostkey index block line' "$@" || exit
umask 022
tab='	'
cache=$hf_home/hub/$hub
snapshot=$cache/snapshots/$commit
noted=$cache/.dray-verified
say() { printf 'progress %s\n' "$*" >&3; }
die() {
	status=$1
	shift
	printf '%s\n' "$@" >&2
	exit "$status"
}
size_of() { stat -L -c %s "$1" 2>/dev/null || echo 0; }

# places: sets $place of the file ($blob, $path), and $part, where it grows.
places() {
	place=$cache/blobs/$blob
	[ "$blob" != - ] || place=$snapshot/$path
	part=$place.sent.incomplete
}
# verify FILE: is it the file of that $blob? Its name is a SHA-256, an MD5 (of a bucket), or the SHA-1 of
# a git blob. Of others no hash is known.
verify() {
	case ${#blob} in
	64) hash=$(sha256sum <"$1") ;;
	32) hash=$(md5sum <"$1") ;;
	40) hash=$({ printf 'blob %s\000' "$size"; cat "$1"; } | sha1sum) ;;
	*) return 0 ;;
	esac
	[ "${hash%% *}" = "$blob" ]
}
# note: what $place is like now that it is verified. A look sees by that if it was changed.
note() {
	[ "$blob" = - ] || stat -c "%s %Y $blob" "$place" >>"$noted"
}
# discard: removes the file that is in $place, and what was noted of it.
discard() {
	rm -f "$place"
	[ ! -e "$noted" ] || { grep -v " $blob\$" "$noted" >"$tmp/noted"; cp "$tmp/noted" "$noted"; }
}
was_noted() { grep -qxF "$(stat -c "%s %Y $blob" "$place" 2>/dev/null)" "$noted" 2>/dev/null; }
# in_place: links the file into the snapshot.
in_place() {
	[ "$blob" = - ] && return
	up=../../blobs/$blob rest=$path
	while [ "$rest" != "${rest#*/}" ]; do rest=${rest#*/} up=../$up; done
	[ "$(readlink "$snapshot/$path")" != "$up" ] || return 0
	case $path in */*) mkdir -p "$snapshot/${path%/*}" || return ;; esac
	ln -sf "$up" "$snapshot/$path.new.incomplete" && mv -f "$snapshot/$path.new.incomplete" "$snapshot/$path"
}
# settle N: verifies a part that is complete and puts it into its place.
settle() {
	if ! verify "$part"; then
		rm -f "$part"
		echo "$1 $path" >>"$tmp/bad"
	elif ! { mv -f "$part" "$place" && note && in_place; }; then
		echo "$path" >>"$tmp/failed"
	fi
}
# whole: is the file in its place? One that was not verified yet is verified now.
whole() {
	[ "$(size_of "$place")" -eq "$size" ] && [ -e "$place" ] || return 1
	was_noted && return
	say "verifying $path"
	if verify "$place"; then
		note
		return 0
	fi
	discard
	return 1
}
# ref_note: notes the branch in the cache.
ref_note() {
	[ -n "$ref" ] || return 0
	[ -z "$ref_kept" ] || [ ! -s "$cache/refs/$ref" ] || return 0
	at=$cache/refs/$ref
	mkdir -p "${at%/*}" && printf %s "$commit" >"$at"
}
# outcome: ends the script by what settle() found.
outcome() {
	if [ -s "$tmp/bad" ]; then
		read -r number path <"$tmp/bad"
		printf 'set bad %s\n' "$number" >&3
		die 65 "'$path' as it came from $from is not the file that it must be: its hash is another"
	fi
	if [ -s "$tmp/failed" ]; then
		read -r path <"$tmp/failed"
		die 1 "'$path' cannot be put into its place: $(df -Pk "$hf_home" | awk 'NR == 2 { print $4 }') KiB are free in '$hf_home'"
	fi
}

if [ "$act" = write ]; then
	IFS=$tab read -r size blob path <<-END
		$line
	END
	places
	# (What is behind it was not confirmed, and comes again.)
	exec dd of="$part" bs=1048576 seek="$block" 2>/dev/null
fi
state_of "$cluster"
copy=$state/copy
tmp=$(mktemp -d) || exit 1
reporter='' settling=''
# shellcheck disable=SC2317 # the trap calls it
leave() {
	trap '' HUP TERM
	[ -z "$reporter" ] || kill "$reporter"
	[ ! -S "$tmp/ssh" ] || ssh -F none -S "$tmp/ssh" -O exit "$address" </dev/null
	rm -rf "$tmp"
	[ "$act" != take ] || rm -rf "$copy"
} 2>/dev/null
trap leave EXIT
trap 'exit 129' HUP
trap 'exit 143' TERM
cat >"$tmp/want"
[ -s "$tmp/want" ] || die 1 "which files the model has is not known: the Hub did not answer"
mkdir -p "$snapshot" "$cache/blobs" || exit 1
# Only what was noted last for a blob counts.
if [ -s "$noted" ]; then
	awk '{ last[$3] = $0 } END { for (b in last) print last[b] }' "$noted" >"$tmp/noted" &&
		cp "$tmp/noted" "$noted"
fi

case $act in
mend)
	while IFS=$tab read -r size blob path; do
		places
		[ -e "$place" ] || continue
		say "verifying $path"
		if [ "$(size_of "$place")" -eq "$size" ] && verify "$place"; then note; else discard; fi
	done <"$tmp/want"
	exit 0
	;;
check)
	IFS=$tab read -r size blob path <<-END
		$(sed -n "${index}p" "$tmp/want")
	END
	places
	[ ! -e "$place" ] || verify "$place" || {
		discard
		printf 'set removed %s\n' "$path" >&3
	}
	exit 0
	;;
need)
	number=0
	while IFS=$tab read -r size blob path; do
		number=$((number + 1))
		places
		if whole; then
			in_place || exit 1
			continue
		fi
		have=$(size_of "$part")
		if [ "$have" -gt "$size" ]; then
			rm -f "$part"
			have=0
		fi
		case $path in */*) [ "$blob" != - ] || mkdir -p "$snapshot/${path%/*}" ;; esac
		[ -e "$part" ] || : >"$part" || exit 1
		echo "$number $size $((have / 1048576))"
	done <"$tmp/want"
	if command -v ssh >/dev/null; then
		rm -rf "$copy"
		(umask 077 && mkdir -p "$copy" &&
			ssh-keygen -q -t ed25519 -N '' -C dray -f "$copy/key" </dev/null >/dev/null 2>&1) &&
			read -r kind key _ <"$copy/key.pub" && printf 'set key %s %s\n' "$kind" "$key" >&3
	fi
	exit 0
	;;
done)
	number=0
	while IFS=$tab read -r size blob path; do
		number=$((number + 1))
		places
		if [ -e "$part" ] && [ "$(size_of "$part")" -eq "$size" ]; then
			say "verifying $path"
			settle "$number"
		fi
		[ "$(size_of "$place")" -eq "$size" ] && [ -e "$place" ] && in_place || echo "$path" >>"$tmp/failed"
	done <"$tmp/want"
	outcome
	ref_note || exit 1
	rm -rf "$copy"
	printf 'set output %s\n' "$commit" >&3
	exit 0
	;;
esac

# take
printf 'dray-copy %s\n' "$hostkey" >"$copy/hosts" || exit 1
seconds() {
	now=
	read -r now _ </proc/uptime
	now=${now%.*} now=${now:-$(date +%s)}
}
# report: says every two seconds how much of $1 bytes has come. $tmp/at has the bytes of the files
# that are complete, and the name of the one that grows.
report() {
	seconds
	began=$now first=-1
	while sleep 2; do
		read -r sum growing <"$tmp/at" || continue
		[ -z "$growing" ] || sum=$((sum + $(size_of "$growing")))
		[ "$first" -ge 0 ] || first=$sum
		seconds
		say "$(awk -v n="$sum" -v all="$1" -v first="$first" -v t=$((now - began)) -v from="$from" 'BEGIN {
			u = all >= 1e9 ? 1e9 : 1e6; name = u == 1e9 ? "GB" : "MB"
			printf "%.1f of %.1f %s from %s", n / u, all / u, name, from
			if (t > 2) printf ", %.2f %s/s", (n - first) / u / (t - 2), name
		}')"
	done
}
all=$(awk -F'\t' '{ n += $1 } END { printf "%.0f", n }' "$tmp/want")
sum=0 number=0 came=''
echo 0 >"$tmp/at"
report "$all" 8>&- 9>&- &
reporter=$!

# ask_giver N BLOCK: prints file N from that block on, behind a line. All files come by one
# connection, which ends by itself if nobody can end it. (The name of a socket is 107 bytes long
# at most, and ssh makes it with 17 more.)
control=no
[ ${#tmp} -gt 80 ] || control=auto
ask_giver() {
	ssh -F none -i "$copy/key" -p "$port" -l "$user" -o IdentitiesOnly=yes -o BatchMode=yes \
		-o StrictHostKeyChecking=yes -o "UserKnownHostsFile=$copy/hosts" \
		-o GlobalKnownHostsFile=/dev/null -o HostKeyAlias=dray-copy -o CheckHostIP=no \
		-o ConnectTimeout=10 -o ServerAliveInterval=15 -o ServerAliveCountMax=3 \
		-o Compression=no -o LogLevel=ERROR \
		-o ControlMaster=$control -o "ControlPath=$tmp/ssh" -o ControlPersist=20 \
		-c aes128-gcm@openssh.com,aes256-gcm@openssh.com,chacha20-poly1305@openssh.com,aes128-ctr \
		"$address" "$1 $2" </dev/null 2>"$tmp/err" 3>&- 6>&- 8>&- 9>&-
}
# fetch N: the rest of file N, into $part.
fetch() {
	tries=0
	while
		have=$(size_of "$part")
		[ "$have" -lt "$size" ]
	do
		blocks=$((have / 1048576))
		dd if=/dev/null of="$part" bs=1048576 seek="$blocks" 2>/dev/null || return 1
		{
			ask_giver "$1" "$blocks"
			echo $? >"$tmp/status"
		} | while IFS= read -r text; do
			# What comes before this line is not part of the file.
			[ "$text" != "dray-copy $1 $blocks" ] || cat >>"$part"
		done
		read -r status <"$tmp/status"
		now_have=$(size_of "$part")
		[ "$now_have" -le "$((blocks * 1048576))" ] || came=yes tries=0
		[ "$status" -ne 0 ] || [ "$now_have" -eq "$size" ] || status=69
		case $status in
		0) ;;
		255)
			[ -n "$came" ] || die 75 "no ssh from here to $from: $(tail -n 1 "$tmp/err")"
			tries=$((tries + 1))
			[ "$tries" -lt 3 ] || die 69 "the connection to $from was lost: $(tail -n 1 "$tmp/err")"
			;;
		*) die 69 "$from sent no more of '$path': $(tail -n 1 "$tmp/err")" ;;
		esac
	done
	[ "$(size_of "$part")" -eq "$size" ]
}
while IFS=$tab read -r size blob path <&6; do
	number=$((number + 1))
	places
	# (Two paths may be one blob.)
	[ "$blob" != "${settled-}" ] || wait "$settling"
	if [ "$(size_of "$place")" -eq "$size" ] && [ -e "$place" ]; then
		in_place || exit 1
	else
		echo "$sum $part" >"$tmp/at"
		fetch "$number" || die 1 "'$path' cannot be written: $(df -Pk "$hf_home" | awk 'NR == 2 { print $4 }') KiB are free in '$hf_home'"
		# While the next one comes, this one is verified.
		[ -z "$settling" ] || wait "$settling"
		settle "$number" &
		settling=$! settled=$blob
	fi
	sum=$((sum + size))
	echo "$sum" >"$tmp/at"
done 6<"$tmp/want"
[ -z "$settling" ] || wait "$settling"
outcome
ref_note || exit 1
printf 'set output %s\n' "$commit" >&3
exit 0

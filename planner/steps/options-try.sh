# options-try.sh - lets the engine's own parser read the arguments of its server, in the image or
# virtual environment that the server would run in. Nothing is started: an argument that no
# engine knows is put behind them, and the parser ends.
#	cluster      whose records keep the verdict
#	unknown      that argument
#	prefix       how many words come before the command of the server
#	version      of the virtual environment; or
#	image        the image, and
#	image_id_sh  the text of image-id.sh
#	files        "yes": the words look for files, and print "dray: missing FILE" of each
#	keep         "yes": the verdict is kept; a plan writes nothing
#	strict       "yes": what is refused is a failure
#	known        the sum of a verdict that the caller has
# Prints what is refused, one line each: "option TEXT", "file PATH". Without a verdict it prints
# "note REASON", because an image may have another parser; with one "sum SUM", which stands for the
# arguments and what they are read by, or "known" if that is the caller's. A verdict about options is
# kept beside the records, if there are any. state.sh and the engine's script come before this text.
#
# One that does not know that argument may ignore it and start a server. It is ended after
# options_limit, or when nobody waits for the verdict any more.
# shellcheck shell=sh disable=SC2154,SC2034,SC2317,SC2013
args 'cluster unknown prefix' 'version image image_id_sh files keep strict known' "$@" || exit
shift "$args"
nl='
'
# Kept verdicts; the oldest go.
kept=16
state_of "$cluster"
dir=$state/options
[ -z "$image" ] || version=$(sh -c "$image_id_sh" image-id "ref=$image") || version=
sum=$(printf '%s\n' "$unknown" "$version" "$@" | sha256sum) sum=${sum%% *}

refuses='' missing='' note=''
tmp='' child='' box='' clock=''
# end_group: ends what we began. (Some awks end at the first file that is gone.)
end_group() {
	for left in $(cat /proc/[0-9]*/stat 2>/dev/null |
		awk -v group=$$ '{ pid = $1; sub(/.*[)] /, "") } $3 == group && pid != group { print pid }'); do
		kill -KILL "$left" 2>/dev/null
	done
}
# end_child: what runs has to end, with its container and all that it began.
end_child() {
	trap '' HUP TERM
	no_limit=
	[ -z "$box" ] || docker rm -f "$box"
	naps=0
	[ -z "$child" ] || kill -TERM "$child"
	while [ -n "$child" ] && [ "$naps" -lt 2 ] && kill -0 "$child"; do
		naps=$((naps + 1))
		sleep 1
	done
	[ -z "$child" ] || kill -KILL "$child"
	end_group
	# The first time it may not have been there yet.
	[ -z "$box" ] || docker rm -f "$box"
	child='' box=''
} >/dev/null 2>&1
stop() {
	end_child
	[ -e "$tmp/late" ] || exit 143
}
trap '[ -z "$tmp" ] || rm -rf "$tmp"' EXIT
trap stop HUP TERM
tmp=$(mktemp -d) || exit 1
# hear COMMAND...: $told, what it says, and $status. What it looked for and did not find is
# taken out of that: $missing.
hear() {
	if [ -n "$image" ]; then
		box=dray-options-$$-$(date +%s)
		shift 2
		set -- docker run --name "$box" "$@"
	fi
	"$@" >"$tmp/told" 2>&1 </dev/null 3>&- &
	child=$!
	wait "$child"
	status=$?
	child='' box=''
	told=$(cat "$tmp/told")
	missing=$(printf '%s\n' "$told" | sed -n 's/^dray: missing //p')
	told=$(printf '%s\n' "$told" | grep -v '^dray: missing ')
}
kept() { [ -n "$version" ] && [ -r "$dir/$sum" ] && refuses=$(cat "$dir/$sum"); }
keep() {
	[ -n "$version" ] && [ -d "$state" ] && [ -w "$state" ] || return 0
	(umask 077 && mkdir -p "$dir" && printf '%s' "$refuses" >"$dir/.$$" && mv -f "$dir/.$$" "$dir/$sum") 2>/dev/null
	# shellcheck disable=SC2012
	ls -1t "$dir" 2>/dev/null | tail -n +$((kept + 1)) | while IFS= read -r old; do rm -f "$dir/$old"; done
}

# From here on it only reads: nobody who is gone needs an answer, and no lock.
exec 8>&- 9>&-
echo wait >&3
no_limit=yes # of docker run: the clock is ours
(
	sleep "$options_limit" >/dev/null 2>&1 3>&-
	: >"$tmp/late"
	kill -TERM $$
) 2>/dev/null &
clock=$!

verdict=kept
if [ -n "$known" ] && [ "$known" = "$sum" ]; then
	verdict=known
elif ! kept; then
	verdict=
fi
if [ -n "$verdict" ]; then
	if [ -n "$files" ]; then
		i=0
		for word; do
			[ $i -gt 0 ] || set --
			i=$((i + 1))
			[ $i -gt "$prefix" ] || set -- "$@" "$word"
		done
		hear "$@" true
	fi
	known=$([ $verdict = kept ] || echo yes)
else
	known=
	# What the engine leaves in its temporary folder goes with that.
	[ -n "$image" ] || export TMPDIR="$tmp"
	printf 'progress %s reads its options\n' "$server" >&3
	tries=0 files=
	while [ $tries -lt 6 ]; do
		tries=$((tries + 1))
		hear "$@" "$unknown"
		files=$files$missing$nl
		verdict=$([ $status = 2 ] && printf '%s\n' "$told" | refused "$unknown") || {
			note="status $status: $(printf '%s\n' "$told" | tail -n 1)"
			[ ! -e "$tmp/late" ] || note="it did not end within $options_limit s"
			break
		}
		refuses=$refuses$(printf '%s\n' "$verdict" | sed -n 's/^say //p')$nl
		# A bad value ends the parser before it comes to unknown options.
		without=$(printf '%s\n' "$verdict" | sed -n 's/^without //p')
		[ -n "$without" ] || break
		i=0 drop='' dropped=''
		for word; do
			[ $i -gt 0 ] || set --
			i=$((i + 1))
			name=${word%%=*}
			case $word in
			-*) case "/$without/" in */"$name"/*) drop=yes dropped=yes ;; *) drop= ;; esac ;;
			esac
			[ $i -gt "$prefix" ] || drop=
			[ -n "$drop" ] || set -- "$@" "$word"
		done
		[ -n "$dropped" ] || break
	done
	missing=$(printf '%s\n' "$files" | grep . | sort -u)
	[ -n "$note" ] || [ -z "$keep" ] || keep
fi
# A signal other than this one is lost if it comes while a shell becomes a program.
{
	kill -KILL "$clock"
	end_group
	wait "$clock"
} 2>/dev/null
all=$(
	printf '%s\n' "$refuses" | grep . | sort -u | sed 's/^/option /'
	printf '%s\n' "$missing" | grep . | sed 's/^/file /'
)
if [ -n "$strict" ] && [ -n "$all" ]; then
	printf '%s\n' "$all" | sed "s|^option |$server refuses: |; s|^file |there is no |" >&2
	exit 1
fi
[ -z "$all" ] || printf '%s\n' "$all"
if [ -n "$note" ]; then printf 'note %s\n' "$note"
elif [ -n "$known" ]; then echo known
else printf 'sum %s\n' "$sum"; fi
exit 0

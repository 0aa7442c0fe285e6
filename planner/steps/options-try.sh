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
# Prints what is refused, one line each: "option TEXT", "file PATH". Without a verdict it prints
# "note REASON", because an image may have another parser. A verdict about options is kept beside
# the records, if there are any. state.sh and the engine's script come before this text.
# shellcheck shell=sh disable=SC2154
args 'cluster unknown prefix' 'version image image_id_sh files keep strict' "$@" || exit
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
# hear COMMAND...: $told, what it says, and $status. What it looked for and did not find is
# taken out of that: $missing.
hear() {
	told=$("$@" 2>&1 </dev/null 3>&-)
	status=$?
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

if kept; then
	if [ -n "$files" ]; then
		i=0
		for word; do
			[ $i -gt 0 ] || set --
			i=$((i + 1))
			[ $i -gt "$prefix" ] || set -- "$@" "$word"
		done
		hear "$@" true
	fi
else
	# What the engine leaves in its temporary folder goes with that.
	tmp=
	if [ -z "$image" ]; then
		trap 'trap "" TERM; rm -rf "$tmp"' EXIT
		trap 'exit 143' TERM # what takes too long is ended so
		tmp=$(mktemp -d) && export TMPDIR="$tmp" || exit 1
	fi
	printf 'progress %s reads its options\n' "$server" >&3
	tries=0 files=
	while [ $tries -lt 6 ]; do
		tries=$((tries + 1))
		hear "$@" "$unknown"
		files=$files$missing$nl
		verdict=$([ $status = 2 ] && printf '%s\n' "$told" | refused "$unknown") || {
			note="status $status: $(printf '%s\n' "$told" | tail -n 1)"
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
all=$(
	printf '%s\n' "$refuses" | grep . | sort -u | sed 's/^/option /'
	printf '%s\n' "$missing" | grep . | sed 's/^/file /'
)
if [ -n "$strict" ] && [ -n "$all" ]; then
	printf '%s\n' "$all" | sed "s|^option |$server refuses: |; s|^file |there is no |" >&2
	exit 1
fi
[ -z "$all" ] || printf '%s\n' "$all"
[ -z "$note" ] || printf 'note %s\n' "$note"
exit 0

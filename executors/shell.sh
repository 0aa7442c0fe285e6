# shell.sh - the loop that dray keeps in one shell of a node
# shellcheck shell=sh
#
# Booted by shell.c, which sends this text without comments and indentation, then a
# line with the nonce. Each request is a line
#	NONCE ID NAME TEXT-BYTES ARGUMENTS STDIN-BYTES MODE MAX
# the text, one line per argument, the nonce again (so that a cut-off request never
# runs), and the bytes for stdin. Each answer is lines that begin with the nonce:
#	hello 1 | ID start PGID | ID lost | ID say TEXT | ID end STATUS OUT-BYTES ERR-BYTES CUT CUT
# the last one followed by stdout and stderr, MAX bytes of each at most. MODE is
# "child" or "here". "lost" says that the script could not be started.
unset IFS
set +f
umask 077
LC_ALL=C
PATH=$PATH:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export LC_ALL PATH
# A service of systemd has none: it must find the records that the user's own login left.
if [ -z "$HOME" ]; then
	eval "HOME=~$(id -un 2>/dev/null)"
	case $HOME in /*) ;; *) HOME=/ ;; esac
	export HOME
	cd "$HOME" 2>/dev/null || :
fi
read -r nonce || exit 1

# take N: copy exactly N bytes of stdin. Some heads read more than they were asked for.
if [ "$(printf ab | { head -c 1; head -c 1; } 2>/dev/null)" = ab ]; then
	take() { head -c "$1"; }
elif [ "$(printf ab | { dd bs=1 count=1 iflag=fullblock; cat; } 2>/dev/null)" = ab ]; then
	take() { [ "$1" -eq 0 ] || dd bs="$1" count=1 iflag=fullblock 2>/dev/null; }
else
	take() { dd bs=1 count="$1" 2>/dev/null; }
fi
if setsid true </dev/null >/dev/null 2>&1; then
	own_group=setsid
else
	own_group=
fi

# Outputs go to files in memory where there is such a place: a full disk must not
# break the protocol.
dir=
# A hang-up while it is made would leave it behind, and one for all of the group would end
# the rm: both wait. The end of our stdin ends us anyway.
trap '' HUP INT TERM PIPE
trap '[ -z "$dir" ] || { trap "" HUP INT TERM PIPE; rm -rf "$dir"; }' EXIT
for at in "$XDG_RUNTIME_DIR" /dev/shm "$TMPDIR" /tmp "$HOME"; do
	if [ -d "$at" ] && [ -w "$at" ]; then
		dir=$(mktemp -d "$at/dray.XXXXXXXX" 2>/dev/null) || continue
		(echo test >"$dir/0.out") 2>/dev/null && [ -s "$dir/0.out" ] && break
		rm -rf "$dir"
		dir=
	fi
done
if [ -z "$dir" ]; then
	echo "no directory to write to: tried XDG_RUNTIME_DIR, /dev/shm, TMPDIR, /tmp, HOME" >&2
	exit 1
fi
trap 'exit 1' HUP INT TERM PIPE

# answer STATUS: the end frame with both outputs, whose sizes are fixed first, because
# something the script left behind may still write. head on a file is exact everywhere.
answer() {
	status=$1 out=0 err=0 cut=0 err_cut=0
	[ ! -s "$dir/$id.out" ] || out=$(($(wc -c <"$dir/$id.out")))
	[ ! -s "$dir/$id.err" ] || err=$(($(wc -c <"$dir/$id.err")))
	[ "$out" -le "$max" ] || { out=$max cut=1; }
	[ "$err" -le "$max" ] || { err=$max err_cut=1; }
	printf '%s %s end %s %s %s %s %s\n' "$nonce" "$id" "$status" "$out" "$err" "$cut" "$err_cut"
	[ "$out" -eq 0 ] || head -c "$out" "$dir/$id.out"
	[ "$err" -eq 0 ] || head -c "$err" "$dir/$id.err"
	rm -f "$dir/$id.out" "$dir/$id.err"
}

# relay: the lines of fd 3 become frames while the script runs. Broken pipes are
# ignored: a lost connection must not end a script that is half done.
relay() {
	trap '' PIPE HUP INT TERM
	read -r line && [ "${line%% *}" = start ] || line=
	printf '%s %s %s\n' "$nonce" "$id" "${line:-lost}"
	while IFS= read -r line; do
		case $line in
		"$nonce end "*)
			answer "${line##* }"
			return
			;;
		?*) printf '%s %s say %s\n' "$nonce" "$id" "$line" ;;
		esac
	done
}

# child ARGS: run the text in a process group of its own. What it leaves of its stdin
# is drained, and its status goes down the same pipe as what it said on fd 3.
child() {
	$own_group sh -c "echo start \$\$ >&3; $text" "$name" "$@" >"$dir/$id.out" 2>"$dir/$id.err"
	status=$?
	cat >/dev/null
	printf '\n%s end %s\n' "$nonce" "$status" >&3
}

# here ARGS: run the text in this very shell, which keeps the descriptors it opens.
here() { eval "$text"; }

printf '\n%s hello 1\n' "$nonce"
while read -r mark id name bytes count stdin mode max; do
	[ "$mark" = "$nonce" ] || exit 1
	text=$(take "$bytes")
	set --
	while [ $# -lt "$count" ]; do
		IFS= read -r line || exit 1
		case $line in
		=*) line=${line#=} ;;
		*) line=$(printf '%b.' "${line#%}") line=${line%.} ;;
		esac
		set -- "$@" "$line"
	done
	read -r mark && [ "$mark" = "$nonce" ] || exit 1
	if [ "$mode" = here ]; then
		here "$@" </dev/null >"$dir/$id.out" 2>"$dir/$id.err" 3>/dev/null
		answer $?
	elif [ "$stdin" -gt 0 ]; then
		{ take "$stdin" | child "$@" 3>&1 >&-; } | relay
	else
		{ child "$@" </dev/null 3>&1 >&-; } | relay
	fi
done

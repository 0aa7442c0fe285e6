# shell.sh - the loop that dray keeps in one shell of a node
# shellcheck shell=sh disable=SC2094,SC2086,SC2015,SC2154,SC2217
#
# shell.c boots it: it sends this text without comments and indentation, in two parts, then a line
# with the nonce. Of the first part each line is run as it comes, so each of them is a whole command.
# Each request is a line
#	NONCE ID NAME TEXT-BYTES ARGUMENTS STDIN-BYTES MODE MAX PRIVATE-BYTES
# then the text, one line for each argument, and the nonce. If there are bytes for stdin, they
# and the nonce follow. Nothing runs before all of it has come, so a request that was cut off
# anywhere never runs. Each answer is lines that start with the nonce:
#	hello 1 | ID start PGID | ID lost | ID say TEXT | ID end STATUS OUT-BYTES ERR-BYTES CUT CUT
# the last one followed by stdout and stderr, MAX bytes of each at most. A script that from now on
# only waits says "wait" on fd 3: then "say alive" comes every second, and the script is ended (by
# SIGHUP) once nobody is there to read it. Any other script runs to its end. MODE is
# "child" or "here". "lost" says that the script could not be started. The first
# PRIVATE-BYTES of stdin, all of it without that word, are never written to a disk.
# Every look at a node begins here, so this starts few processes. Inside $() some shells fork
# twice for a command with a redirection, but not with exec. What would only wait for the last command of a
# subshell is replaced by it.
unset IFS
umask 077
LC_ALL=C
PATH=$PATH:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
# Where WSL, Kubernetes and Flatcar keep the driver's tools.
PATH=$PATH:/usr/lib/wsl/lib:/usr/local/nvidia/bin:/opt/bin
export LC_ALL PATH
# "$take NUMBER" copies exactly that many bytes of stdin. What is
# above this came byte by byte; $rest, the size of what is below, is the first line. A dd that does not
# know a word of its own refuses before it reads, but some heads read more than they were asked for.
take='dd count=1 iflag=fullblock bs='
alone() { [ "$(printf 'ab\n' | { ${1}1 2>/dev/null; read -r other; echo ":$other"; })" = a:b ]; }
slower() { take='head -c '; alone "$take" || take='dd bs=1 count='; }
second() { boot=$(exec $take"$rest" 2>/dev/null); }
second || { slower; second; }; set +f; eval "$boot"
# Only an interactive shell learns where rootless Docker listens.
if [ -z "$DOCKER_HOST$DOCKER_CONTEXT" ] && [ -S "$XDG_RUNTIME_DIR/docker.sock" ] && [ ! -w /var/run/docker.sock ]; then
	export DOCKER_HOST="unix://$XDG_RUNTIME_DIR/docker.sock"
fi
# A systemd service has no HOME, but it must find the records that the user's login wrote.
if [ -z "$HOME" ]; then
	eval "HOME=~$(id -un 2>/dev/null)"
	case $HOME in /*) ;; *) HOME=/ ;; esac
	export HOME
	cd "$HOME" 2>/dev/null || :
fi
read -r nonce || exit 1
# take BYTES: dd has a whole block in memory, so it gets many of them.
take() {
	set -- "$1" 0
	case $take in *fullblock*) set -- $(($1 % 1048576)) $(($1 / 1048576)) ;; esac
	[ "$2" -eq 0 ] || dd bs=1048576 iflag=fullblock count="$2" 2>/dev/null || return
	[ "$1" -eq 0 ] || $take"$1" 2>/dev/null
}
own_group=
! command -v setsid >/dev/null || own_group=setsid

# deaf: ignore signals until the folder is removed or handed over. A signal in the middle of
# mktemp, of an EXIT trap or of its rm would leave the folder behind. Not even "trap" as the
# first word of the EXIT trap is early enough: what ends this shell calls deaf before it exits.
deaf() { trap '' HUP INT TERM PIPE; }

# Outputs go to files in memory if possible, because a full disk must not break the protocol.
dir=
deaf
trap '[ -z "$dir" ] || exec rm -rf "$dir"' EXIT
for at in "$XDG_RUNTIME_DIR" /dev/shm "$TMPDIR" /tmp "$HOME"; do
	if [ -d "$at" ] && [ -w "$at" ]; then
		dir=$(exec mktemp -d "$at/dray.XXXXXXXX" 2>/dev/null) || continue
		{ echo test >"$dir/0.out"; } 2>/dev/null && [ -s "$dir/0.out" ] && break
		rm -rf "$dir"
		dir=
	fi
done
if [ -z "$dir" ]; then
	echo "no directory to write to: tried XDG_RUNTIME_DIR, /dev/shm, TMPDIR, /tmp, HOME" >&2
	exit 1
fi
leave() {
	deaf
	exit 1
}
trap leave HUP INT TERM PIPE

# Each folder names its shell: the boot, when the first process of its machine or namespace began,
# which mount its root is, its pid, and when it began itself. (Containers that share /dev/shm often
# begin at the same moment, but no two have the same mounts.) The folder of a shell that was killed is
# removed, unless one of its scripts still writes there. Folders of other logins and machines are left
# alone.
birth() {
	stat=
	read -r stat <"/proc/$1/stat"
	set -- ${stat##*) }
	birth=${20-}
}
{ read -r boot </proc/sys/kernel/random/boot_id; } 2>/dev/null || boot=
{ read -r mounted stat </proc/self/mountinfo; } 2>/dev/null || mounted=
birth 1 2>/dev/null
place="$boot $birth $mounted"
birth $$ 2>/dev/null
echo "$place $$ $birth" >"$dir/owner"
for old in "$XDG_RUNTIME_DIR"/dray.* /dev/shm/dray.* "$TMPDIR"/dray.* /tmp/dray.*; do
	[ -f "$old/owner" ] && [ ! -h "$old" ] && [ -O "$old" ] && read -r boot first mounted pid began <"$old/owner" || continue
	[ "$boot $first $mounted" = "$place" ] && [ -n "$began" ] || continue
	birth "$pid"
	[ "$birth" != "$began" ] || continue
	case $(exec ls -l /proc/[0-9]*/fd) in *" $old/"*) continue ;; esac
	rm -rf "$old"
done 2>/dev/null
unset boot first mounted pid began birth place old stat
# lock.sh replaces these two. Some shells pass a descriptor to children only if it is named.
exec 8</dev/null 9</dev/null

# sum_up STATUS ERR-BYTES OUT-BYTES: send the end frame, and set how much of both outputs follows.
sum_up() {
	out=$3 err=$2 cut=0 err_cut=0
	[ "$out" -le "$max" ] || { out=$max cut=1; }
	[ "$err" -le "$max" ] || { err=$max err_cut=1; }
	printf '%s %s end %s %s %s %s %s\n' "$nonce" "$id" "$1" "$out" "$err" "$cut" "$err_cut"
}
# out_of FILE BYTES: send so much of it. head is exact for a file.
out_of() { [ "$2" -eq 0 ] || head -c "$2" "$dir/$id.$1"; }
# bytes_of FILE: set $bytes. The sizes are taken before the end frame, because a process that the script
# left behind may still write.
bytes_of() {
	bytes=0
	[ ! -s "$dir/$id.$1" ] || bytes=$(($(exec wc -c <"$dir/$id.$1")))
}

# alive PGID: send a sign of life every second, until we are killed. When it can no longer be
# sent, dray is gone: end the group, which only waits.
alive() {
	while printf '%s %s say alive\n' "$nonce" "$id"; do
		sleep 1 </dev/null >/dev/null 8<&- 9<&-
	done
	kill -HUP "-$1" || kill -HUP "$1" || return
	sleep "$term_limit" </dev/null >/dev/null 8<&- 9<&-
	kill -KILL "-$1" || kill -KILL "$1"
}

# relay: send the lines of fd 3 as frames while the script runs. It ignores broken pipes: a
# lost connection must not end a script in the middle.
relay() {
	trap '' PIPE HUP INT TERM
	pulse=
	read -r line && [ "${line%% *}" = start ] || line=
	group=${line#start }
	printf '%s %s %s\n' "$nonce" "$id" "${line:-lost}"
	while IFS= read -r line; do
		case $line in
		wait)
			[ -n "$pulse" ] || { alive "$group" 2>/dev/null 8<&- 9<&- & pulse=$!; }
			;;
		"$nonce end "*)
			# Nothing may come between the bytes of the answer.
			[ -z "$pulse" ] || { kill -KILL "$pulse"; wait "$pulse"; } 2>/dev/null
			# wc has a line of its own, and what the script left behind may come before it.
			while read -r bytes; do
				case $bytes in '' | *[!0-9]*) ;; *) break ;; esac
			done
			sum_up ${line#"$nonce end "} "${bytes:-0}"
			[ "$err" -ne 0 ] || [ "$out" -eq 0 ] || exec head -c "$out" "$dir/$id.out"
			out_of out "$out"
			out_of err "$err"
			return
			;;
		?*) printf '%s %s say %s\n' "$nonce" "$id" "$line" ;;
		esac
	done
}

memory=
# in_memory: is $dir in memory and not on a disk? It is checked once, when it is first needed.
in_memory() {
	if [ -z "$memory" ]; then
		memory=no
		case $(stat -f -c %T "$dir" 2>/dev/null) in tmpfs | ramfs) memory=yes ;; esac
	fi
	[ "$memory" = yes ]
}

# hold: read all of stdin into $id.in before anything runs. Private bytes stay in memory: if
# $dir is on a disk, they wait in a pipe, which holds 64 KiB, or half of that in small pieces.
# (The pipe is fd 7, filled by fd 6; 8 and 9 are the lock's.)
hold() {
	if [ "$private" -eq 0 ] || in_memory; then
		take "$stdin" >"$dir/$id.in"
	elif [ "$private" -le 32768 ]; then
		mkfifo "$dir/$id.key" || return
		exec 6<>"$dir/$id.key" 7<"$dir/$id.key"
		rm -f "$dir/$id.key"
		piped=yes
		take "$private" >&6 && take $((stdin - private)) >"$dir/$id.in" || return
		exec 6>&-
	else
		take "$stdin" >/dev/null && : >"$dir/$id.in" || return
		text='echo "its input is private and too large for a node without a folder in memory:" \
			"XDG_RUNTIME_DIR and /dev/shm are not writable folders in memory" >&2; exit 1'
	fi
}

# child ARGS: run the text in its own process group, then exit. Its status and the sizes of its outputs
# go through the same pipe as its lines on fd 3, the size of stdout as the last line.
child() {
	$own_group sh -c "echo start \$\$ >&3; $text" "$name" "$@" >"$dir/$id.out" 2>"$dir/$id.err" 8<&8 9<&9
	status=$?
	bytes_of err
	printf '\n%s end %s %s\n' "$nonce" "$status" "$bytes" >&3
	[ ! -s "$dir/$id.out" ] || exec wc -c <"$dir/$id.out" >&3
	echo 0 >&3
	exit
}

# here ARGS: run the text in this shell, which keeps the descriptors that it opens.
here() { eval "$text"; }

printf '\n%s hello 1\n' "$nonce"
while read -r mark id name bytes count stdin mode max private; do
	[ "$mark" = "$nonce" ] || leave
	text=$(exec $take"$bytes" 2>/dev/null)
	set --
	while [ $# -lt "$count" ]; do
		IFS= read -r line || leave
		case $line in
		=*) line=${line#=} ;;
		*) line=$(printf '%b.' "${line#%}") line=${line%.} ;;
		esac
		set -- "$@" "$line"
	done
	read -r mark && [ "$mark" = "$nonce" ] || leave
	piped=
	if [ "$stdin" -gt 0 ]; then
		private=${private:-$stdin}
		hold || leave
		read -r mark && [ "$mark" = "$nonce" ] || leave
	fi
	if [ "$mode" = here ]; then
		here "$@" </dev/null >"$dir/$id.out" 2>"$dir/$id.err" 3>/dev/null
		status=$?
		bytes_of err
		err=$bytes
		bytes_of out
		sum_up "$status" "$err" "$bytes"
		out_of out "$out"
		out_of err "$err"
	elif [ "$stdin" -eq 0 ]; then
		{ child "$@" </dev/null 3>&1 >&-; } | (relay)
	elif [ -z "$piped" ]; then
		{
			[ "$private" -eq 0 ] || rm -f "$dir/$id.in"
			child "$@" 3>&1 >&-
		} <"$dir/$id.in" | (relay)
	else
		# Drain what the script does not read from its stdin.
		{ cat - "$dir/$id.in" <&7 2>/dev/null | { (child "$@" 3>&1 >&-); cat >/dev/null; } 7<&-; } |
			(relay) 7<&-
		exec 7<&-
	fi
	for file in out err in; do
		[ ! -s "$dir/$id.$file" ] || true >"$dir/$id.$file"
	done
done
deaf

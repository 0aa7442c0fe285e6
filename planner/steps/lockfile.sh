# lockfile.sh - where the lock of a cluster is, and who has it; comes after state.sh and whose.sh
# shellcheck shell=sh disable=SC2154,SC2015,SC2034,SC2012
lock_places='/run/lock /dev/shm /tmp'

# lock_of CLUSTER: sets $lock, the file that all logins of this machine lock; after state_of. It is
# in the first place that all of them may write to: where only some may, the others would lock
# another file. Fails when there is no such place.
lock_of() {
	lock=
	for place in $lock_places; do
		[ -d "$place" ] && [ -w "$place" ] && mode_of "$place" && [ "$mode" = 1777 ] || continue
		lock=$place/dray-$1-$machine.lock
		return 0
	done
	return 1
}

# mode_of DIR: sets $mode. observe.sh has another way, which needs no process.
mode_of() { mode=$(exec stat -L -c %a "$1" 2>/dev/null); }

# lock_note: sets $note, the file that the login with the lock left beside it, whose name ends with
# its uid: who took it, and "PID BORN" of the shell that holds it. Sets $lives if that shell is
# still there. Fails when there is no such file.
lock_note() {
	note='' lives=''
	set -- "${lock%.lock}".[0-9]*
	[ -e "$1" ] || [ -h "$1" ] || return 1
	# shellcheck disable=SC2045
	for left in $(ls -1t "${lock%.lock}".[0-9]* 2>/dev/null); do
		# A note that another login wrote is not believed.
		[ -f "$left" ] && [ ! -h "$left" ] && [ "$(stat -c %u "$left" 2>/dev/null)" = "${left##*.}" ] || continue
		note=${note:-$left}
		lock_shell=$(head -c 4096 "$left" | sed -n 2p)
		[ -n "$lock_shell" ] && [ "$(lock_born "${lock_shell%% *}" "${left##*.}")" = "$lock_shell" ] || continue
		note=$left lives=yes
		return
	done
	[ -n "$note" ]
}
# lock_born PID UID: prints "PID BORN" of a process of that login, as notes have it.
lock_born() {
	[ "$(stat -c %u "/proc/$1" 2>/dev/null)" = "$2" ] && born "$1" && printf '%s\n' "$1 $born"
}
# lock_told: prints what the note says, and in a second line its login if it is not ours.
lock_told() {
	lock_note || return 0
	head -c 4096 "$note" | head -n 1
	[ "${note##*.}" = "${self%%@*}" ] || printf '%s\n' "$(login_of "${note##*.}")"
}
# lock_doing FILE: prints "runs NAME SECONDS" for the script that has FILE open as its lock, and how
# long it runs: it changes something, since one that only waits has closed it. The shells that took the lock are not meant.
# (While a shell runs a command without its lock, the lock has another number in it.)
lock_doing() {
	for doing in $(ls -l /proc/[0-9]*/fd 2>/dev/null | awk -v file="$1" '
		/^\/proc\// { split($0, part, "/") }
		substr($0, length($0) - length(file) - 2) == "-> " file { print part[3] }'); do
		{ cat /proc/uptime; sed 's/.*) //' "/proc/$doing/stat"; tr '\0\n' '\n ' <"/proc/$doing/cmdline"; } |
			awk 'NR == 1 { up = $1; next } NR == 2 { age = int(up - $20 / 100); next }
				NR == 5 && !/^echo start / { exit }
				NR == 6 { if (/^[a-z-]+$/) print "runs " $0, (age > 0 ? age : 0); exit }'
	done 2>/dev/null | head -n 1
}

# is_locked FILE: does somebody have it locked? Trying to lock it would be a change.
# (In a pid namespace, such as that of a host that is a container itself, /proc/locks leaves out
# a lock whose taker has ended; the fdinfo of the process that holds it does not.)
is_locked() {
	[ -e "$1" ] && where=$(stat -c '%d %i' "$1" 2>/dev/null) || return 1
	# Files in memory have small numbers, so their place counts too; other file systems may
	# name their place differently there.
	place='[0-9a-f]*:[0-9a-f]*'
	if [ "$(stat -f -c %T "$1" 2>/dev/null)" = tmpfs ]; then
		place=${where% *} high=$((place / 1048576))
		place=$(printf '%02x:%02x' $((place / 256 % 4096)) $((place % 256 + high * 256)))
	fi
	where=$place:${where#* }
	grep -qs -e "^[0-9]*: FLOCK .* $where " -e "^lock:.* FLOCK .* $where " \
		/proc/locks /proc/[0-9]*/fdinfo/[89]
}

# lock.sh - takes the cluster's lock on this node. Status 75: somebody has it, and stdout says who.
# Evaluated in the shell that is to hold it: the lock lasts as long as that shell, or a child of
# it that kept the descriptors, has the files open.
#	cluster  the cluster
#	info     who we are, one line of JSON, for those who find it locked
# Two files are locked:
#	9  the machine's, which all logins of the machine share
#	8  that in the login's state folder, the only one that an earlier version knows, and the
#	   only one where no place is shared
# state.sh, whose.sh and lockfile.sh come before this text.
# shellcheck shell=sh disable=SC2154

# Some shells pass a descriptor to a child only if the command names it.
lock_flock() { flock "$@" 8<&8 9<&9; }
# lock_try DESCRIPTOR FILE: status 0; 75 if somebody has it; else another one, with words.
lock_try() {
	lock_flock -n -E 75 "$1" 2>/dev/null
	case $? in 0) return 0 ;; 75) return 75 ;; esac
	# Not every flock knows -E. It is held when nothing else is wrong with the descriptor.
	told=$(lock_flock -n "$1" 2>&1)
	case $? in
	0) return 0 ;;
	1) ! lock_flock -u "$1" 2>/dev/null || return 75 ;;
	esac
	echo "flock cannot lock '$2': ${told:-it gives no reason}" >&2
	return 1
}
# lock_machine CLUSTER: takes descriptor 9; status as in lock_try. Everybody may write to that
# place, and somebody may have put something there: no link is followed, and nothing is emptied
# or written.
lock_machine() {
	lock_of "$1" || return 0
	for _ in 1 2 3 4 5; do
		[ -e "$lock" ] || [ -h "$lock" ] || (umask 022 && set -C && : >"$lock") 2>/dev/null
		if [ -h "$lock" ] || ! [ -f "$lock" ] || ! (: <"$lock") 2>/dev/null; then
			if [ -h "$lock" ] || [ -e "$lock" ]; then
				echo "the lock '$lock' cannot be used: it is not a plain file that all may read, and login" \
					"'$(login_of "$(stat -c %u "$lock" 2>/dev/null)")' made it; it has to be removed" >&2
			else
				echo "cannot make the lock '$lock'" >&2
			fi
			return 1
		fi
		exec 9<"$lock"
		lock_try 9 "$lock" || return
		# A destroy may have removed the file that we opened.
		[ "$(stat -L -c %d:%i /proc/self/fd/9 9<&9 2>/dev/null)" != "$(stat -c %d:%i "$lock" 2>/dev/null)" ] || return 0
	done
	echo "the lock '$lock' is another file each time" >&2
	return 1
}
# lock_apply INFO INFO: are both of the same apply?
lock_apply() {
	for words; do
		set -- "$@" "$(printf '%s\n' "$words" | sed -n 's/.*"apply": *"\([0-9a-f]*\)".*/\1/p' | head -n 1)"
		shift
	done
	[ -n "$1" ] && [ "$1" = "$2" ]
}
lock_take() {
	if ! command -v flock >/dev/null; then
		echo "no flock command on this node" >&2
		return 1
	elif ! (umask 077 && mkdir -p "$state" && : >>"$state/lock"); then
		echo "cannot write to '$state'" >&2
		return 1
	fi
	exec 8</dev/null 9</dev/null
	lock_machine "$1"
	case $? in
	0) ;;
	75)
		# Two nodes of a spec may be one machine: then this apply has it already.
		lock_apply "$(lock_told)" "$2" || { lock_told; lock_doing "$lock"; return 75; }
		lock=
		;;
	*) return 1 ;;
	esac
	exec 8>>"$state/lock"
	lock_try 8 "$state/lock"
	case $? in
	0) ;;
	75) cat "$state/lock.info" 2>/dev/null; lock_doing "$state/lock"; return 75 ;;
	*) return 1 ;;
	esac
	# On a full disk this fails, and the lock must still be had: to remove what fills it.
	(umask 077 && printf '%s\n' "$2" >"$state/lock.info") 2>/dev/null || :
	[ -z "$lock" ] || (
		note=${lock%.lock}.${self%%@*}
		rm -f "$note"
		[ ! -e "$note" ] && [ ! -h "$note" ] && umask 022 && set -C && printf '%s\n%s\n' "$2" "$(lock_born $$ "${self%%@*}")" >"$note"
	) 2>/dev/null || :
}

args 'cluster info' '' "$@" && state_of "$cluster" && {
	lock_take "$cluster" "$info" || {
		told=$?
		exec 8</dev/null 9</dev/null
		(exit "$told")
	}
}

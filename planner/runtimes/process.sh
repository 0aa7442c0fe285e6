# process.sh - functions of the scripts that start, end and look at the parts of an engine
# that run without containers (runtime none); comes behind state.sh and whose.sh
# shellcheck shell=sh disable=SC2154
#
# Each step has a folder with what is known of its process: log, status, pid, start (when
# it began, and in which boot), instance, inputs, temp, known and rest (the processes that
# were there when it was up, and in its session when it ended; each with the time of its birth),
# and parts (those that it had started when it was up).
# A process is ours when its environment says so (DRAY_CLUSTER, DRAY_STEP, DRAY_OWNER), when it is
# known, when it is in a session with such a one, or when it comes from one: programs that give
# themselves a title wipe out their environment.
# shellcheck disable=SC2015,SC2030,SC2031,SC2154
nl='
'

# places CLUSTER [UID]: $state and $run, where the folders lie; $boot.
places() {
	state_of "$@"
	run=$state/run
	read -r boot </proc/sys/kernel/random/boot_id
}
# worker[gpu-2] -> worker@gpu-2, and back; step_named sets $step.
folder_of() {
	case $1 in
	*\[*\]) set -- "${1%\]}"; printf '%s\n' "${1%%\[*}@${1#*\[}" ;;
	*) printf '%s\n' "$1" ;;
	esac
}
step_named() { case $1 in *@*) step=${1%%@*}[${1#*@}] ;; *) step=$1 ;; esac; }
step_of() { step_named "$1" && printf '%s\n' "$step"; }

# environment PID: a line for each variable; nothing when it is not ours to read, and
# lines without '=' when a title has been written over it.
environment() { tr '\0' '\n' 2>/dev/null <"/proc/$1/environ" | grep .; }

# is_foreign PID INSTANCE: its environment is whole, and does not name that instance. What marks has read is
# not read again.
is_foreign() {
	has=$nl${marks-}
	case $has in *"$nl$1 "*)
		has=${has#*"$nl$1 "}
		case ${has%%"$nl"*} in *" $2 "*) return 1 ;; esac
		;;
	esac
	! grep -qs -e "DRAY_INSTANCE=$2" "/proc/$1/environ" || return 1
	has=$(environment "$1")
	case $has in
	*"DRAY_INSTANCE=$2"*) return 1 ;;
	*=*) return 0 ;;
	esac
	return 1
}

# lives FOLDER: is the process that this folder tells of there? Sets $pid and $instance.
lives() {
	pid='' instance='' began='' epoch=''
	read -r instance 2>/dev/null <"$1/instance" || return 1
	read -r pid 2>/dev/null <"$1/pid" || return 1
	read -r began epoch 2>/dev/null <"$1/start" || return 1
	[ "$epoch" = "$boot" ] && born "$pid" && [ "$born" = "$began" ] && ! is_foreign "$pid" "$instance"
}

# holding TEXT OTHER FILE...: $found, the files that hold one of both texts. Some greps see no
# further than a NUL; one that does finds the text among its own arguments.
holding() {
	text=$1 other=$2
	shift 2
	found=$(exec grep -ls -e "$text" -e "$other" -- /proc/self/cmdline "$@" 2>/dev/null)
	case $found in
	/proc/self/cmdline*) found=${found#/proc/self/cmdline} found=${found#?} ;;
	*) printf 'a\0b' | grep -q b || found=$(for file; do
		! tr '\0' '\n' 2>/dev/null <"$file" | grep -q -e "$text" -e "$other" || printf '%s\n' "$file"
	done) ;;
	esac
}

# "FILE:WORD" lines of environments -> "PID STEP INSTANCE OWNER" of those of cluster c.
# shellcheck disable=SC2016
marks_awk='
	function tell() {
		if (pid && ours && step != "") print pid, step, (id == "" ? "-" : id), owner
		ours = step = id = owner = ""
	}
	{ file = $0; sub(/:.*/, "", file); sub(/^[^:]*:/, "") }
	file != last { tell(); last = pid = file; gsub(/[^0-9]/, "", pid) }
	$0 == "DRAY_CLUSTER=" c { ours = 1 }
	sub(/^DRAY_STEP=/, "") { step = $0 }
	sub(/^DRAY_INSTANCE=/, "") { id = $0 }
	sub(/^DRAY_OWNER=/, "") { owner = $0 }
	END { tell() }'
# marks CLUSTER: $marks, a line "PID STEP INSTANCE OWNER" for each process whose environment
# names the cluster: $mine are those that are ours, $others the rest. And $keepers, the pids of what may be
# keepers, whosever they are. (The pattern does not match this text, which is an argument of the shell that
# runs it.)
marks() {
	marks='' mine='' others='' keepers=''
	holding "DRAY_CLUSTER=$1" 'dray[-]keeper' /proc/[0-9]*/environ /proc/[0-9]*/cmdline
	environs=
	for file in $found; do
		case $file in */environ) environs="$environs $file"; continue ;; esac
		file=${file#/proc/}
		keepers="$keepers ${file%/*}"
	done
	[ -n "$environs" ] || return 0
	# shellcheck disable=SC2086
	# An environment may have any text in it, but no NUL. So each word comes with the file that it is from:
	# else a stranger could speak for a process that is not his.
	marks=$(LC_ALL=C grep -zHs -e '^DRAY_' -- $environs | tr '\n\0' '\001\n' | awk -v c="$1" "$marks_awk")$nl
	# (Not every grep knows -z.)
	[ "$marks" != "$nl" ] || marks=$(for file in $environs; do
		tr '\n\0' '\001\n' 2>/dev/null <"$file" | sed -n "s|^DRAY_|$file:&|p"
	done | awk -v c="$1" "$marks_awk")$nl
	instances=
	while read -r its_pid its_step its_id its_owner; do
		known=-
		case $its_pid:$its_owner in
		: | *:"$self") ;;
		*: | *:"${self%%@*}@"*)
			instances=${instances:-$(instances)}
			case " $instances " in *" $its_id "*) known=$its_id ;; esac
			;;
		esac
		line="$its_pid $its_step $its_id $its_owner$nl"
		if [ -z "$its_pid" ]; then :
		elif is_mine "$its_owner" "$its_id" "$known"; then mine=$mine$line
		else others=$others$line
		fi
	done <<-END
		$marks
	END
}
# instances: prints those that our folders and records name. What an earlier version started does not name
# its owner.
instances() {
	{
		cat "$run"/*/instance
		sed -n 's/.*"instance":"\([^"]*\)".*/\1/p' "$state"/steps/*.json
	} 2>/dev/null | tr '\n' ' '
}
# strangers CLUSTER: after marks, $strangers, "STEP PID OWNER" lines of what another owner runs of a cluster
# of that name. Of another login only the words of the keeper are to be seen, which name the folder.
strangers() {
	strangers=
	while read -r its_pid its_step _ its_owner; do
		[ -z "$its_pid" ] ||
			strangers="$strangers$its_step $its_pid ${its_owner:-$(stat -c %u "/proc/$its_pid" 2>/dev/null)@}$nl"
	done <<-END
		$others
	END
	for its_pid in $keepers; do
		if { :; } 2>/dev/null <"/proc/$its_pid/environ"; then continue; fi
		its_dir=$(tr '\0' '\n' <"/proc/$its_pid/cmdline" | awk 'keeper { print; exit } { keeper = $0 == "dray" "-keeper" }')
		case $its_dir in
		*/dray/"$1"/*/run/*)
			strangers="$strangers$(step_of "${its_dir##*/}") $its_pid $(stat -c %u "/proc/$its_pid")@${its_dir%/"$1"/*/run/*}$nl"
			;;
		esac
	done 2>/dev/null
	[ -z "$strangers" ] || strangers=$(printf %s "$strangers" | sort -u -k1,1 -k3)
}

# still_its DIR: after lives failed: is session $pid still that of this folder? Its leader has
# ended, or another process has the number.
still_its() {
	if read -r stat 2>/dev/null <"/proc/$pid/stat"; then
		# shellcheck disable=SC2086
		set -- "$1" ${stat##*) }
		# Nobody else has the number of one that is not buried yet.
		[ "$2" = Z ] && [ "${21}" = "$began" ]
		return
	fi
	# Nobody else has the number of a session that somebody is left of, and those the keeper wrote
	# down. It is about to do so if there is no status yet.
	if [ -f "$1/rest" ]; then
		while read -r other when; do
			! born "$other" || [ "$born" != "$when" ] || return 0
		done <"$1/rest"
	fi
	! { [ ! -e "$1/status" ] && read -r other <"$1/keeper" &&
		tr '\0' '\n' <"/proc/$other/cmdline" | grep -qxF -e "$1"; } 2>/dev/null || return 0
	# Else the number may be another session's by now, as one in it may show.
	foreign=
	for other in $(in_session "$pid"); do
		! grep -qs -e "DRAY_INSTANCE=$instance" "/proc/$other/environ" || return 0
		! is_foreign "$other" "$instance" || foreign=1
	done
	[ -z "$foreign" ]
}
# sessions: $sessions, "- SESSION STEP BORN" of each folder whose boot is this one, and "+ STEP FILE", where
# that names what was there when it was up. What a process writes over its environment changes neither.
sessions() {
	sessions=
	for dir in "$run"/*; do
		its=
		! { lives "$dir" || { [ -n "$began" ] && [ "$epoch" = "$boot" ] && still_its "$dir"; }; } || its=yes
		[ "$epoch" = "$boot" ] || continue
		step_named "${dir##*/}"
		[ -z "$its" ] || sessions="$sessions- $pid $step $began$nl"
		[ ! -s "$dir/known" ] || sessions="$sessions+ $step $dir/known$nl"
	done
}
# Functions of awk: table() reads parent[], session[] and born[] of each process that has not ended, the
# pids in pid[1] to pid[pids]; and into title[] what its words begin with, where that is one of titles, which
# are words for grep. A process that ends between the opening and the reading of its file fails that read,
# and some awks end at once then, so grep reads, which goes on. It names the file in each line: the name of
# a program may have a newline, and anything, in it.
# shellcheck disable=SC2016
table_awk='
	function table(titles,    command, line, p, n, i, all, seen, f) {
		command = "LC_ALL=C; export LC_ALL; exec grep -Haos -e \047^[0-9]* (.*\047 -e \047.*) [A-Za-z] .*\047" titles \
			" /proc/[0-9]*/stat" (titles != "" ? " /proc/[0-9]*/cmdline" : "")
		while ((command | getline line) > 0) {
			p = line; sub(/^\/proc\//, "", p); sub(/\/.*/, "", p)
			i = index(line, ":")
			if (substr(line, 1, i) ~ /cmdline:$/) {
				if (!(p in title)) title[p] = substr(line, i + 1)
				continue
			}
			if (!(p in all)) seen[++n] = p
			all[p] = all[p] substr(line, i + 1) " "
		}
		close(command)
		for (i = 1; i <= n; i++) {
			p = seen[i]
			if (!sub(/^.*\) /, "", all[p])) continue
			split(all[p], f, " ")
			if (f[1] == "Z" || f[1] == "X") continue
			pid[++pids] = p; parent[p] = f[2]; session[p] = f[4]; born[p] = f[20]
		}
		if (!pids) { print "cannot see the processes of this host in /proc" > "/dev/stderr"; exit 1 }
	}'
# children PID, in_session PID: the pids of those.
children() {
	exec awk -v p="$1" "$table_awk"'
	BEGIN { table(""); for (i = 1; i <= pids; i++) if (parent[pid[i]] == p) print pid[i] }'
}
in_session() {
	exec awk -v s="$1" "$table_awk"'
	BEGIN { table(""); for (i = 1; i <= pids; i++) if (session[pid[i]] == s) print pid[i] }'
}

# members [STEP]: in a subshell, after places and marks: prints "PID STEP" of all that is ours, or the pids
# of that step; fails if it sees no process at all. Before those, for each of $roots, which are lines
# "STEP PID PARTS", a "tree" fact: how many processes come from it, and how many of those have a worker's or a
# core's title ($worker_title and $core_title, of a look). Nothing is told of one that has no process below
# it, unless PARTS says that it is known to have had some: not every engine starts processes. A line "." ends
# the facts.
members() {
	sessions
	exec awk -v only="${1-}" -v worker="${worker_title-}" -v core="${core_title-}" "$table_awk"'
	NF == 0 { next }
	$1 == "-" { of[$2] = $3; since[$2] = $4; next }
	$1 == "+" {
		step = $2; sub(/^[^ ]* [^ ]* /, "")
		while ((getline line < $0) > 0) known[line] = step
		next
	}
	$1 == "*" { name[++roots] = $2; root[roots] = $3; parts[roots] = $4; next }
	{ ours[$1] = $2 }
	function tree(k,    i, from, again, all, workers, cores) {
		if (!(root[k] in parent)) return
		from[root[k]] = again = 1
		for (all = workers = cores = 0; again;) {
			again = 0
			for (i = 1; i <= pids; i++)
				if (!(pid[i] in from) && (parent[pid[i]] in from)) {
					from[pid[i]] = again = 1; all++
					if (worker != "") workers += index(title[pid[i]], worker) == 1
					if (core != "") cores += index(title[pid[i]], core) == 1
				}
		}
		if (all || parts[k] != "") print "tree\t" name[k] "\t" all "\t" workers "\t" cores
	}
	function words(title) { return title == "" ? "" : " -e \047^" title "\047" }
	END {
		table(roots ? words(worker) words(core) : "")
		for (i = 1; i <= roots; i++) tree(i)
		if (roots) print "."
		for (i = 1; i <= pids; i++) {
			line = pid[i] " " born[pid[i]]
			if (line in known) ours[pid[i]] = known[line]
		}
		# A session is ours when its leader is, or when it has none any more.
		for (i = 1; i <= pids; i++) {
			s = session[pid[i]]
			if ((pid[i] in ours) && ((s in ours) || !(s in parent))) of[s] = ours[pid[i]]
		}
		for (again = 1; again;) {
			again = 0
			for (i = 1; i <= pids; i++) {
				p = pid[i]
				if (p in ours) continue
				if ((session[p] in of) && born[p] >= since[session[p]]) ours[p] = of[session[p]]
				else if (parent[p] in ours) ours[p] = ours[parent[p]]
				else continue
				again = 1
			}
		}
		for (i = 1; i <= pids; i++) {
			p = pid[i]
			if (!(p in ours)) continue
			if (only == "") print p, ours[p]
			else if (ours[p] == only) print p
		}
	}' <<-END
		${roots-}
		$sessions${mine-}
	END
}
# members_of CLUSTER STEP: in a subshell: the pids of that step, now. What cannot be seen is not gone.
members_of() { marks "$1" && members "$2"; }

# temp_of FOLDER STEP PID...: the folders in /tmp that were made for a step: its own, and that
# of Ray, which on a worker is where the head's is, as the words of Ray's processes say.
temp_of() {
	{
		cat "$1/temp"
		step=$2
		shift 2
		for pid; do
			environment "$pid" | sed -n 's|^DRAY_TEMP=\(/tmp/dray-[A-Za-z0-9]*\)$|\1|p'
			case $step in head\[* | worker\[*) ;; *) continue ;; esac
			tr '\0' '\n' <"/proc/$pid/cmdline" | sed -n 's|^--[a-z_-]*=\(/tmp/dray-[A-Za-z0-9]*\)\(/.*\)*$|\1|p'
		done
	} 2>/dev/null | sort -u
}
# temp_free: removes those folders on stdin that this login made in /tmp.
temp_free() {
	while IFS= read -r temp; do
		case ${temp#/tmp/dray-} in "$temp" | '' | */* | *..*) continue ;; esac
		[ ! -d "$temp" ] || [ -h "$temp" ] || ! [ -O "$temp" ] || rm -rf "$temp"
	done
}

# shm_of PID...: the files in /dev/shm that they have mapped. vLLM's and NCCL's stay behind
# when a process is killed, and hold memory until the host reboots.
shm_of() {
	for pid; do sed -n 's|^[^/]* \(/dev/shm/.*\)|\1|p' "/proc/$pid/maps"; done 2>/dev/null |
		grep -v ' (deleted)$' | sort -u
}
# shm_free: removes those of the files on stdin that nobody has mapped any more.
shm_free() {
	while IFS= read -r file; do
		[ -f "$file" ] && ! grep -qsF -- "$file" /proc/[0-9]*/maps && rm -f -- "$file"
	done 2>/dev/null
}

# end_all CLUSTER STEP: asks the step's processes to end, forces them after a minute; fails
# with words when that is in vain. The keeper of the status ends by itself.
end_all() {
	left=$(members_of "$1" "$2") || return 1
	# shellcheck disable=SC2086
	shm=$(shm_of $left) keeper=- groups=
	read -r keeper 2>/dev/null <"$run/$(folder_of "$2")/keeper"
	for pid in $left; do
		[ "$pid" != "$keeper" ] && read -r stat 2>/dev/null <"/proc/$pid/stat" || continue
		# shellcheck disable=SC2086
		group=$(set -- ${stat##*) }; echo "$3")
		case " $groups " in *" $group "*) continue ;; esac
		groups="$groups $group"
		# Not `kill -TERM -- -PID`, which dash does not understand. CONT: a stopped process
		# would not act on the other one.
		for signal in TERM CONT; do
			if [ "$group" -gt 1 ]; then kill -$signal "-$group"; else kill -$signal "$pid"; fi 2>/dev/null
		done
	done
	tries=0
	while left=$(members_of "$1" "$2") || return 1; [ -n "$left" ]; do
		tries=$((tries + 1))
		if [ $tries -gt $((end_limit + kill_limit)) ]; then
			# shellcheck disable=SC2086
			echo "'$2' does not end, not even by KILL: pid" $left >&2
			return 1
		fi
		if [ $tries -ge "$end_limit" ]; then
			printf 'progress killing %s\n' "$2" >&3
			# shellcheck disable=SC2086
			kill -KILL $left 2>/dev/null
		fi
		[ $tries -lt 4 ] && sleep 0.3 2>/dev/null || sleep 1
	done
	printf '%s\n' "$shm" | shm_free
	return 0
}

# report_of STEP LINES BYTES [FROM]: its state, then as much of its log, from there on or of its end;
# each line of that begins with a bar. planner/why/evidence.h describes it. Needs end-of-file.sh.
report_of() {
	dir=$run/$(folder_of "$1") oom=
	[ ! -s "$dir/oom" ] || oom=", out of memory"
	if lives "$dir"; then
		echo "alive process of $1: runs, pid $pid"
	elif [ -s "$dir/status" ]; then
		echo "state $(date -u -r "$dir/status" +%Y-%m-%dT%H:%M:%SZ 2>/dev/null) process of $1: ended with status $(cat "$dir/status")$oom"
	elif [ -s "$dir/pid" ]; then
		echo "state process of $1: was killed$oom"
	else
		echo "state process of $1: is not there"
	fi
	[ -f "$dir/log" ] || return 0
	echo "log ${1%%\[*}"
	end_of_file "$dir/log" "$4" "$2" "$3"
}

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

# places CLUSTER [UID]: $state and $run, where the folders lie; $boot.
places() {
	state_of "$@"
	run=$state/run
	read -r boot </proc/sys/kernel/random/boot_id
}
# worker[gpu-2] -> worker@gpu-2, and back.
folder_of() {
	case $1 in
	*\[*\]) set -- "${1%\]}"; printf '%s\n' "${1%%\[*}@${1#*\[}" ;;
	*) printf '%s\n' "$1" ;;
	esac
}
step_of() { case $1 in *@*) printf '%s\n' "${1%%@*}[${1#*@}]" ;; *) printf '%s\n' "$1" ;; esac; }

# environment PID: a line for each variable; nothing when it is not ours to read, and
# lines without '=' when a title has been written over it.
environment() { tr '\0' '\n' 2>/dev/null <"/proc/$1/environ" | grep .; }

# is_foreign PID INSTANCE: its environment is whole, and does not name that instance.
is_foreign() {
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

# marks CLUSTER: $marks, a line "PID STEP INSTANCE OWNER" for each process whose environment
# names the cluster; and $keepers, the pids of what may be keepers, whosever they are. (The
# pattern does not match this text, which is an argument of the shell that runs it.)
marks() {
	marks='' keepers=
	holding "DRAY_CLUSTER=$1" 'dray[-]keeper' /proc/[0-9]*/environ /proc/[0-9]*/cmdline
	environs=
	for file in $found; do
		pid=${file#/proc/} pid=${pid%/*}
		case $file in */environ) environs="$environs $pid" ;; *) keepers="$keepers $pid" ;; esac
	done
	[ -n "$environs" ] || return 0
	marks=$(for pid in $environs; do
		printf '\n\001%s\n' "$pid"
		tr '\0' '\n' 2>/dev/null <"/proc/$pid/environ"
	done | awk -v c="$1" '
		function tell() {
			if (pid && ours && step != "") print pid, step, (id == "" ? "-" : id), owner
			ours = step = id = owner = ""
		}
		sub(/^\001/, "") { tell(); pid = $0 }
		$0 == "DRAY_CLUSTER=" c { ours = 1 }
		sub(/^DRAY_STEP=/, "") { step = $0 }
		sub(/^DRAY_INSTANCE=/, "") { id = $0 }
		sub(/^DRAY_OWNER=/, "") { owner = $0 }
		END { tell() }')
}
# marked yes|no: those of $marks that are ours, or that are not. What an earlier version
# started does not name its owner; our folders and records name its instance.
marked() {
	[ -n "$marks" ] || return 0
	instances=$({
		cat "$run"/*/instance
		sed -n 's/.*"instance":"\([^"]*\)".*/\1/p' "$state"/steps/*.json
	} 2>/dev/null | tr '\n' ' ')
	printf '%s\n' "$marks" | while read -r pid step id theirs; do
		case " $instances " in *" $id "*) ours=$id ;; *) ours=- ;; esac
		is_mine "$theirs" "$id" "$ours" && ours=yes || ours=no
		[ "$ours" != "$1" ] || printf '%s %s %s %s\n' "$pid" "$step" "$id" "$theirs"
	done
}
# strangers CLUSTER: after marks, "STEP PID OWNER" of what another owner runs of a cluster of
# that name. Of another login only the words of the keeper are to be seen, which name the folder.
strangers() {
	[ -n "$marks$keepers" ] || return 0
	{
		marked no | while read -r pid step id theirs; do
			printf '%s %s %s\n' "$step" "$pid" "${theirs:-$(stat -c %u "/proc/$pid")@}"
		done
		for pid in $keepers; do
			[ -z "$(environment "$pid")" ] || continue
			dir=$(tr '\0' '\n' <"/proc/$pid/cmdline" | awk 'keeper { print; exit } { keeper = $0 == "dray" "-keeper" }')
			case $dir in
			*/dray/"$1"/*/run/*)
				printf '%s %s %s@%s\n' "$(step_of "${dir##*/}")" "$pid" "$(stat -c %u "/proc/$pid")" \
					"${dir%/"$1"/*/run/*}"
				;;
			esac
		done
	} 2>/dev/null | sort -u -k1,1 -k3
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
	for other in $(table | awk -v s="$pid" '$3 == s { print $1 }'); do
		! grep -qs -e "DRAY_INSTANCE=$instance" "/proc/$other/environ" || return 0
		! is_foreign "$other" "$instance" || foreign=1
	done
	[ -z "$foreign" ]
}
# sessions: "- SESSION STEP BORN" of each folder whose boot is this one, and "+ PID BORN STEP" of
# what was there when it was up. What a process writes over its environment changes neither.
sessions() {
	for dir in "$run"/*; do
		its=
		! { lives "$dir" || { [ -n "$began" ] && [ "$epoch" = "$boot" ] && still_its "$dir"; }; } || its=yes
		[ "$epoch" = "$boot" ] || continue
		step=$(step_of "${dir##*/}")
		[ -z "$its" ] || echo "- $pid $step $began"
		[ ! -s "$dir/known" ] || sed "s/^/+ /; s/\$/ $step/" "$dir/known"
	done
}
# table: PID PARENT SESSION BORN of each process that has not ended.
table() {
	cat /proc/[0-9]*/stat 2>/dev/null | sed 's/(.*)/-/' |
		awk 'NF > 21 && $3 != "Z" && $3 != "X" { print $1, $4, $6, $22 }'
}

# trees: for each of $roots how many processes come from it, and how many of those have a worker's
# or a core's title ($worker_title and $core_title, of a look); a line for each. Nothing is told
# of one that has no process below it, unless it is known to have had some ("parts" behind it): not
# every engine starts processes.
trees() {
	{
		printf %s "$roots" | sed 's/^/root /'
		[ -z "$worker_title" ] || grep -ls -e "^$worker_title" /proc/[0-9]*/cmdline | sed 's|/proc/|worker |'
		[ -z "$core_title" ] || grep -ls -e "^$core_title" /proc/[0-9]*/cmdline | sed 's|/proc/|core |'
		table
	} | awk -v OFS='\t' '
	$1 == "root" { step[++roots] = $2; root[roots] = $3; parts[roots] = $4; next }
	$1 == "worker" || $1 == "core" { sub(/\/.*/, "", $2); title[$2] = $1; next }
	{ parent[$1] = $2; pid[++n] = $1 }
	END {
		for (k = 1; k <= roots; k++) {
			split("", from); split("", count)
			if (!(root[k] in parent)) continue
			from[root[k]] = again = 1
			for (all = 0; again;) {
				again = 0
				for (i = 1; i <= n; i++)
					if (!(pid[i] in from) && (parent[pid[i]] in from)) {
						from[pid[i]] = again = 1; all++; count[title[pid[i]]]++
					}
			}
			if (all || parts[k] != "") print "tree", step[k], all, count["worker"] + 0, count["core"] + 0
		}
	}'
}

# members: "PID STEP" of all that is ours, after places and marks.
members() {
	{ marked yes; sessions; echo '='; table; } | awk '
	$1 == "=" { all = 1; next }
	!all && $1 == "-" { of[$2] = $3; since[$2] = $4; next }
	!all && $1 == "+" { known[$2, $3] = $4; next }
	!all { ours[$1] = $2; next }
	{ pid[++n] = $1; parent[$1] = $2; session[$1] = $3; born[$1] = $4 }
	($1, $4) in known { ours[$1] = known[$1, $4] }
	END {
		# A session is ours when its leader is, or when it has none any more.
		for (i = 1; i <= n; i++) lives[pid[i]] = 1
		for (i = 1; i <= n; i++) {
			s = session[pid[i]]
			if ((pid[i] in ours) && ((s in ours) || !(s in lives))) of[s] = ours[pid[i]]
		}
		for (again = 1; again;) {
			again = 0
			for (i = 1; i <= n; i++) {
				p = pid[i]
				if (p in ours) continue
				if ((session[p] in of) && born[p] >= since[session[p]]) ours[p] = of[session[p]]
				else if (parent[p] in ours) ours[p] = ours[parent[p]]
				else continue
				again = 1
			}
		}
		for (i = 1; i <= n; i++) if (pid[i] in ours) print pid[i], ours[pid[i]]
	}'
}
# members_of CLUSTER STEP: the pids of that step, now.
members_of() { marks "$1"; members | awk -v s="$2" '$2 == s { print $1 }'; }

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
	# shellcheck disable=SC2046
	shm=$(shm_of $(members_of "$1" "$2")) keeper=- groups=
	read -r keeper 2>/dev/null <"$run/$(folder_of "$2")/keeper"
	for pid in $(members_of "$1" "$2"); do
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
	while left=$(members_of "$1" "$2") && [ -n "$left" ]; do
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

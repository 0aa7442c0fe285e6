# process-up.sh - starts a command of a virtual environment as a process that outlives us, in a
# session of its own, and waits until it is up
#	cluster, step  whose it is
#	venv        the virtual environment
#	ready       when it is up:
#	            joined   the coordinator has said that it runs
#	            answers  the API answers
#	            lives    it has lived for a moment; whoever waits for the first rank watches it
#	group       "yes": it is one of a group, and one that runs by the same inputs is kept
#	key         "yes": the API key is the first line of stdin. It goes into the environment of
#	            the process alone
#	bind, port  where the API listens
#	scheme      "https": it speaks TLS
#	alone       "yes": it waits for no other rank
#	stall       seconds without a new line in the log that are too long
#	inputs      what it is started by, as its record has it
#	await       the instance of one that an earlier apply started: it is waited for
# The words are its environment, NAME=VALUE each, then "--" and its command. A new folder in /tmp
# is its $TMPDIR, and the coordinator's: it is put behind the word --temp-dir= of the command.
# process.sh, serve-log.sh and the engine's script come before this text.
# shellcheck shell=sh disable=SC2154,SC2163,SC2030,SC2031,SC2015,SC3045
args 'cluster step venv ready stall inputs' 'group key bind port scheme alone await' "$@" || exit
shift "$args"
umask 077
say() { printf 'progress %s\n' "$*" >&3; }
die() {
	printf '%s\n' "$@" >&2
	exit 1
}
places "$cluster"
dir=$run/$(folder_of "$step")

secret=
if [ -n "$key" ]; then
	IFS= read -r secret
	[ -n "$secret" ] || die "no API key came"
fi
marks "$cluster"
strangers "$cluster"
[ -z "$strangers" ] || {
	read -r other pid theirs <<-END
		$strangers
	END
	die "'$other' (pid $pid) of $(owner_words "$theirs") runs here: another owner's cluster '$cluster'"
}
# After a lost connection a rank may be up already, as one of its group: others may have joined
# it, so it is waited for. Anything else begins anew.
there=
[ -z "$group" ] || ! lives "$dir" || [ "$(cat "$dir/inputs")" != "$inputs" ] || there=yes
if [ -n "$await" ]; then
	there=yes
	read -r instance 2>/dev/null <"$dir/instance" && [ "$instance" = "$await" ] ||
		die "$step is not the one that was to be waited for"
fi
if [ -z "$there" ]; then
	held=$(members_of "$cluster" "$step") || exit 1
	# shellcheck disable=SC2086
	temps=$(temp_of "$dir" "$step" $held)
	if [ -n "$held" ]; then
		say "ending what an earlier apply left"
		end_all "$cluster" "$step" || exit 1
	fi
	printf '%s\n' "$temps" | temp_free
	rm -rf "$dir"
	mkdir -p "$dir" && : >"$dir/log" || exit 1
	temp=$(mktemp -d /tmp/dray-XXXXXXXX) && printf '%s\n' "$temp" >"$dir/temp" || exit 1
	instance=$(cat /proc/sys/kernel/random/uuid) || exit 1
	printf '%s\n' "$instance" >"$dir/instance"
	printf '%s\n' "$inputs" >"$dir/inputs"
fi

# Runs in a session of its own beside that of the command, to keep its status, who is left of its
# session when it ends, and whether the kernel killed something for memory meanwhile. The pid comes
# last: it says that the command runs.
# shellcheck disable=SC2016
keeper='umask 022
cd "$1" && shift || exit 1
killed() { sed -n "s/^oom_kill //p" "/sys/fs/cgroup$(sed -n "s/^0:://p" /proc/self/cgroup)/memory.events" 2>/dev/null; }
echo $$ >keeper
before=$(killed)
setsid "$@" </dev/null >>log 2>&1 &
child=$!
read -r stat <"/proc/$child/stat"
set -- ${stat##*) }
echo "${20} $(cat /proc/sys/kernel/random/boot_id)" >start
echo $child >pid.new && mv pid.new pid
wait $child
status=$?
cat /proc/[0-9]*/stat 2>/dev/null | sed "s/(.*)/-/" |
	awk -v s=$child "\$6 == s && \$3 != \"Z\" && \$3 != \"X\" { print \$1, \$22 }" >rest.new && mv rest.new rest
[ "$(killed)" = "$before" ] || echo yes >oom
echo $status >status.new && mv status.new status'

# The engine gets neither the tokens of this login, nor our lock and progress line.
[ -n "$there" ] || (
	unset LC_ALL HF_TOKEN HUGGING_FACE_HUB_TOKEN
	# RDMA registers much memory. (Not every shell knows that limit.)
	ulimit -S -l "$(ulimit -H -l)" 2>/dev/null
	[ -z "$secret" ] || export "$key_variable=$secret"
	export LANG=C.UTF-8 PATH="$venv/bin:$PATH" VIRTUAL_ENV="$venv"
	export TMPDIR="${TMPDIR:-$temp}"
	export DRAY_CLUSTER="$cluster" DRAY_STEP="$step" DRAY_INSTANCE="$instance" DRAY_OWNER="$self" DRAY_TEMP="$temp"
	while [ "$1" != -- ]; do
		export "$1"
		shift
	done
	shift
	n=$#
	while [ "$n" -gt 0 ]; do
		[ "$1" = --temp-dir= ] && set -- "$@" "$1$temp" || set -- "$@" "$1"
		shift
		n=$((n - 1))
	done
	say "starting $1"
	exec setsid sh -c "$keeper" dray-keeper "$dir" "$@" </dev/null >/dev/null 2>&1 3>&- 8>&- 9>&-
) &
secret=
while [ "$1" != -- ]; do shift; done
shift

# explain PROGRAM WHAT: says why it did not come up, as far as that is known.
explain() {
	lines=$(tail -n 20 "$dir/log")
	case $lines in
	*"failed to execute $1"* | *"can't execute '$1'"*) die "there is no $1 in '$venv/bin'" "$lines" ;;
	esac
	words=$(known "'$venv'" "$lines") && die "$words" "$lines"
	die "$2" "" "$lines"
}

tries=0
until [ -s "$dir/pid" ]; do
	tries=$((tries + 1))
	[ $tries -le $((5 * keeper_limit)) ] || die "cannot start a process" "$(cat "$dir/log")"
	sleep 0.2 2>/dev/null || sleep 1
done
printf 'set instance %s\n' "$instance" >&3

# From here on it only waits: shell.sh ends it when dray is gone, and the lock is not ours.
echo wait >&3
exec 8<&- 9<&-
seconds
quiet=$now size='' far='' looked=0
while :; do
	seconds
	looked=$((looked + 1))
	if [ -s "$dir/status" ]; then
		explain "$1" "$1 $2 ended with status $(cat "$dir/status")"
	elif ! lives "$dir"; then
		sleep 1 # its status may be on its way
		[ -s "$dir/status" ] || explain "$1" "$1 $2 was killed"
		continue
	fi
	case $ready in
	joined) ! grep -q "$joined_words" "$dir/log" || break ;;
	answers) ! answers "$bind" "$port" "$scheme" || break ;;
	*) [ $looked -lt 3 ] || break ;;
	esac
	grown=$(wc -c <"$dir/log")
	if [ "$grown" != "$size" ]; then
		size=$grown quiet=$now
		told=$(tail -c 65536 "$dir/log")
		words=$(printf '%s\n' "$told" | far)
		far=${words:-$far}
	fi
	if [ $((now - quiet)) -ge "$stall" ]; then
		explain "$1" "$1 $2 said nothing for ${stall}s"
	fi
	case $told in
	*"$meet_words"*) [ -n "$alone$far" ] || [ $((now - quiet)) -lt "$meet_stall" ] || far="waiting for the other ranks" ;;
	esac
	[ "$ready" = joined ] && say "waiting for $coordinator, ${looked}s" || say "${far:-starting the engine}"
	sleep $((looked < 5 ? 1 : 2))
done
# What later leaves its session, its environment and its parent is known by its pid and birth.
held=$(members_of "$cluster" "$step") || exit 1
for pid in $held; do ! born "$pid" || echo "$pid $born"; done >"$dir/known.new" && mv "$dir/known.new" "$dir/known"
# Has it started processes, which can die alone?
read -r pid <"$dir/pid"
(children "$pid") >"$dir/parts"
# Where the coordinator of a worker has its files cannot be asked once it was killed.
# shellcheck disable=SC2086
[ "$ready" != joined ] || { temp_of "$dir" "$step" $held >"$dir/temp.new" && mv "$dir/temp.new" "$dir/temp"; }
if [ "$ready" = answers ]; then
	say "the API answers"
	words=$(tail -c 1048576 "$dir/log" | measured)
	[ -z "$words" ] || printf 'set measured %s\n' "$words" >&3
fi

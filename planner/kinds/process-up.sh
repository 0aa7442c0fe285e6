# process-up.sh CLUSTER STEP VENV WAIT key|no-key TEMP BIND PORT STALL INPUTS CAUSE-SH N
#	NAME=VALUE(N)... COMMAND... - starts COMMAND of a virtual environment as a process that
# outlives us, in a session of its own, and waits as WAIT says:
#	ray     until Ray has said that it runs
#	api     until the API answers at BIND and PORT, as long as the log goes on: STALL
#	        seconds without a new line are too long
#	rank    until it has lived for a moment; whoever waits for the first rank watches it
# TEMP: Ray's folder or just its $TMPDIR, "-": none. With "key" the API key is the first line of stdin, and
# goes into the environment of the server alone. process.sh and serve-log.sh come before.
# shellcheck shell=sh disable=SC2154,SC2163,SC2030,SC2031,SC2015
cluster=$1 step=$2 venv=$3 wait=$4 key=$5 temp=$6 bind=$7 port=$8 stall=$9
shift 9
inputs=$1 cause=$2 n=$3
shift 3
umask 077
say() { printf 'progress %s\n' "$*" >&3; }
die() {
	printf '%s\n' "$@" >&2
	exit 1
}
places "$cluster"
dir=$run/$(folder_of "$step")

secret=
if [ "$key" = key ]; then
	IFS= read -r secret
	[ -n "$secret" ] || die "no API key came"
fi
# After a lost connection a rank may be up already, as one of its group: the others have
# joined it, so it is waited for. Anything else begins anew.
there=
case $step in
rank\[*) ! lives "$dir" || [ "$(cat "$dir/inputs")" != "$inputs" ] || there=yes ;;
esac
if [ -z "$there" ] && [ -n "$(members_of "$cluster" "$step")" ]; then
	say "ending what an earlier apply left"
	end_all "$cluster" "$step" || exit 1
fi
# In /tmp anybody may have been there before us.
if [ "$temp" != - ] && ! mkdir -p "$temp" || [ "$temp" != - ] && { [ -h "$temp" ] || ! [ -O "$temp" ]; }; then
	die "'$temp' belongs to somebody else"
fi
if [ -z "$there" ]; then
	rm -rf "$dir"
	mkdir -p "$dir" && : >"$dir/log" || exit 1
	instance=$(cat /proc/sys/kernel/random/uuid) || exit 1
	printf '%s\n' "$instance" >"$dir/instance"
	printf '%s\n' "$inputs" >"$dir/inputs"
fi

# Runs in a session of its own beside that of COMMAND, to keep its status. What it writes
# last, the pid, says that it runs.
# shellcheck disable=SC2016
keeper='umask 022
cd "$1" && shift || exit 1
echo $$ >keeper
setsid "$@" </dev/null >>log 2>&1 &
child=$!
read -r stat <"/proc/$child/stat"
set -- ${stat##*) }
echo "${20} $(cat /proc/sys/kernel/random/boot_id)" >start
echo $child >pid.new && mv pid.new pid
wait $child
echo $? >status.new && mv status.new status'

# What the login has of tokens is not the engine's; nor has it our lock and progress line.
[ -n "$there" ] || (
	unset LC_ALL HF_TOKEN HUGGING_FACE_HUB_TOKEN
	[ -z "$secret" ] || export VLLM_API_KEY="$secret"
	export LANG=C.UTF-8 PATH="$venv/bin:$PATH" VIRTUAL_ENV="$venv"
	[ "$temp" = - ] || export TMPDIR="${TMPDIR:-$temp}"
	export DRAY_CLUSTER="$cluster" DRAY_STEP="$step" DRAY_INSTANCE="$instance"
	while [ "$n" -gt 0 ]; do
		export "$1"
		shift
		n=$((n - 1))
	done
	say "starting $1"
	exec setsid sh -c "$keeper" dray-keeper "$dir" "$@" </dev/null >/dev/null 2>&1 3>&- 9>&-
) &
secret=
shift "$n"

# explain WHAT: what is known about why it did not come up: causes first.
explain() {
	lines=$(tail -n 20 "$dir/log")
	case $lines in
	*'Version mismatch'*) die "Ray or Python differ between the nodes:" "$lines" ;;
	*'Failed to connect to GCS'* | *'Failed to get cluster ID'*)
		die "the head's Ray cannot be reached from here: is its port 6379 open to this node?" "$lines" ;;
	*'does not match persisted value'* | *'already running at'*)
		die "another Ray head runs on this node" "$lines" ;;
	*"failed to execute $1"* | *"can't execute '$1'"*) die "there is no $1 in '$venv/bin'" "$lines" ;;
	*'unrecognized arguments: --nnodes'* | *'unrecognized arguments: --headless'*)
		die "the vLLM in '$venv' is older than v0.11.1, which knows no backend mp" "$lines" ;;
	esac
	causes=$(tail -n 5000 "$dir/log" | sh -c "$cause" cause)
	die "$2${causes:+: }$causes" "" "$lines"
}

tries=0
until [ -s "$dir/pid" ]; do
	tries=$((tries + 1))
	[ $tries -le 50 ] || die "cannot start a process" "$(cat "$dir/log")"
	sleep 0.2 2>/dev/null || sleep 1
done
printf 'set instance %s\n' "$instance" >&3

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
	case $wait in
	ray) ! grep -q 'Ray runtime started' "$dir/log" || break ;;
	api) ! answers "$bind" "$port" || break ;;
	*) [ $looked -lt 3 ] || break ;;
	esac
	grown=$(wc -c <"$dir/log")
	[ "$grown" = "$size" ] || quiet=$now
	size=$grown
	told=$(tail -c 4096 "$dir/log")
	words=$(printf '%s\n' "$told" | far)
	far=${words:-$far}
	if [ $((now - quiet)) -ge "$stall" ]; then
		explain "$1" "$1 $2 said nothing for ${stall}s"
	fi
	case $told in
	*distributed_init_method*) [ $((now - quiet)) -lt 15 ] || far="waiting for the other ranks" ;;
	esac
	[ "$wait" = ray ] && say "waiting for Ray, ${looked}s" || say "${far:-starting the engine}"
	sleep $((looked < 5 ? 1 : 2))
done
[ "$wait" != api ] || say "the API answers"

# observe.sh CLUSTER SHARED IMAGE HUB PATH SCRIPT PORTS HEAD RUNTIME VENV [PEER...] - prints
# what a node is like, one fact a line, as planner/facts.h lists them; changes nothing
#	SHARED  the shared directory        HUB   the model's directory in the cache
#	PATH    model.path                  PORTS "6379 8000": must be free or ours
#	HEAD    the head's container        PEER  "ADDRESS PORT" of another node
#	RUNTIME docker|podman|none          VENV  the virtual environment of runtime none
# "-" stands for: not asked for. A fact that cannot be had is left out. net.sh,
# state.sh and process.sh come before this text.
# shellcheck shell=sh disable=SC2154
cluster=$1 shared=$2 image=$3 hub=$4 path=$5 script=$6 ports=$7 head=$8
runtime=${9:-docker} venv=${10:--}
if [ $# -gt 10 ]; then shift 10; else shift $#; fi
LC_ALL=C PATH=$PATH:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export LC_ALL PATH
exec 2>/dev/null
first_line() { IFS= read -r line <"$1" && printf '%s' "$line"; }

# Other nodes are dialled while the rest is looked at; each may take a second.
for peer; do dial "${peer% *}" "${peer#* }" & done

state_of "$cluster"
name=$(hostname || uname -n)
fact id "$machine" "$(first_line /proc/sys/kernel/random/boot_id)" "$name" \
	"$(id -un || id -u)" "$(id -u)" "$(id -g)" "$HOME" "$(date +%s)"
pretty=$(sed -n 's/^PRETTY_NAME="*\([^"]*\)"*$/\1/p' /etc/os-release)
fact os "$(uname -r)" "$(uname -m)" "$pretty"
fact clock "$(cut -d' ' -f1 /proc/uptime)"
told=$(getent ahostsv4 "$name" || getent hosts "$name") &&
	fact resolve "$name" "${told%%[ "$tab"]*}"
told=$(awk '/^MemTotal:/ { print $2 }' /proc/meminfo) && fact ram "$told"
told=$(df -Pk /dev/shm | awk 'NR == 2 { print $2 }') && fact shm "$told"

# Addresses, network cards and RDMA ports: net.sh, which comes before this text.
# shellcheck disable=SC2086
addr_facts /proc /sys $SSH_CONNECTION
(net_facts /sys /dev)

# GPUs, and who holds their memory.
# (What may hang when a driver is ill has half a minute.)
smi() { if have timeout; then timeout 30 nvidia-smi "$@"; else nvidia-smi "$@"; fi; }
if have nvidia-smi; then
	q=index,uuid,name,memory.total,memory.used,driver_version
	told=$(smi --query-gpu=$q,mig.mode.current --format=csv,noheader,nounits)
	status=$?
	case $told in
	*'not a valid field'*)
		told=$(smi --query-gpu=$q --format=csv,noheader,nounits)
		status=$?
		;;
	esac
	[ $status != 124 ] || told='no answer within 30 seconds'
	if [ $status = 0 ]; then
		printf '%s\n' "$told" | awk -F', *' 'NF >= 6 {
			print "gpu\t" $1 "\t" $2 "\t" $3 "\t" $4 "\t" $5 "\t" $6 ($7 == "Enabled" ? "\t" $7 : "") }'
		# Where cards may be joined in pairs it matters which; asking takes its time.
		case $told in
		*SXM* | *HBM* | *H200* | *B200* | *GB10*) ;;
		*"$nl"*"$nl"*) have timeout && fact raw nvidia-topo "$(timeout 5 nvidia-smi topo -m)" ;;
		esac
	else
		fact gpunone "nvidia-smi: $(printf '%s\n' "$told" | head -n 1)"
	fi
else
	fact gpunone "no nvidia-smi"
fi

user_of() {
	found=$(getent passwd "$1" || grep "^[^:]*:[^:]*:$1:" /etc/passwd)
	printf '%s' "${found:-$1}" | cut -d: -f1
}
# owner PID: user, command line and the id of the container a process is in, as $user,
# $command, $container ("-": none).
owner() {
	user=- command=- container=-
	[ -r "/proc/$1/status" ] || return
	uid=$(awk '/^Uid:/ { print $2 }' "/proc/$1/status")
	user=$(user_of "$uid")
	command=$(tr '\0\n\t' '   ' <"/proc/$1/cmdline" | head -c 200)
	command=${command% }
	[ -n "$command" ] || command=$(first_line "/proc/$1/comm")
	container=$(sed -n 's/.*\([0-9a-f]\{64\}\).*/\1/p' "/proc/$1/cgroup" | head -n 1)
	[ -n "$container" ] || container=-
}

# Containers: all of ours by label, and whatever else has a name of ours. Where a step was
# put by another runtime than today's, that one is looked at too.
# shellcheck disable=SC2016
inspect_all() {
	t='{{"\t"}}'
	label() { printf '{{index .Config.Labels "dray.%s"}}' "$1"; }
	"$engine" inspect --type container --format "{{.Name}}$t{{.Id}}$t{{.State.Status}}$t{{.State.ExitCode}}$t{{.State.StartedAt}}$t{{.Image}}$t$(label cluster)$t$(label step)$t$(label digest)$t$(label inputs)$t{{.State.Pid}}" "$@" |
		sed 's|^/||'
}
toolkit_of() {
	case $engine in
	docker)
		case $info in *'"nvidia"'*) echo yes; return ;; esac
		for f in nvidia-container-runtime-hook nvidia-container-runtime nvidia-ctk; do
			have $f && echo yes && return
		done
		;;
	podman) grep -qs nvidia.com/gpu /etc/cdi/* /var/run/cdi/* && echo yes && return ;;
	esac
	echo no
}
ours=
containers() { # docker|podman
	engine=$1
	if ! have "$engine"; then
		fact "$engine" missing - "no $engine command"
		return
	fi
	case $engine in
	podman) label='index .Labels' version='{{.Version.Version}}' ;;
	*) label='.Label' version='{{.ServerVersion}} {{json .Runtimes}}' ;;
	esac
	if ! told=$("$engine" ps -a --no-trunc --format "{{.ID}} {{.Names}} {{$label \"dray.cluster\"}}" 2>&1); then
		case $told in
		*denied*) fact "$engine" denied - "$told" ;;
		*) fact "$engine" down - "$told" ;;
		esac
		return
	fi
	ids=$(printf '%s\n' "$told" | awk -v c="$cluster" '
		$1 ~ /^[0-9a-f]+$/ && ($3 == c || index($2, "dray-" c "-") == 1) { print $1 }')
	info=$("$engine" info --format "$version" 2>/dev/null)
	detail=-
	# Without root the user's own services end with its last login, containers with them.
	if [ "$engine" = podman ] && [ "$(id -u)" != 0 ] && [ -d /run/systemd/system ] &&
		[ ! -e "/var/lib/systemd/linger/$(id -un)" ]; then
		detail='ends with the login'
	fi
	fact "$engine" ok "${info%% *}" "$detail"
	[ "$engine" != "$runtime" ] || fact toolkit "$(toolkit_of)"
	if [ -n "$ids" ]; then
		# shellcheck disable=SC2086
		some=$(inspect_all $ids)
		printf '%s\n' "$some" | sed 's/\\/\\\\/g; s|^|container	|'
		ours=$ours$some$nl
	fi
	# The fingerprint is that of image-id.sh; a digest is what a registry knows.
	all='{{json .RootFS.Layers}}{{json .Config.Env}}{{json .Config.Entrypoint}}{{json .Config.Cmd}}'
	if [ "$engine" = "$runtime" ] && [ "$image" != - ] && told=$("$engine" image inspect --format \
		"{{range .RepoDigests}}{{.}} {{end}}{{\"\\n\"}}$all" "$image"); then
		sum=$(printf '%s' "${told#*"$nl"}" | sha256sum)
		digest=${told%%"$nl"*} digest=${digest%% *}
		fact image "$image" "sha256:${sum%% *}" "${digest:--}"
		# What an apply found when it looked into it: image-look.sh.
		read -r ray vllm <"$state/images/${sum%% *}" &&
			fact engine "sha256:${sum%% *}" "$ray" "$vllm"
	fi
	# vllm serve in the head's container.
	running=$(printf '%s\n' "$some" | awk -F"$tab" -v n="$head" -v c="$cluster" '
		$1 == n && $3 == "running" && $7 == c { print $2 }')
	if [ -n "$running" ] && told=$("$engine" exec "$running" sh -c "$look") && [ -n "$told" ]; then
		printf 'proc\tserve\t%s\n' "$told" | sed 's/\\/\\\\/g'
	fi
}
# shellcheck disable=SC2016
look='cd /tmp/dray 2>/dev/null || exit
read -r id <serve.instance || exit
read -r pid <serve.pid; read -r status <serve.status
if grep -qs "DRAY_INSTANCE=$id" "/proc/${pid:-0}/environ"; then alive=alive; else alive=dead; fi
printf "%s\t%s\t%s\t%s\t" "$id" "${pid:--}" "$alive" "${status:--}"; cat serve.inputs'
asked=$runtime
for f in "$state"/steps/head*.json "$state"/steps/worker*.json "$state"/steps/rank*.json; do
	[ -f "$f" ] || continue
	case $(cat "$f") in
	*'"runtime":"none"'*) ;;
	*'"runtime":"podman"'*) asked="$asked podman" ;;
	*) asked="$asked docker" ;;
	esac
done
# A hint to whoever has no Docker.
! { [ "$runtime" = docker ] && ! have docker && have podman; } || asked="$asked podman"
for engine in docker podman; do
	case " $asked " in *" $engine "*) some='' && containers $engine ;; esac
done

# Processes of ours, where there are no containers: process.sh, which comes before.
processes=
if have places && places "$cluster" && { [ "$runtime" = none ] || [ -d "$run" ]; }; then
	processes=$(members "$cluster")
	known=' '
	for dir in "$run"/*; do
		[ -s "$dir/instance" ] || continue
		step=$(step_of "${dir##*/}") known="$known$(cat "$dir/instance") "
		lives "$dir" && alive=alive || alive=dead
		status=$(first_line "$dir/status") || status=-
		# Of a process of another boot nobody could keep the status.
		[ "$status$alive" != -dead ] || [ "${epoch:-$boot}" = "$boot" ] || status=boot
		fact proc "$step" "$instance" "${pid:--}" "$alive" "$status" "$(cat "$dir/inputs")"
	done
	# What has no folder, and is nobody's child.
	marked "$cluster" | while read -r pid step instance; do
		case $known in *" $instance "*) continue ;; esac
		known="$known$instance "
		fact proc "$step" "$instance" "$pid" alive - '{}'
	done
fi
# in_step PID: the step whose process that is, or comes from.
in_step() { printf '%s\n' "$processes" | awk -v p="$1" '$1 == p { print $2; ok = 1 } END { exit !ok }'; }
if [ "$venv" != - ]; then
	vllm=- ray=- hf=no
	for f in "$venv"/lib/python3*/site-packages/vllm-*.dist-info; do
		[ ! -d "$f" ] || { vllm=${f##*/vllm-} vllm=${vllm%.dist-info}; }
	done
	for f in "$venv"/lib/python3*/site-packages/ray-*.dist-info; do
		[ ! -d "$f" ] || ! [ -x "$venv/bin/ray" ] || { ray=${f##*/ray-} ray=${ray%.dist-info}; }
	done
	{ [ ! -x "$venv/bin/hf" ] && [ ! -x "$venv/bin/huggingface-cli" ]; } || hf=yes
	there=ok
	[ -x "$venv/bin/vllm" ] || there=broken
	[ -d "$venv" ] || there=missing
	fact venv "$venv" $there "$vllm" "$ray" $hf
fi

# in_ours ID: the name of our container with that id; fails when it is not ours.
in_ours() {
	printf '%s\n' "$ours" | awk -F"$tab" -v id="$1" -v c="$cluster" '
		$2 == id && $7 == c { print $1; ok = 1 } END { exit !ok }'
}

have nvidia-smi && nvidia-smi --query-compute-apps=pid,used_memory,gpu_uuid --format=csv,noheader,nounits |
	while IFS=', ' read -r pid used uuid; do
		case $pid in '' | *[!0-9]*) continue ;; esac
		owner "$pid"
		in_ours "$container" >/dev/null || in_step "$pid" >/dev/null ||
			fact gpuproc "$pid" "$used" "$user" "$command" "$uuid"
	done

# Listeners on the ports we want: /proc names them all, ss may know the process.
[ "$ports" = - ] || for port in $ports; do
	hex=$(printf ':%04X' "$port")
	uid=$(awk -v p="$hex" '$4 == "0A" && substr($2, length($2) - 4) == p { print $8; exit }' \
		/proc/net/tcp /proc/net/tcp6)
	[ -n "$uid" ] || continue
	pid=$(ss -ltnp "sport = :$port" | sed -n 's/.*pid=\([0-9]*\).*/\1/p' | head -n 1)
	if [ -n "$pid" ]; then
		owner "$pid"
		if step=$(in_step "$pid"); then
			container=dray-$cluster-${step%%\[*}
		elif [ "$container" != - ]; then
			container=$(in_ours "$container" || printf '%.12s' "$container")
		fi
		fact port "$port" "$pid" "$user" "$command" "$container"
	else
		fact port "$port" - "$(user_of "$uid")" - -
	fi
done

# The shared directory and what is in it.
if [ "$shared" != - ]; then
	if [ -d "$shared" ]; then
		[ -w "$shared" ] && can=yes || can=no
		free=$(df -Pk "$shared" | awk 'NR == 2 { print $4 }')
		fact shared "$shared" "$(stat -f -c %T "$shared")" "$(stat -c %d:%i "$shared")" \
			"${free:-0}" "$can"
	else
		fact shared "$shared" - - 0 missing
	fi
fi
if [ "$script" != - ]; then
	if sum=$(sha256sum "$script"); then
		fact script "$script" "${sum%% *}"
	else
		fact script "$script" missing
	fi
fi
if [ "$path" != - ] && [ -f "$path/config.json" ]; then
	fact model config.json "$(stat -L -c %s "$path/config.json")" -
	fact config "$(head -c 131072 "$path/config.json")"
	total=$(sed -n 's/.*"total_size": *\([0-9]*\).*/\1/p' "$path/model.safetensors.index.json" |
		head -n 1)
	files=$(for f in "$path"/*.safetensors "$path"/*.index.json; do
		case ${f##*/} in '*'* | consolidated*) ;; *) stat -L -c '%s %Y %n' "$f" ;; esac
	done)
	sum=$(printf '%s' "$files" | sha256sum)
	fact weights "${total:--}" "$(printf '%s\n' "$files" | awk '/safetensors$/ { n += $1 } END { printf "%.0f", n }')" \
		"${sum%% *}"
fi
# Names of blobs are their hashes; a snapshot is links to them.
if [ "$hub" != - ] && cd "$hub/snapshots"; then
	{
		find ../blobs -type f ! -name '*.incomplete' -exec stat -c 'blob %s %n' {} +
		find . -type l -exec stat -c 'link %N' {} +
		find . -type f -exec stat -c 'file %s %n' {} +
	} | awk -v q="'" '
	$1 == "blob" { name = $3; sub(/.*\//, "", name); size[name] = $2 }
	$1 == "link" {
		n = index($0, q " -> " q)
		from = substr($0, 7, n - 7)
		to = substr($0, n + 6); sub(/.$/, "", to); sub(/.*\//, "", to)
		sub(/^\.\//, "", from)
		if (to in size) print "model\t" from "\t" size[to] "\t" to
	}
	$1 == "file" {
		from = $0; sub(/^file [0-9]* \.\//, "", from)
		print "model\t" from "\t" $2 "\t-"
	}'
	cd /
fi

# What dray left here: records, members, the lock.
if [ -d "$state" ]; then
	for f in "$state"/steps/*.json; do
		[ -f "$f" ] || continue
		step=${f##*/} step=${step%.json}
		case $step in *@*) step="${step%%@*}[${step#*@}]" ;; esac
		fact record "$step" "$(cat "$f")"
	done
	[ -f "$state/members.json" ] && fact members "$(cat "$state/members.json")"
	[ -f "$state/mackey" ] && fact mackey "$(cat "$state/mackey")"
	# Taking the lock to see whether it is free would be a change.
	# (/proc/locks leaves out a lock whose taker has ended, seen from a pid namespace, as a
	# host has that is a container itself; the holder's fdinfo has it all the same.)
	inode=$(stat -c %i "$state/lock") && if awk -v i="$inode" '
		$2 == "FLOCK" { n = split($6, a, ":"); if (a[n] == i) found = 1 }
		END { exit !found }' /proc/locks ||
		grep -qs "FLOCK .*:$inode " /proc/[0-9]*/fdinfo/9; then
		fact lock held "$(cat "$state/lock.info")"
	else
		fact lock free -
	fi
fi

wait
echo end

# observe.sh - prints what a node is like, one fact a line, as planner/facts/facts.h lists them;
# changes nothing. A fact that cannot be found out is left out.
#	cluster  its name
#	shared   the shared directory
#	image    the engine's image
#	archive  the archive that has it: a file here
#	hub      the model's directory in the cache
#	revision what of it is wanted: a branch, a tag or a commit
#	cache    the cache of models; and in it, other repositories:
#	repos    "FOLDER REVISION FOLDER REVISION"
#	path     model.path
#	compare  "yes": the contents of the model's files are compared between nodes, by samples
#	verify   "yes": all that they contain is read, and hashed
#	script   where the launcher script is
#	files    "KEY/NAME KEY/NAME": the operator's files that are wanted
#	ports    "6379 8000": must be free or ours
#	index    "yes": the spec names an index of the ports' GIDs, which are shown then
#	named    "path NAME", "user NAME" or "group NAME", a line each: what the spec names there
#	head     the name of the head's container
#	sif      the image that the commands in venv run in; sif_own, "own": the user made it
#	runtime  docker, podman, apptainer or none; without it docker
#	venv     the virtual environment of runtime none
#	package  the engine's package in it
#	needs    the package that its coordinator needs
#	status_command, status_sh  print the coordinator's state, and read that: asked on the head
#	         while its server runs
#	worker_title, core_title   what the titles of the engine's processes begin with
# Words behind the arguments are "ADDRESS PORT" of other nodes, which are dialled.
# net.sh, archive.sh, container-look.sh, state.sh, whose.sh, gpus-look.sh, lockfile.sh, process.sh, model-look.sh,
# named-look.sh, files-look.sh and sif-look.sh come before this text, where they are needed. A look
# is made often and of many nodes, so it starts few processes:
# tests/node/look_test.sh.
# shellcheck shell=sh disable=SC2030,SC2031,SC2034,SC2154
args 'cluster' 'shared image archive hub revision cache repos path compare verify script files ports index named sif sif_own head runtime venv package needs status_command status_sh worker_title core_title' "$@" || exit
shift "$args"
runtime=${runtime:-docker}
LC_ALL=C PATH=$PATH:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export LC_ALL PATH
exec 4>&2 2>/dev/null
# unsure WORDS [HINT]: what is wanted here cannot be read, which does not mean that it is not there. No answer
# is better than a wrong one: LOOK_UNSURE in observe.h.
unsure() {
	printf '%s\n' "$1" ${2:+"hint: $2"} >&4
	exit 3
}

# Network cards, RDMA ports and addresses; GPUs.
net_facts /sys /dev
[ -z "$index" ] || for dir in /sys/class/infiniband/*/ports/*; do
	device=${dir%/ports/*}
	[ ! -d "$dir/gids" ] || gid_facts "$dir" "${device##*/}"
done
# shellcheck disable=SC2086
addr_facts /proc /sys $SSH_CONNECTION
gpus_short /sys /dev

# Proxies that the engine gets without a word in the spec: those of this login, and those that
# docker's client hands to containers. Their URLs may hold passwords and stay here.
proxies=${http_proxy-}${https_proxy-}${all_proxy-}${HTTP_PROXY-}${HTTPS_PROXY-}${ALL_PROXY-}
[ -z "$proxies" ] || fact proxy login "${no_proxy-},${NO_PROXY-}"
# GPUs that this login selects, as a job of Slurm does: an engine that is a process starts with it.
[ -z "${CUDA_VISIBLE_DEVICES+x}" ] || fact selects CUDA_VISIBLE_DEVICES "$CUDA_VISIBLE_DEVICES"
[ -z "${HIP_VISIBLE_DEVICES+x}" ] || fact selects HIP_VISIBLE_DEVICES "$HIP_VISIBLE_DEVICES"
[ -z "${ROCR_VISIBLE_DEVICES+x}" ] || fact selects ROCR_VISIBLE_DEVICES "$ROCR_VISIBLE_DEVICES"
told='' lines=0
while [ $((lines += 1)) -lt 2000 ] && { IFS= read -r line || [ -n "$line" ]; }; do
	told=$told$line
done <"${DOCKER_CONFIG:-$HOME/.docker}/config.json"
case $told in
*'"proxies"'*'Proxy"'*)
	without=
	while case $told in *'"noProxy"'*) ;; *) false ;; esac; do
		told=${told#*'"noProxy"'} told=${told#*:} told=${told#*\"}
		without=$without${told%%\"*},
	done
	fact proxy docker "$without"
	;;
esac

while read -r key value _; do
	case $key in
	Uid:) uid=$value ;;
	Gid:) gid=$value; break ;;
	esac
done </proc/self/status
state_of "$cluster" "$uid"
of /proc/sys/kernel/random/boot_id; boot=$got
of /proc/sys/kernel/hostname; name=$got
[ "$name" != - ] || name=$(hostname || uname -n)
# One stat for all that it can tell: "FILE MODE DEVICE:INODE USER TIME", a line each. A process appears
# in /proc when somebody looks, so the time of stat's own folder is now, and its owner is this login.
# shellcheck disable=SC2086
stats=$nl$(exec stat -L -c '%n %a %d:%i %u=%U %Y' /proc/self $lock_places ${shared:+"$shared"} ${files:+"$state"/files/*/*})$nl
# stat_of FILE: $got, what it says of that file.
stat_of() { got=${stats#*"$nl$1 "} got=${got%%"$nl"*}; [ "$got" != "${stats%%"$nl"*}" ]; }
mode_of() { stat_of "$1"; mode=${got%% *}; }
stat_of /proc/self; now=${got##* }
# A login may have no name.
user=${got% *}
case $user in
*" $uid=UNKNOWN") user=$uid ;;
*" $uid="*) user=${user#*" $uid="} ;;
*) user=$(id -un) || user=$uid ;;
esac
known_uid=$uid known_user=$user # process_of need not ask
fact id "$machine" "$boot" "$name" "$user" "$uid" "$gid" "$HOME" "${now:-$(date +%s)}"
fact owner "$self"
of /proc/sys/kernel/arch; arch=$got
[ "$arch" != - ] || arch=$(uname -m)
of /proc/sys/kernel/osrelease; kernel=$got
[ "$kernel" != - ] || kernel=$(uname -r)
pretty=
while IFS='=' read -r key value; do
	[ "$key" != PRETTY_NAME ] || pretty=${value#\"} pretty=${pretty%\"}
done </etc/os-release
fact os "$kernel" "$arch" "$pretty"
if [ -e /.dockerenv ] || [ -e /run/.containerenv ] || [ -n "${KUBERNETES_SERVICE_HOST-}" ]; then fact pod yes; fi
while read -r key value _; do
	case $key in
	MemTotal:) total=$value ;;
	MemAvailable:) fact ram "$total" "$value"; break ;;
	esac
done </proc/meminfo
# The limits of this shell, which those of an engine begin with: KiB, or "unlimited".
kib_of() { case $1 in *[!0-9]*) kib=$1 ;; *) kib=$(($1 / 1024)) ;; esac; }
while read -r key value _ soft hard _; do
	[ "$key$value" = Maxlocked ] || continue
	kib_of "$soft"; soft=$kib
	kib_of "$hard"; fact limit memlock "$soft" "$kib"
	break
done </proc/self/limits
# A firewall that is on; its rules are root's to see.
while IFS='=' read -r key value; do
	[ "$key:$value" != ENABLED:yes ] || fact firewall ufw
done </etc/ufw/ufw.conf
[ ! -d /run/firewalld ] || fact firewall firewalld
told=$(getent ahostsv4 "$name") || told=$(getent hosts "$name")
[ -z "$told" ] || fact resolve "$name" "${told%%[ "$tab"]*}"

# store_closed DIR: "ro" if the file system is mounted read-only, else "no".
store_closed() {
	awk -v dir="$1/" '
	{ at = $2; gsub(/\\040/, " ", at); if (at != "/") at = at "/" }
	index(dir, at) == 1 && length(at) >= best { best = length(at); ro = $4 ~ /^ro(,|$)/ }
	END { print ro ? "ro" : "no" }' /proc/mounts
}
# File systems: sizes in KiB.
have_shared=
[ -z "$shared" ] || [ ! -d "$shared" ] || have_shared=yes
while read -r type unit blocks free dir; do
	[ "$dir" != /dev/shm ] || fact shm $((blocks * unit / 1024))
	[ "$dir" != "$shared" ] || shared_type=$type shared_free=$((free * unit / 1024))
done <<END
$(stat -f -c '%T %S %b %a %n' /dev/shm ${have_shared:+"$shared"})
END
if [ -n "$have_shared" ]; then
	can=yes
	[ -w "$shared" ] || can=$(store_closed "$shared")
	stat_of "$shared"; got=${got#* }
	fact shared "$shared" "${shared_type-}" "${got%% *}" "${shared_free:-0}" "$can"
elif [ -n "$shared" ]; then
	lost "$shared"
	case $lost in
	'') fact shared "$shared" - - 0 missing ;;
	'Permission denied') fact shared "$shared" - - 0 closed ;;
	*) fact shared "$shared" "$lost" - 0 dead ;;
	esac
fi
# What in the cache this login may not write to; often an engine in a container made it, as root.
for one in ${have_shared:+"$shared/.cache" "$shared/.cache/huggingface" "${cache:-$shared/.cache/huggingface/hub}" \
	"$shared/.cache/huggingface/hub/.locks" ${hub:+"$hub" "$hub/blobs" "$hub/refs" "$hub/snapshots"}}; do
	[ ! -d "$one" ] || [ -w "$one" ] || { fact cacheclosed "$one" "$(stat -c %U "$one")"; break; }
done

# What dray left here may be root's, since somebody has used sudo.
for dir in "${self#*@}" "${state%/*}" "$state" "$state/steps"; do
	[ ! -d "$dir" ] || { [ -r "$dir" ] && [ -x "$dir" ]; } ||
		unsure "cannot look into '$dir'" "as root: chown -R $user '${self#*@}'"
done
for file in "$state"/steps/*.json "$state/members.json" "$state/mackey"; do
	[ -r "$file" ] || [ ! -e "$file" ] || unsure "cannot read '$file'" "as root: chown -R $user '${self#*@}'"
done
# What dray left here: records, members, the last benchmark; and who listens on the ports that we want. The
# first line that comes out has the runtimes of the engine's parts, the second one "PORT UID INODE" of each
# listener. What would break a line is escaped: see fact.
records=$nl$nl
if [ -d "$state" ] || [ -n "$ports" ]; then
	records=$(awk -v ports="$ports" '
	function text_of(file,    line, text, n) {
		while ((getline line < file) > 0) {
			gsub(/\\/, "&&", line); gsub(/\t/, "\\t", line)
			text = text (n++ ? "\\n" : "") line
		}
		close(file)
		return text
	}
	function listeners(file,    line, f, p) {
		while ((getline line < file) > 0) {
			split(line, f, " ")
			p = substr(f[2], length(f[2]) - 3)
			if (f[4] != "0A" || !(p in want)) continue
			heard = heard want[p] " " f[8] " " f[10] " "
			delete want[p]
		}
	}
	BEGIN {
		n = split(ports, port, " ")
		for (i = 1; i <= n; i++) want[sprintf("%04X", port[i])] = port[i]
		if (n) { listeners("/proc/net/tcp"); listeners("/proc/net/tcp6") }
		for (i = 1; i < ARGC; i++) {
			file = ARGV[i]; name = file; sub(/.*\//, "", name)
			text = text_of(file)
			if (file !~ /\/steps\/[^\/]*\.json$/) {
				sub(/\.json$/, "", name)
				if (text != "") out = out name "\t" text "\n"
				continue
			}
			sub(/\.json$/, "", name); sub(/\.json$/, ".end", file)
			if (name ~ /^(head|worker|rank)/ && !index(text, "\"runtime\":\"none\"") && text !~ /"runtime":"(apptainer|singularity)"/)
				asked = asked (index(text, "\"runtime\":\"podman\"") ? " podman" : " docker")
			if (name ~ /@/) { sub(/@/, "[", name); name = name "]" }
			if (text == "" && (getline line < ARGV[i]) < 0) continue
			out = out "record\t" name "\t" text "\n"
			text = text_of(file)
			if (text != "") out = out "ended\t" name "\t" text "\n"
		}
		printf "%s\n%s\n%s", asked, heard, out
	}' "$state"/steps/*.json "$state/members.json" "$state/mackey" "$state/bench.json") ||
		unsure "cannot read what dray wrote down in '$state'"
	records=$records$nl
fi
asked="$runtime ${records%%"$nl"*}" records=${records#*"$nl"}
listeners=${records%%"$nl"*}
printf %s "${records#*"$nl"}"

# is_done FOLDER: did an apply see that step come up?
is_done() {
	of "$state/steps/$1.json"
	case $got in *'"phase":"done"'*) return 0 ;; *) return 1 ;; esac
}

# $asks: the words before the coordinator's command, when its server runs and is up; $asks_at: where
# the coordinator is, without containers. $inside: the words that run something in the head's container, of
# which $inside_of says whose it is. $roots: a line "* STEP PID" for each first process whose
# children tell whether all of it runs.
ours='' asks='' asks_at='' inside='' inside_of='' roots='' image_sum=

# archive_fact: what is in the archive of the image. One that is packed is not read here, because
# that takes long: image-load.sh has noted what it found.
archive_fact() {
	stamp="$(stat -L -c '%s %Y' "$archive") $archive" || { fact archive missing; return; }
	{ IFS= read -r noted && read -r config id arch names; } <"$state/images/archive"
	if [ "$noted" != "$stamp" ]; then
		id=-
		archive_kind "$archive"
		[ -z "$unpack" ] || { fact archive packed; return; }
		archive_read "$archive" "$image" || { fact archive other; return; }
		if [ -n "$image_sum" ] && told=$("$runtime" image inspect --format '{{.Id}}' "$image"); then
			[ "${told#sha256:}" != "$config" ] || id=sha256:$image_sum
		fi
	fi
	fact archive read "${config:--}" "$id" "${arch:--}" "${names:--}"
}
# A hint to whoever has no Docker.
! { [ "$runtime" = docker ] && ! have docker && have podman; } || asked="$asked podman"
for engine in docker podman; do
	case " $asked " in *" $engine "*) some='' && containers $engine ;; esac
done
[ -z "$archive" ] || archive_fact

# Processes of ours, where there are no containers: process.sh, which comes before.
processes='' unlisted=
if places "$cluster" "$uid" && { [ "$runtime" = none ] || [ -n "$sif" ] || [ -d "$run" ]; }; then
	marks "$cluster"
	known=' '
	for dir in "$run"/*; do
		[ -s "$dir/instance" ] || continue
		unlisted=yes
		lives "$dir" && alive=alive || alive=dead
		known="$known$instance "
		of "$dir/status"; status=$got
		# Of a process of another boot nobody could keep the status.
		[ "$status$alive" != -dead ] || [ "${epoch:-$boot}" = "$boot" ] || status=boot
		IFS= read -r inputs <"$dir/inputs"
		step_named "${dir##*/}"
		fact proc "$step" "$instance" "${pid:--}" "$alive" "$status" "$inputs"
		case $alive${dir##*/} in aliverank@* | aliveserve) is_done "${dir##*/}" || continue ;; *) continue ;; esac
		[ -s "$dir/parts" ] && parts=parts || parts=
		roots="$roots* $step $pid $parts$nl"
		told=${inputs#*'"env.RAY_ADDRESS":"'} told=${told%%'"'*}
		case ${dir##*/}$told in serve*[!]a-zA-Z0-9.:[-]* | rank@*) ;; *) asks=env asks_at=$told ;; esac
	done
	# What has no folder, and is nobody's child.
	[ -z "$mine" ] || while read -r pid step instance _; do
		case $known in *" $instance "*) continue ;; esac
		known="$known$instance "
		fact proc "$step" "$instance" "$pid" alive - '{}'
	done <<-END
		${mine%"$nl"}
	END
	[ -z "$marks" ] || unlisted=yes
	strangers "$cluster"
	[ -z "$strangers" ] || while read -r step pid theirs; do
		fact stranger "$step" "$pid" "$theirs" "$(login_of "${theirs%%@*}")"
	done <<-END
		$strangers
	END
fi
# our_processes: $processes, a line "PID STEP" for each, behind a newline.
our_processes() {
	[ -n "$unlisted$roots" ] || return 0
	told=$(members) || unsure "cannot see the processes of this host in /proc"
	told=$nl$told$nl
	case $told in
	*"$nl.$nl"*)
		facts=${told%%"$nl.$nl"*} told=$nl${told#*"$nl.$nl"}
		[ -z "$facts" ] || printf '%s\n' "${facts#"$nl"}"
		;;
	esac
	[ -z "$unlisted" ] || processes=$told
	unlisted='' roots=
}
# in_step PID: $step, whose process that is, or comes from.
in_step() {
	our_processes
	case $processes in *"$nl$1 "*) step=${processes#*"$nl$1 "} step=${step%%"$nl"*} ;; *) return 1 ;; esac
}
[ -z "$venv" ] || venv_fact "$package" "$needs"

# in_ours ID: the name of our container with that id; fails when it is not ours.
in_ours() {
	[ -n "$ours" ] && printf '%s\n' "$ours" | awk -F"$tab" -v id="$1" -v c="$cluster" '
		$2 == id && $7 == c && $13 == "mine" { print $1; ok = 1 } END { exit !ok }'
}

[ -z "$ours" ] || roots=$roots$(printf '%s\n' "$ours" | awk -F"$tab" -v c="$cluster" '
	$3 == "running" && $7 == c && $13 == "mine" && $8 ~ /^rank/ && $11 > 1 { print "*", $8, $11 }')
[ -z "$roots" ] || our_processes

# Who holds memory of a GPU and is not ours. What has ended and is not buried yet holds it for a
# moment only, and nobody can end it: a worker of ours that was killed is not a stranger.
user_of_gpu() {
	[ -d "/proc/$pid" ] || unseen=yes
	[ ! -d "/proc/$pid" ] || born "$pid" || return
	if ! in_step "$pid" && ! { container_of "$pid" && in_ours "$container" >/dev/null; }; then
		user_of_it
		fact gpuproc "$pid" "$used" "$user" "$command" "$uuid"
		return
	fi
	case " $used_by_us " in *" $uuid "*) ;; *) used_by_us="$used_by_us $uuid" busy=$((busy + 1)) ;; esac
}
used_by_us='' busy=0 unseen=
gpus_users user_of_gpu
# Where the driver tells pids that are not ours to see, nobody knows whose they are.
[ $busy = 0 ] || [ -n "$unseen" ] || fact gpuours "$busy"

# holder INODE: $pid, the process of ours that has that socket open, or nothing.
holder() {
	our_processes
	pid=$(printf '%s\n' "$processes" | while read -r pid _; do
		case $(ls -l "/proc/$pid/fd" 2>/dev/null) in
		*"socket:[$1]"*)
			echo "$pid"
			break
			;;
		esac
	done)
}
# Listeners on the ports we want: /proc names them all, ss may know the process. Where there is
# no ss, one of ours is known all the same.
users='' filter=
[ -z "$listeners" ] || {
	for port in $ports; do filter="$filter${filter:+ or }sport = :$port"; done
	users=$(exec ss -ltnp "$filter")$nl
}
# listens PID: is that one of ours? Sets what the fact says of it: $user, $command and $container.
listens() {
	if in_step "$1"; then
		user=- command=- container=dray-$cluster-${step%%\[*}
		return
	fi
	process_of "$1"
	if [ "$container" = - ]; then
		return 1
	elif told=$(in_ours "$container"); then
		container=$told
	else
		container=$(printf '%.12s' "$container")
		return 1
	fi
}
# listener PORT: $pid, who listens there as ss says. A server that has just forked shares its socket with
# the child, which may be new to us or gone again: one that is ours counts.
listener() {
	said=$users pid=
	while case $said in *:"$1 "*) ;; *) false ;; esac; do
		said=${said#*:"$1 "} words=${said%%"$nl"*}
		while case $words in *pid=*) ;; *) false ;; esac; do
			words=${words#*pid=} pid=${words%%[!0-9]*}
			! listens "$pid" || return 0
		done
	done
}
while [ -n "$listeners" ]; do
	read -r port by inode listeners <<-END
		$listeners
	END
	listener "$port"
	if [ -z "$pid" ]; then
		holder "$inode"
		[ -z "$pid" ] || listens "$pid"
	fi
	if [ -n "$pid" ]; then
		fact port "$port" "$pid" "$user" "$command" "$container"
	else
		fact port "$port" - "$(login_of "$by")" - -
	fi
done

# The launcher script and the model.
if [ -n "$script" ]; then
	if sum=$(sha256sum "$script"); then
		fact script "$script" "${sum%% *}"
	else
		fact script "$script" missing
	fi
fi
[ -z "$named" ] || named_facts "$named"
[ -z "$sif" ] || sif_facts "$runtime" "$sif" "$venv" "$sif_own"
[ -z "$files" ] || files_facts "$files"
[ -z "$path" ] || model_path "$path" "$compare"
[ -z "$hub" ] || model_cached "$hub" "$revision"
[ -z "$repos" ] || model_repos "$cache" "$repos"

lock_of "$cluster"
if [ -n "$lock" ] && { is_locked "$lock" || { lock_note && [ -n "$lives" ]; }; }; then
	fact lock held "$(lock_told)"
elif is_locked "$state/lock"; then
	fact lock held "$(cat "$state/lock.info")"
elif [ -e "$state/lock" ]; then
	fact lock free -
fi

# coordinator_says: how many nodes it has, GPUs in use and GPUs. It is asked while others are
# dialled; what it says comes behind theirs.
coordinator_says() {
	if [ -n "$inside" ]; then
		server_says
	else
		PATH=$venv/bin:$PATH RAY_ADDRESS=$asks_at
		[ -z "$asks_at" ] || export RAY_ADDRESS
		# shellcheck disable=SC2086
		hear "$coordinator_limit" $asks $status_command
	fi
	case $told in *[!"$nl"]*) ;; *) return ;; esac
	# shellcheck disable=SC2086
	told=$(printf '%s\n' "$told" | sh -c "$status_sh") && fact coordinator $told
}
# What ran here went through the walls; before that, they are looked for.
[ -s "$state/members.json" ] || walls=yes
if [ -n "$inside" ] || { [ -n "$asks" ] && [ -n "$status_command" ] && have timeout; }; then
	coordinator_says | {
		exec 5<&0 </dev/null
		dial "$@"
		exec cat <&5
	}
else
	dial "$@"
fi
echo end

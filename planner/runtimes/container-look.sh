# container-look.sh - functions of observe.sh that look at containers and at the image; net.sh,
# whose.sh, process.sh and gpus-look.sh come before them
# shellcheck shell=sh disable=SC2030,SC2031,SC2034,SC2154

# Containers: all of ours by label, and whatever else has a name of ours. Where a step was
# put by another runtime than today's, that one is looked at too. One that is removed just now is gone; any
# other failure says nothing of what is there: then the words of the runtime come instead, and it fails.
# shellcheck disable=SC2016
inspect_all() {
	t='{{"\t"}}'
	# Docker prints "<no value>" for a label that is not there, and an earlier dray wrote fewer of them.
	label() { printf '{{with index .Config.Labels "dray.%s"}}{{.}}{{end}}' "$1"; }
	{ "$engine" inspect --type container --format "{{.Name}}$t{{.Id}}$t{{.State.Status}}$t{{.State.ExitCode}}$t{{.State.StartedAt}}$t{{.Image}}$t$(label cluster)$t$(label step)$t$(label digest)$t$(label inputs)$t{{.State.Pid}}$t$(label owner)" "$@" 2>&1; echo "status $?"; } |
		awk -F"$tab" -v OFS="$tab" '
		{ sub("^/", ""); status = $0 }
		NF > 6 { if (NF < 12) $12 = ""; all = all $0 "\n"; next }
		/[Nn]o such / { gone = 1; next }
		!/^status [0-9]+$/ && !/^ *(\[\])?$/ { why = why $0 "\n" }
		END {
			if (status != "status 0" && (why != "" || !gone)) { printf "%s", why ? why : status "\n"; exit 1 }
			printf "%s", all
		}'
}
# whose: the lines of inspect_all, each with whose it is behind it: mine, other or unknown,
# and the other's login. What has no owner is ours when our record of its step names it, or
# is that of a start that no apply finished.
whose() {
	while IFS= read -r line; do
		theirs=${line##*"$tab"} id=${line#*"$tab"} known=- who=other login=-
		id=${id%%"$tab"*}
		if [ "$theirs" != "$self" ]; then
			step=$(printf '%s\n' "$line" | cut -f 8 | tr / -)
			case $(cat "$state/steps/$(folder_of "${step:--}").json") in
			*"\"instance\":\"$id\""* | *'"phase":"intent"'*) known=$id ;;
			esac
		fi
		if is_mine "$theirs" "$id" "$known"; then
			who=mine
		elif [ -z "$theirs" ]; then
			who=unknown
		else
			login=$(login_of "${theirs%%@*}")
		fi
		printf '%s\t%s\t%s\n' "$line" "$who" "$login"
	done
}
# room_of FOLDER: the fact of the disk where images are kept.
room_of() {
	told=$(exec stat -f -c '%T %S %b %a' "$1") || return
	read -r type unit blocks free <<-END
		$told
	END
	fact disk image "$1" "$type" $((blocks * unit / 1024)) $((free * unit / 1024))
}
# containers docker|podman: facts of that runtime, of our containers there, and of the image. Adds the
# containers to $ours. Leaves in $inside the words that run something in the head's container, if that runs,
# and in $image_sum the sum of the image.
containers() { # docker|podman
	engine=$1
	if ! have "$engine"; then
		fact "$engine" missing - "no $engine command"
		return
	fi
	case $engine in
	podman) label='index .Labels' about='{{.Store.GraphRoot}}' ;;
	*) label='.Label' about='{{.ServerVersion}} {{json .SecurityOptions}} {{json .OperatingSystem}} {{json .Runtimes}} {{.DockerRootDir}}' ;;
	esac
	# A daemon that hangs must not take the whole look with it.
	told=$(in_time "$ps_limit" "$engine" ps -a --no-trunc --format "{{.ID}} {{.Names}} {{$label \"dray.cluster\"}}" 2>&1) || {
		[ $? != 124 ] || told="'$engine ps' gave no answer within $ps_limit seconds"
		# The package podman-docker calls podman so. It does not know all of Docker's words.
		[ "$engine" = podman ] || case $(in_time "$ps_limit" "$engine" --version 2>&1) in
		*podman*) fact docker podman - "the docker command is podman's"; return ;;
		esac
		case $told in
		*denied*) fact "$engine" denied - "$told" ;;
		*) fact "$engine" down - "$told" ;;
		esac
		return
	}
	printf 'progress waiting for %s\n' "$engine" >&3
	ids=$(printf '%s\n' "$told" | awk -v c="$cluster" '
		$1 ~ /^[0-9a-f]+$/ && ($3 == c || index($2, "dray-" c "-") == 1) { print $1 }')
	if [ -n "$ids" ]; then
		# shellcheck disable=SC2086
		told=$(inspect_all $ids) || { fact "$engine" down - "'$engine inspect' failed: $told"; return; }
		[ -z "$told" ] || some=$(printf '%s\n' "$told" | whose)
		[ -z "$some" ] || printf '%s\n' "$some" | sed 's/\\/\\\\/g; s|^|container	|'
		ours=$ours${some:+$some$nl}
	fi
	# The head's container, and whether a part of the engine runs: what it needs of Docker is there then.
	told=
	[ -z "$some" ] || told=$(printf '%s\n' "$some" | awk -F"$tab" -v n="$head" -v c="$cluster" '
		$3 != "running" || $7 != c || $13 != "mine" { next }
		$1 == n { id = $2 }
		$8 ~ /^(head|worker|rank)/ { part = "part" }
		END { print id " " part }')
	[ -z "${told%% *}" ] || inside="$engine exec ${told%% *}" inside_of=$engine
	part=${told#* } info='' detail=-
	[ -n "$part" ] || [ "$engine" != docker ] || info=$(docker info --format "$about")
	# Without root the user's own services end with its last login, containers with them.
	if [ "$engine" = podman ] && [ "$uid" != 0 ] && [ -d /run/systemd/system ] &&
		[ ! -e "/var/lib/systemd/linger/$user" ]; then
		detail='ends with the login'
	fi
	case $engine$(command -v "$engine")$info in
	docker/snap/*) detail='from a snap' ;;
	docker*'"Docker Desktop'*) detail='Docker Desktop' ;;
	docker*name=rootless*) detail=rootless ;;
	docker*name=userns*) detail=userns-remap ;;
	esac
	told=${info%% *}
	fact "$engine" ok "${told:--}" "$detail"
	[ "$engine" != "$runtime" ] || case $engine$part in
	dockerpart) fact toolkit yes ;;
	*) fact toolkit "$(toolkit_of "$engine" "$info")" ;;
	esac
	# The fingerprint is that of image-id.sh; digests are what registries know.
	all='{{json .RootFS.Layers}}{{json .Config.Env}}{{json .Config.Entrypoint}}{{json .Config.Cmd}}'
	if [ "$engine" = "$runtime" ] && [ -n "$image" ] && told=$("$engine" image inspect --format \
		"{{range .RepoDigests}}{{.}} {{end}}{{\"\\n\"}}$all" "$image"); then
		sum=$(printf '%s' "${told#*"$nl"}" | sha256sum)
		digests=${told%%"$nl"*} digests=${digests% }
		fact image "$image" "sha256:${sum%% *}" "${digests:--}"
		image_sum=${sum%% *}
		# What an apply found when it looked into it: image-observe.sh.
		read -r of_needs of_engine <"$state/images/${sum%% *}" &&
			fact engine "sha256:${sum%% *}" "$of_needs" "$of_engine"
	elif [ "$engine" = "$runtime" ] && [ -n "$image" ]; then
		# There is none, so it will be pulled.
		[ -n "$info" ] || info=$("$engine" info --format "$about")
		case ${info##* } in /*) room_of "${info##* }" ;; esac
	fi
	echo 'progress looking on' >&3
}
# What runs in the head's container: prints what is known of the server, and if that lives what the words say.
# shellcheck disable=SC2016
look='cd /tmp/dray 2>/dev/null && read -r id <serve.instance || exit 0
read -r pid <serve.pid; read -r status <serve.status
if grep -qs "DRAY_INSTANCE=$id" "/proc/${pid:-0}/environ"; then alive=alive; else alive=dead; fi
printf "%s\t%s\t%s\t%s\t" "$id" "${pid:--}" "$alive" "${status:--}"; cat serve.inputs; echo
[ $alive = dead ] || exec $1'
# server_says: about the server in the head's container. If nothing can be run there, nobody knows whether
# there is one. Leaves in $told what the coordinator says.
server_says() {
	asks=
	! is_done serve || [ -z "$status_command" ] || asks="timeout $coordinator_limit $status_command"
	# shellcheck disable=SC2086
	hear $((coordinator_limit + term_limit)) $inside sh -c "$look" look "$asks"
	[ "$status" = 0 ] || [ -n "$told" ] || fact "$inside_of" down - "'$inside_of exec' gives no answer, but status $status"
	set -- "${told%%"$nl"*}"
	[ -z "$1" ] || printf 'proc\tserve\t%s\n' "$1" | sed 's/\\/\\\\/g'
	told=${told#"$1"}
}

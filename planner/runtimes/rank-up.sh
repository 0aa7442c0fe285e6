# rank-up.sh - starts the container of one rank. The first rank has the API and is waited for
# until that answers. A further one only has to run: whoever waits for the first watches it.
#	name, cluster, known  as in container-down.sh
#	first        "yes": it is the first
#	image        its image
#	image_id     the fingerprint that the image must have
#	image_id_sh  the text of image-id.sh
#	hf_home      the cache of models, which is made
#	key          "yes": the API key is the first line of stdin. It goes through a pipe into the
#	             environment of the server alone
#	bind, port   where the API listens
#	scheme       "https": it speaks TLS
#	alone        "yes": there is no other rank
#	stall        seconds without a new line in the log that are too long
#	await        the id of one that an earlier apply started: it is waited for
# The words are the command that starts it, and begin with "docker run -d". state.sh, whose.sh,
# container-up.sh, serve-log.sh and the engine's script come before this text.
# shellcheck shell=sh disable=SC2154
args 'name cluster image image_id_sh stall' \
	'known first image_id hf_home key bind port scheme alone await' "$@" || exit
shift "$args"
umask 022

[ -n "$await" ] || prepare
digest=
for word; do
	case $word in dray.digest=*) digest=${word#*=} ;; esac
done
# After a lost connection it may be up already, as one of its group: then it is waited for.
there='' id=
state_of "$cluster"
if labels_of "$name"; then
	is_ours "$name" "$cluster" "$known" || die "$told is in the way"
	if [ -n "$await" ] ||
		{ [ "$running" = true ] && [ "$(inspect '{{index .Config.Labels "dray.digest"}}')" = "$digest" ]; }; then
		there=yes
	else
		say "removing what an earlier apply left"
		docker rm -f "$id" >/dev/null || exit 1
	fi
fi
[ -z "$await" ] || [ "$id" = "$await" ] || die "container $name is not the one that was to be waited for"

# explain WHAT: says why it does not run, as far as that is known.
explain() {
	lines=$(docker logs --tail 20 "$name" 2>&1)
	case $1:$lines in
	*'could not select device driver'*)
		die "Docker cannot hand out GPUs: install their container toolkit, restart Docker" "$1" ;;
	*'No such image'* | *'Unable to find image'*) die "image '$image' is not on this node" "$1" ;;
	esac
	words=$(known "image '$image'" "$1:$lines") && die "$words" "${lines:-$1}"
	die "$1" "" "$lines"
}

if [ -z "$there" ]; then
	say "starting container"
	shift 3 # docker run -d
	set -- docker run -d --label "dray.owner=$self" "$@"
	told=$("$@" 2>&1 3>&-) || explain "$told"
fi
stands '{{.Id}} {{.State.StartedAt}}' || die "$told"
container=${told%% *}
printf 'set instance %s\nset output %s\n' "$container" "${told#* }" >&3

[ -z "$key" ] || IFS= read -r secret
if [ -n "$key" ] && { [ -z "$there" ] || docker exec "$container" test -p /tmp/dray.key; }; then
	[ -n "$secret" ] || die "no API key came"
	# The container makes the pipe, and removes it when it has read from it.
	give "$secret" | docker exec -i "$container" sh -c "$hand_over" sh /tmp/dray.key ||
		explain "the API key did not reach the container"
	unset secret
fi

# From here on it only waits: shell.sh ends it when dray is gone, and the lock is not ours.
echo wait >&3
exec 8<&- 9<&-
seconds
quiet=$now before='' far='' looked=0
while :; do
	stands '{{.State.Running}} {{.State.ExitCode}} {{.State.OOMKilled}}' || told=true
	case $told in
	true*) ;;
	*' true') explain "the container is out of memory" ;;
	*)
		told=${told#* }
		explain "$server ended with status ${told% *}"
		;;
	esac
	seconds
	looked=$((looked + 1))
	if [ -n "$first" ]; then
		answers "$bind" "$port" "$scheme" && break
	elif [ $looked -gt 1 ]; then
		exit 0
	fi
	told=$(docker logs --tail 200 "$name" 2>&1)
	if [ "$told" != "$before" ]; then
		before=$told quiet=$now
		words=$(printf '%s\n' "$told" | far)
		far=${words:-$far}
	fi
	if [ $((now - quiet)) -ge "$stall" ]; then
		explain "$server said nothing for ${stall}s"
	fi
	case $told in
	*"$meet_words"*) [ -n "$alone$far" ] || [ $((now - quiet)) -lt "$meet_stall" ] || far="waiting for the other ranks" ;;
	esac
	say "${far:-starting the engine}"
	sleep $((looked < 5 ? 1 : 2))
done
say "the API answers"
words=$(docker logs --tail 10000 "$name" 2>&1 | measured)
[ -z "$words" ] || printf 'set measured %s\n' "$words" >&3

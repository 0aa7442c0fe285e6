# download-up.sh - downloads a model at one commit with `hf`, or one that is not on the Hub with
# fetch.py, and verifies it file by file. What is whole already is not fetched again, so a download that
# was killed is taken up.
#	hf_home   the cache of models
#	hub       the model's directory in it
#	repo, commit  the model; an empty commit is an error, as the Hub did not tell it
#	ref       a branch that the cache is to take this commit for: who names the repository alone finds it so
#	ref_kept  "yes": unless the cache takes it for another one
#	endpoint  the Hub, if it is not huggingface.co
#	token     "yes": the token is the first line of stdin
#	keys      how many lines of stdin are the keys of a bucket, instead
#	fetch     the text of fetch.py; empty: `hf` downloads
#	revision, auth, region  for fetch.py
#	ca        the certificates to trust, as text; empty: those of the system
#	image     the image that has `hf`; empty: this host has it
#	venv      the virtual environment of this host that has it
#	name, cluster, known  as in container-down.sh: the container that `hf` runs in
#	docker_words  how many of the words are for docker run; the others are for hf
# stdin: the token or the keys, then the files to have: SIZE, TAB, BLOB, TAB, PATH; for fetch.py also TAB, URL, TAB,
# ETAG, and a line "end". state.sh, whose.sh and
# downloading.sh come before this text.
# shellcheck shell=sh disable=SC2034,SC2154
args 'hf_home hub repo name cluster docker_words' \
	'commit ref ref_kept endpoint token keys fetch revision auth region ca image venv known' "$@" || exit
shift "$args"
umask 022
say() { printf 'progress %s\n' "$*" >&3; }
die() {
	printf '%s\n' "$@" >&2
	exit 1
}
# give SECRET: prints it. In some shells printf is a program, whose arguments everybody can see.
give() { GIVEN=$1 awk 'BEGIN { print ENVIRON["GIVEN"] }'; }
client='hf download'
[ -z "$fetch" ] || client='the download'
[ -n "$commit" ] || die "the commit of '$repo' is not known: $([ -n "$fetch" ] && echo its server || echo the Hub) did not answer"
secret=
[ -z "$token" ] || IFS= read -r secret
while [ "${keys:=0}" -gt 0 ] && IFS= read -r line; do
	secret=${secret:+$secret
}$line
	keys=$((keys - 1))
done
nl='
'
tmp=$(mktemp -d) || exit 1
trap 'trap "" TERM; rm -rf "$tmp"' EXIT
trap 'exit 143' TERM # what takes too long is ended so
cat >"$tmp/list"
grep -vx end "$tmp/list" >"$tmp/want" || :
all=$(awk -F'\t' '{ n += $1 } END { printf "%.0f", n }' "$tmp/want")
dir=$hf_home/hub/$hub
mkdir -p "$hf_home/hub" || exit 1

# list: prints the snapshot as it is there, in the format of the wanted list.
list() {
	cd "$dir/snapshots/$commit" 2>/dev/null || return
	{
		find ../../blobs -type f ! -name '*.incomplete' -exec stat -c 'blob %s %n' {} +
		QUOTING_STYLE=literal find . -type l ! -path "*$nl*" -exec stat -c "link %n$nl%N" {} +
		find . -type f ! -path "*$nl*" -exec stat -c 'file %s %n' {} +
	} 2>/dev/null | LC_ALL=C awk '
	# Of a link, stat may quote both names. The second one ends in that of a blob.
	link != "" {
		to = $0; sub(/.* -> /, "", to); sub(/.*\//, "", to); gsub(/[^A-Za-z0-9._-]/, "", to)
		if (to in size) print size[to] "\t" to "\t" link
		link = ""
		next
	}
	$1 == "blob" { name = $3; sub(/.*\//, "", name); size[name] = $2 }
	$1 == "link" { link = substr($0, 8) }
	$1 == "file" { from = $0; sub(/^file [0-9]* \.\//, "", from); print $2 "\t-\t" from }'
	cd /
}
# wrong: prints what is missing or not as it must be, a line each.
wrong() {
	list >"$tmp/have"
	awk -F'\t' '
	FILENAME != ARGV[1] {
		if (!($3 in size)) print $3 ": missing"
		else if (size[$3] != $1) print $3 ": " size[$3] " bytes, not " $1
		else if ($2 != "-" && blob[$3] != "-" && blob[$3] != $2) print $3 ": is blob " blob[$3] ", not " $2
		next
	}
	{ size[$3] = $1; blob[$3] = $2 }' "$tmp/have" "$tmp/want"
}
# ref_note: notes the branch in the cache.
ref_note() {
	[ -n "$ref" ] || return 0
	[ -z "$ref_kept" ] || [ ! -s "$dir/refs/$ref" ] || return 0
	at=$dir/refs/$ref
	mkdir -p "${at%/*}" && printf %s "$commit" >"$at"
}
# seconds: sets $now, by a clock that nobody can set.
seconds() {
	now=
	read -r now _ </proc/uptime
	now=${now%.*} now=${now:-$(date +%s)}
}
finish() {
	ref_note || exit 1
	printf 'set output %s\n' "$commit" >&3
	exit 0
}

state_of "$cluster"
trap 'download_end; exit 143' TERM
trap 'exit 129' HUP # what waits is ended so when dray is gone; hf goes on
# What an earlier apply started is waited for if it downloads just that.
what=$(printf '%s\n' "$hf_home" "$repo" "$commit" "$endpoint" "$image" "$venv" "$@")
there=
if download_lives && [ "$(cat "$keep/what")" = "$what" ]; then
	there=yes
else
	download_end
fi
if [ -z "$there" ] && [ -n "$image" ] && labels_of "$name"; then
	is_ours "$name" "$cluster" "$known" || die "$told is in the way"
	say "ending what an earlier apply left running"
	docker rm -f "$id" >/dev/null || exit 1
fi
if [ -z "$there" ] && [ -s "$tmp/want" ]; then
	say "verifying what is there"
	[ -n "$(wrong)" ] || finish
fi
# Incomplete files that no download takes up again: such a name is used only once.
[ -n "$there" ] || find "$dir/blobs" -name '*.????????.incomplete' -exec rm -f {} + 2>/dev/null

# The token comes on stdin, and only the environment of hf has it. Another cache, of the image or the
# login, would be used instead of HF_HOME.
# shellcheck disable=SC2016
hf='if [ -n "$1" ]; then IFS= read -r HF_TOKEN; export HF_TOKEN; fi
shift
unset HF_HUB_CACHE HUGGINGFACE_HUB_CACHE TRANSFORMERS_CACHE
export HF_HUB_OFFLINE=0 HF_HUB_DISABLE_TELEMETRY=1 HF_HUB_DISABLE_PROGRESS_BARS=1 HF_HUB_DOWNLOAD_TIMEOUT='$hf_limit'
if command -v hf >/dev/null; then exec hf download "$@"
elif command -v huggingface-cli >/dev/null; then exec huggingface-cli download "$@"
fi
echo "no hf and no huggingface-cli command" >&2
exit 127'
# shellcheck disable=SC2016
python='fetch=$1
shift
command -v python3 >/dev/null && exec python3 -c "$fetch" "$@"
echo "no python3 command" >&2
exit 127'
# Runs in a session of its own, and keeps the status.
# shellcheck disable=SC2016
keeping='keep=$1
shift
read -r stat <"/proc/$$/stat"
read -r boot </proc/sys/kernel/random/boot_id
began=$(echo "${stat##*) }" | cut -d" " -f20)
echo "$$ $began $boot" >"$keep/keeper.new" && mv "$keep/keeper.new" "$keep/keeper"
"$@" >"$keep/out" 2>"$keep/err"
echo $? >"$keep/status.new" && mv "$keep/status.new" "$keep/status"'
engine=docker own_session='' trusted=/tmp/dray-ca.pem
[ -n "$image" ] || trusted=$keep/ca.pem
[ -z "${container_user-}" ] || engine=podman
! command -v setsid >/dev/null || own_session=setsid
# What runs in the container, or here: the words of hf come last.
if [ -n "$image" ]; then
	words=$(($# - docker_words))
	while [ "$docker_words" -gt 0 ]; do
		set -- "$@" "$1"
		shift
		docker_words=$((docker_words - 1))
	done
	[ -z "$endpoint" ] || set -- "$@" -e "HF_ENDPOINT=$endpoint"
	[ -z "$ca" ] || set -- "$@" -v "$keep/ca.pem:$trusted:ro" -e "SSL_CERT_FILE=$trusted" \
		-e SSL_CERT_DIR=/nonexistent -e "REQUESTS_CA_BUNDLE=$trusted" -e HF_HUB_DISABLE_XET=1
	set -- "$@" -e HOME=/tmp -e "HF_HOME=$hf_home" --user "${container_user:-$(id -u):$(id -g)}" --entrypoint /bin/sh \
		--name "$name" --label "dray.cluster=$cluster" --label dray.step=download --label "dray.owner=$self" \
		"$image" -c
	if [ -n "$fetch" ]; then
		set -- "$@" "$python" fetch "$fetch" "dir=$dir" "commit=$commit" "revision=$revision" "auth=$auth" "region=$region" "limit=$hf_limit"
	else
		set -- "$@" "$hf" hf "$token" "$repo" --revision "$commit"
	fi
	while [ "$words" -gt 0 ]; do
		set -- "$@" "$1"
		shift
		words=$((words - 1))
	done
	set -- "$engine" run --rm -i "$@"
else
	[ -z "$endpoint" ] || export HF_ENDPOINT="$endpoint"
	export HF_HOME="$hf_home"
	[ -z "$venv" ] || PATH=$venv/bin:$PATH
	if [ -n "$ca" ]; then
		export SSL_CERT_FILE="$trusted" SSL_CERT_DIR=/nonexistent REQUESTS_CA_BUNDLE="$trusted" HF_HUB_DISABLE_XET=1
	fi
	if [ -n "$fetch" ]; then
		set -- sh -c "$python" fetch "$fetch" "dir=$dir" "commit=$commit" "revision=$revision" "auth=$auth" "region=$region" "limit=$hf_limit"
	else
		set -- sh -c "$hf" hf "$token" "$repo" --revision "$commit" "$@"
	fi
fi
if [ -z "$there" ]; then
	say "starting $client"
	(umask 077 && mkdir -p "$keep") && printf '%s\n' "$what" >"$keep/what" || exit 1
	[ -z "$ca" ] || printf '%s\n' "$ca" >"$keep/ca.pem" || exit 1
	[ -z "$image" ] || echo "$engine $name" >"$keep/box"
	{
		[ -z "$secret" ] || give "$secret"
		[ -z "$fetch" ] || { echo begin && cat "$tmp/list"; }
	} | $own_session sh -c "$keeping" dray-download "$keep" "$@" >/dev/null 2>&1 3>&- 4>&- 8>&- 9>&- &
	tries=0
	until [ -s "$keep/keeper" ]; do
		tries=$((tries + 1))
		[ $tries -le $((5 * keeper_limit)) ] || die "cannot start a process"
		sleep 0.2 2>/dev/null || sleep 1
	done
else
	say "waiting for the download of an earlier apply"
fi
secret=
# From here on it only waits: shell.sh ends it when dray is gone, and the lock is not ours.
if [ -n "$own_session" ]; then
	echo wait >&3
	exec 8<&- 9<&-
fi
first=$(du -sk "$dir" 2>/dev/null | cut -f1)
seconds
before='' quiet=$now began=$now first=${first:-0}
looked=0
while [ ! -s "$keep/status" ] && download_lives; do
	# A small one is soon there. (Not every sleep knows fractions.)
	looked=$((looked + 1))
	[ $looked -gt 8 ] || ! sleep 0.2 2>/dev/null || continue
	sleep 2
	kib=$(du -sk "$dir" 2>/dev/null | cut -f1)
	seconds
	[ "${kib:-0}" = "$before" ] || quiet=$now
	before=${kib:-0}
	awk -v k="$before" -v f="$first" -v all="$all" -v s=$((now - began)) 'BEGIN {
		g = k * 1024; if (all > 0 && g > all) g = all
		u = all >= 1e9 ? 1e9 : 1e6; name = u == 1e9 ? "GB" : "MB"
		printf "progress %.1f %s%s, %.0f MB/s\n", g / u,
			(all > 0 ? sprintf("of %.1f ", all / u) : ""), name,
			(k - f) * 1024 / 1e6 / (s > 0 ? s : 1) }' >&3
	if [ $((now - quiet)) -gt "$download_stall" ]; then
		waits=
		! grep -qi 'acquire lock' "$keep/err" || waits=", as it waits for a lock: if nothing else downloads there, rm -r '$hf_home/hub/.locks/$hub'"
		download_end
		die "$client: nothing came for $((download_stall / 60)) minutes$waits"
	fi
done
[ -s "$keep/status" ] || sleep 1 # it may be on its way
read -r status 2>/dev/null <"$keep/status" || status=137
cp "$keep/err" "$tmp/err"
rm -rf "${keep:?}"

esc=$(printf '\033')
sed "s/$esc\[[0-9;]*m//g" "$tmp/err" >"$tmp/said"
lines=$(tail -n 20 "$tmp/said")
site=${endpoint:-https://huggingface.co}
has() { grep -Eqi "$1" "$tmp/said"; }
if [ "$status" -ne 0 ]; then
	if [ -n "$fetch" ] && [ "$status" -eq 127 ] && has 'no python3'; then
		die "there is no python3 in $([ -z "$image" ] && echo 'the PATH of the node' || echo "image '$image'"), which the download needs: install it, or set model.client"
	elif [ -n "$fetch" ] && [ "$status" -eq 1 ] && [ -n "$lines" ]; then
		die "$lines"
	elif has 'no space left|Not enough free disk|ENOSPC|Errno 28'; then
		free=$(df -Pk "$hf_home" | awk 'NR == 2 { print $4 }')
		files=$(df -Pi "$hf_home" 2>/dev/null | awk 'NR == 2 { print $4 }')
		[ "$files" != 0 ] || die "no file can be made in '$hf_home', as its file system has no inodes left: remove small files there" "$lines"
		die "no space left in '$hf_home': ${free} KiB are free" "$lines"
	elif has 'quota exceeded|EDQUOT|Errno 122'; then
		die "the quota for '$hf_home' is used up: 'quota' on this node shows it; choose another storage, or have it raised" "$lines"
	elif has 'Read-only file system|Errno 30'; then
		die "'$hf_home' is on a file system that is mounted read-only" "$lines"
	elif has 'Stale file handle|Errno 116|endpoint is not connected|Errno 107'; then
		die "the mount with '$hf_home' is stale: unmount it (umount -l) and mount it again" "$lines"
	elif has 'No locks available|Errno 37|Function not implemented|Errno 38'; then
		die "the file system with '$hf_home' has no locks, which hf needs: mount it with them (Lustre: -o flock; NFS: rpc.statd must run), or take 'storage: {local: DIR}'" "$lines"
	elif has 'Permission denied|PermissionError|Errno 13'; then
		told=$(sed -n "s/.*Permission denied: *'\([^']*\)'.*/\1/p" "$tmp/said" | tail -n 1)
		up=${told:-$hf_home}
		while [ ! -e "$up" ] && [ "$up" != "${up%/*}" ]; do up=${up%/*}; done
		owner=$(stat -c %U "$up" 2>/dev/null)
		die "user '$(id -un)' may not write to '${told:-$hf_home}'; '$up' belongs to ${owner:-another user}: sudo chown -R $(id -un) '$up'" "$lines"
	elif has "hf_transfer'? (package )?is not available|install hf_transfer"; then
		die "HF_HUB_ENABLE_HF_TRANSFER is set, and the package hf_transfer is missing: set engine.env: {HF_HUB_ENABLE_HF_TRANSFER: 0}" "$lines"
	elif has 'CERTIFICATE_VERIFY_FAILED|certificate verify failed'; then
		die "the certificate of $site is not trusted on this node: give its authority as model.ca, or install it" "$lines"
	elif has 'xethub|cas-server|cas-bridge' && has 'Connect|resolve|refused|timed out|timeout|dns'; then
		die "the Hub's storage (xethub.hf.co) cannot be reached from this node: let it pass, or set engine.env: {HF_HUB_DISABLE_XET: 1}" "$lines"
	elif has 'rate limit|429 Client|Too Many Requests'; then
		die "the Hub asks to come back later (429)" "$lines"
	elif has 'gated repo|requires approval|is restricted|GatedRepo'; then
		[ -n "$token" ] || die "'$repo' is gated and no token was given: set model.token, ask for access at $site/$repo" "$lines"
		die "'$repo' is gated and this token has no access: ask for it at $site/$repo" "$lines"
	elif has 'Revision not found|RevisionNotFound|Invalid rev id'; then
		die "'$repo' has no commit $commit any more" "$lines"
	elif has 'Repository not found|RepositoryNotFound|Model .* not found|Repo .*not found'; then
		die "'$repo' does not exist, or is private to others than this token's owner" "$lines"
	elif has '401 Client|Unauthorized|Invalid user token|Invalid credentials'; then
		die "the Hub does not take the token" "$lines"
	elif has 'Name or service not known|name resolution|No route to host|Connection refused|Network is unreachable|ConnectTimeout|Max retries|ConnectError|ConnectionError|LocalEntryNotFound|outgoing traffic'; then
		die "the Hub ($site) cannot be reached from this node" "$lines"
	elif has 'Unable to find image|No such image'; then
		die "image '$image' is not on this node" "$lines"
	elif [ "$status" -eq 127 ] && has 'no hf and no'; then
		die "there is no hf command in $([ -z "$image" ] && echo 'the PATH of the node' || echo "image '$image'"): pip install huggingface_hub there, or set model.client" "$lines"
	fi
	die "$client ended with status $status" "$lines"
fi
say "verifying"
bad=$(wrong)
if [ -n "$bad" ]; then
	die "$client said it was done, but $(printf '%s\n' "$bad" | wc -l) files are not as $([ -n "$fetch" ] && echo its server || echo the Hub) lists them:" \
		"$(printf '%s\n' "$bad" | head -n 5)"
fi
[ -d "$dir/snapshots/$commit" ] || die "$client left no '$dir/snapshots/$commit'"
finish

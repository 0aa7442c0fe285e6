# download-up.sh container|host token|no-token HF_HOME HUB COMMIT REPO ENDPOINT NAME CLUSTER
#	IMAGE N DOCKER-ARGS(N)... HF-ARGS... - downloads a model at one commit with `hf`, in
# the image or the host's own, and verifies it file by file. For "host", IMAGE may be a
# virtual environment whose hf is taken.
# stdin: the token if there is one, then the files to have: SIZE, TAB, BLOB, TAB, PATH.
# What is whole already is not fetched again, so a killed download is taken up.
# shellcheck shell=sh
how=$1 token=$2 home=$3 hub=$4 commit=$5 repo=$6 endpoint=$7 name=$8 cluster=$9
shift 9
image=$1 n=$2
shift 2
umask 022
say() { printf 'progress %s\n' "$*" >&3; }
die() {
	printf '%s\n' "$@" >&2
	exit 1
}
[ "$commit" != - ] || die "the commit of '$repo' is not known: the Hub did not answer"
secret=
[ "$token" = no-token ] || IFS= read -r secret
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
trap 'exit 143' TERM # what takes too long is ended so
cat >"$tmp/want"
all=$(awk -F'\t' '{ n += $1 } END { printf "%.0f", n }' "$tmp/want")
dir=$home/hub/$hub
mkdir -p "$home/hub" || exit 1

# list: the snapshot as it lies there, in the format of the wanted list.
list() {
	cd "$dir/snapshots/$commit" 2>/dev/null || return
	{
		find ../../blobs -type f ! -name '*.incomplete' -exec stat -c 'blob %s %n' {} +
		find . -type l -exec stat -c 'link %N' {} +
		find . -type f -exec stat -c 'file %s %n' {} +
	} 2>/dev/null | LC_ALL=C awk -v q="'" '
	$1 == "blob" { name = $3; sub(/.*\//, "", name); size[name] = $2 }
	$1 == "link" {
		n = index($0, q " -> " q)
		from = substr($0, 7, n - 7); sub(/^\.\//, "", from)
		to = substr($0, n + 6); sub(/.$/, "", to); sub(/.*\//, "", to)
		if (to in size) print size[to] "\t" to "\t" from
	}
	$1 == "file" { from = $0; sub(/^file [0-9]* \.\//, "", from); print $2 "\t-\t" from }'
	cd /
}
# wrong: what is missing or not as it has to be, a line each.
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
# seconds: $now, by a clock that nobody sets.
seconds() {
	now=
	read -r now _ </proc/uptime
	now=${now%.*} now=${now:-$(date +%s)}
}
finish() {
	printf 'set output %s\n' "$commit" >&3
	exit 0
}

if [ "$how" = container ] && docker inspect --type container "$name" >/dev/null 2>&1; then
	[ "$(docker inspect --format '{{index .Config.Labels "dray.cluster"}}' "$name")" = "$cluster" ] ||
		die "a container '$name' that is not ours is in the way"
	say "ending what an earlier apply left running"
	docker rm -f "$name" >/dev/null || exit 1
fi
if [ -s "$tmp/want" ]; then
	say "verifying what is there"
	[ -n "$(wrong)" ] || finish
fi
# Halves that no later download will take up: their names are used once only.
find "$dir/blobs" -name '*.????????.incomplete' -exec rm -f {} + 2>/dev/null

# The token comes by stdin and is in the environment of hf alone.
# shellcheck disable=SC2016
program='if [ "$1" = token ]; then IFS= read -r HF_TOKEN; export HF_TOKEN; fi
shift
export HF_HUB_OFFLINE=0 HF_HUB_DISABLE_TELEMETRY=1 HF_HUB_DISABLE_PROGRESS_BARS=1 HF_HUB_DOWNLOAD_TIMEOUT=60
if command -v hf >/dev/null; then exec hf download "$@"
elif command -v huggingface-cli >/dev/null; then exec huggingface-cli download "$@"
fi
echo "no hf and no huggingface-cli command" >&2
exit 127'
if [ "$how" = container ]; then
	hf=$(($# - n))
	while [ "$n" -gt 0 ]; do
		set -- "$@" "$1"
		shift
		n=$((n - 1))
	done
	[ "$endpoint" = - ] || set -- "$@" -e "HF_ENDPOINT=$endpoint"
	set -- "$@" -e HOME=/tmp -e "HF_HOME=$home" --user "${container_user:-$(id -u):$(id -g)}" --entrypoint /bin/sh \
		--name "$name" --label "dray.cluster=$cluster" --label dray.step=download \
		"$image" -c "$program" hf "$token" "$repo" --revision "$commit"
	while [ "$hf" -gt 0 ]; do
		set -- "$@" "$1"
		shift
		hf=$((hf - 1))
	done
	set -- docker run --rm -i "$@"
else
	[ "$endpoint" = - ] || export HF_ENDPOINT="$endpoint"
	export HF_HOME="$home"
	[ "$image" = - ] || PATH=$image/bin:$PATH
	set -- sh -c "$program" hf "$token" "$repo" --revision "$commit" "$@"
fi
say "starting hf download"
printf '%s\n' "$secret" | "$@" >"$tmp/out" 2>"$tmp/err" 3>&- &
job=$!
secret=
first=$(du -sk "$dir/blobs" 2>/dev/null | cut -f1)
seconds
before='' quiet=$now began=$now first=${first:-0}
looked=0
while kill -0 $job 2>/dev/null; do
	# A small one is over soon. (Not every sleep knows fractions.)
	looked=$((looked + 1))
	[ $looked -gt 8 ] || ! sleep 0.2 2>/dev/null || continue
	sleep 2
	kib=$(du -sk "$dir/blobs" 2>/dev/null | cut -f1)
	seconds
	[ "${kib:-0}" = "$before" ] || quiet=$now
	before=${kib:-0}
	awk -v k="$before" -v f="$first" -v all="$all" -v s=$((now - began)) 'BEGIN {
		g = k * 1024; if (all > 0 && g > all) g = all
		u = all >= 1e9 ? 1e9 : 1e6; name = u == 1e9 ? "GB" : "MB"
		printf "progress %.1f %s%s, %.0f MB/s\n", g / u,
			(all > 0 ? sprintf("of %.1f ", all / u) : ""), name,
			(k - f) * 1024 / 1e6 / (s > 0 ? s : 1) }' >&3
	if [ $((now - quiet)) -gt 900 ]; then
		kill $job 2>/dev/null
		[ "$how" = host ] || docker rm -f "$name" >/dev/null 2>&1
		die "hf download: nothing came for 15 minutes"
	fi
done
wait $job
status=$?

esc=$(printf '\033')
sed "s/$esc\[[0-9;]*m//g" "$tmp/err" >"$tmp/said"
lines=$(tail -n 20 "$tmp/said")
site=$endpoint
[ "$site" != - ] || site=https://huggingface.co
has() { grep -Eqi "$1" "$tmp/said"; }
if [ $status -ne 0 ]; then
	if has 'no space left|Not enough free disk|ENOSPC|Errno 28'; then
		free=$(df -Pk "$home" | awk 'NR == 2 { print $4 }')
		die "no space left in '$home': ${free} KiB are free" "$lines"
	elif has 'rate limit|429 Client|Too Many Requests'; then
		die "the Hub asks to come back later (429)" "$lines"
	elif has 'gated repo|requires approval|is restricted|GatedRepo'; then
		[ "$token" = token ] || die "'$repo' is gated and no token was given: set model.token, ask for access at $site/$repo" "$lines"
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
	elif [ $status -eq 127 ] && has 'no hf and no'; then
		die "there is no hf command in $([ "$how" = host ] && echo 'the PATH of the node' || echo "image '$image'"): pip install huggingface_hub there, or set model.client" "$lines"
	fi
	die "hf download ended with status $status" "$lines"
fi
say "verifying"
bad=$(wrong)
if [ -n "$bad" ]; then
	die "hf download said it was done, but $(printf '%s\n' "$bad" | wc -l) files are not as the Hub lists them:" \
		"$(printf '%s\n' "$bad" | head -n 5)"
fi
[ -d "$dir/snapshots/$commit" ] || die "hf download left no '$dir/snapshots/$commit'"
finish

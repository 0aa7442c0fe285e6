# download-down.sh HF_HOME REPO COMMIT NAME CLUSTER - removes a model at one commit from the
# cache: its snapshot and the blobs that no other snapshot has
# shellcheck shell=sh
home=$1 repo=$2 commit=$3 name=$4 cluster=$5
hub=$home/hub/models--$(printf '%s' "$repo" | sed 's|/|--|g')
case $commit in '' | *[!0-9a-f]*) echo "'$commit' is no commit" >&2 && exit 1 ;; esac
if [ "$(docker inspect --format '{{index .Config.Labels "dray.cluster"}}' "$name" 2>/dev/null)" = "$cluster" ]; then
	docker rm -f "$name" >/dev/null || exit 1
fi
cd "$hub" 2>/dev/null || exit 0
rm -rf "./snapshots/$commit" || exit 1
for other in snapshots/*; do
	[ -d "$other" ] || continue
	# Without a whole list of what the others use, nothing more goes.
	links=$(find snapshots -type l -exec readlink {} \;) || exit 1
	for blob in blobs/*; do
		case "$links
" in
		*"/${blob#blobs/}
"*) ;;
		*) rm -f "$blob" ;;
		esac
	done
	rm -f "./trees/$commit.json"
	exit 0
done
cd "$home" || exit 1
rm -rf "$hub" "$home/hub/.locks/${hub##*/}" || exit 1
# What hf leaves besides models, when there is no other model.
for other in "$home/hub"/*--*; do
	[ ! -e "$other" ] || exit 0
done
rm -f "$home/hub/CACHEDIR.TAG" "$home"/.check_for_*
rmdir "$home/hub/.locks" "$home/hub" "$home" "${home%/*}" 2>/dev/null
exit 0

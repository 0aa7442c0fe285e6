# download-down.sh - removes a model at one commit from the cache: its snapshot, and the blobs
# that no other snapshot has
#	hf_home  the cache of models
#	hub, commit  the model's directory in it, and which snapshot
#	name, cluster, known  as in container-down.sh: the container of a download that still runs
# state.sh, whose.sh and downloading.sh come before this text.
# shellcheck shell=sh disable=SC2154
args 'hf_home hub commit name cluster' 'known' "$@" || exit
case $hub in */* | '' | .*) echo "'$hub' is not a directory of the cache" >&2 && exit 1 ;; esac
hub=$hf_home/hub/$hub
case $commit in *[!0-9a-f]*) echo "'$commit' is not a commit" >&2 && exit 1 ;; esac
state_of "$cluster"
download_end
if labels_of "$name" && is_ours "$name" "$cluster" "$known"; then
	docker rm -f "$id" >/dev/null || exit 1
fi
cd "$hub" 2>/dev/null || exit 0
rm -rf "./snapshots/$commit" || exit 1
for other in snapshots/*; do
	[ -d "$other" ] || continue
	# Nothing more is removed unless all that the others use is known.
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
cd "$hf_home" || exit 1
rm -rf "$hub" "$hf_home/hub/.locks/${hub##*/}" || exit 1
# What hf leaves besides models, when there is no other model.
for other in "$hf_home/hub"/*--*; do
	[ ! -e "$other" ] || exit 0
done
rm -f "$hf_home/hub/CACHEDIR.TAG" "$hf_home"/.check_for_*
rmdir "$hf_home/hub/.locks" "$hf_home/hub" "$hf_home" "${hf_home%/*}" 2>/dev/null
exit 0

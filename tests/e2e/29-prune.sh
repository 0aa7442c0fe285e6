# 29-prune.sh - what nothing wants any more, on nodes that two clusters use
# Takes 40 s.
# shellcheck shell=bash disable=SC2016,SC2034,SC2153,SC2154

PRUNE_HUB=.cache/huggingface/hub
# on_disk NODE: its storage, on this machine.
on_disk() { echo "$BED/$1/disk$LOCAL"; }
commits_of() { find "$(on_disk "$1")/$PRUNE_HUB/models--dray--tiny/snapshots" -mindepth 1 -maxdepth 1 -printf '%f\n' | sort | tr '\n' ' '; }
has_image() { on "$1" docker image inspect "$2" >/dev/null 2>&1; }
of_cluster() { # NAME REVISION IMAGE
	CLUSTER=$1 REVISION=$2 IMAGE=$3
	spec
	cp cluster.yaml "$1.yaml"
}

t_prune() {
	local n old new hub
	down
	BACKEND=mp LOCAL=/var/tmp/models
	no_images
	for n in $(nodes); do on "$n" sh -c "rm -rf $LOCAL; mkdir -p $LOCAL"; done
	of_cluster e2e main "$IMAGE1"
	dray apply -auto-approve
	wants 0
	old=$(commits_of node1)
	dray stop -auto-approve
	wants 0
	# Another cluster has the same model and image. Its records name them while it is stopped.
	of_cluster other main "$IMAGE1"
	dray apply -auto-approve -f other.yaml
	wants 0
	dray stop -auto-approve -f other.yaml
	wants 0
	of_cluster e2e v2 "$IMAGE2"
	dray apply -auto-approve
	wants 0
	new=$(commits_of node1)
	[ "$(wc -w <<<"$new")" = 2 ] || fail "node1 has the commits $new"
	# What is not dray's: a model, a folder, an image, a name for an image.
	hub=$(on_disk node1)/$PRUNE_HUB
	mkdir -p "$hub/models--alice--own/snapshots/${old% }" "$hub/models--alice--own/blobs" "$(on_disk node1)/mine"
	echo mine | tee "$hub/models--alice--own/snapshots/${old% }/config.json" >"$(on_disk node1)/mine/file"
	on node1 sh -c "tar -C /etc -c hostname | docker import - foreign:1 >/dev/null"
	on node2 docker tag "$IMAGE1" mine:1
	dray prune -json
	wants 0
	says '"@message":"Nothing to prune."'
	dray destroy -auto-approve -f other.yaml
	wants 0
	touch -d '3 hours ago' "$hub/models--dray--tiny/blobs/abc.incomplete"
	dray prune
	wants 1
	says "node1  weights   dray/tiny @ ${old:0:12}  .* 22 B  no spec and no record wants this commit"
	says "node2  weights   dray/tiny @ ${old:0:12}"
	says "node1  image     $IMAGE1 .* MB  no spec and no record wants this image"
	says "node1  partial "
	says "somebody else calls it 'mine:1'"
	says "Prune: 4 to remove"
	says "no terminal to ask on"
	[ "$(commits_of node1)" = "$new" ] || fail "something was removed without a yes"
	# A container of somebody has the storage, and one is made of the image.
	on node1 docker run -d --name theirs --network host -v "$LOCAL:/models:ro" "$IMAGE1" sleep 1000 >/dev/null
	dray prune -json -auto-approve
	wants 0
	says "container 'theirs', which is not dray's, has '$LOCAL'"
	says "container 'theirs' is made of it"
	[ "$(commits_of node1)" = "$new" ] || fail "a commit went that a container has"
	[ "$(commits_of node2)" != "$new" ] || fail "the commit on node2 is still there"
	on node1 docker rm -f theirs >/dev/null
	dray prune -auto-approve
	wants 0
	says "Pruned: 2 removed"
	for n in node1 node2; do
		[ "$(commits_of $n)" = "$(tr ' ' '\n' <<<"$new" | grep -v "^${old% }$" | tr '\n' ' ' | sed 's/^ *//; s/  *$/ /')" ] ||
			fail "$n has the commits $(commits_of $n)"
		[ -z "$(find "$(on_disk $n)" -name '*.incomplete')" ] || fail "$n has half a file"
		has_image $n "$IMAGE2" || fail "$n lost the image that it runs"
	done
	! has_image node1 "$IMAGE1" || fail "the old image is still on node1"
	has_image node2 mine:1 || fail "an image that somebody named is gone"
	has_image node1 foreign:1 || fail "a foreign image is gone"
	grep -q mine "$hub/models--alice--own/snapshots/${old% }/config.json" || fail "a foreign model is gone"
	grep -q mine "$(on_disk node1)/mine/file" || fail "a foreign folder is gone"
	plan_is_empty
	chat
	dray prune
	wants 0
	says "Nothing to prune"
}

more "prune removes what no cluster wants, and nothing else" t_prune

# 28-archive.sh - images that no registry gives: out of an archive, on the nodes and on this machine
# Takes 30 s.
# shellcheck shell=bash disable=SC2016,SC2034,SC2153,SC2154

# archive_down: nothing is up, no node has an image, and no registry can be reached.
archive_down() {
	local n
	down
	BACKEND=mp
	for n in $(nodes); do
		on "$n" sh -c 'docker images -q | sort -u | xargs -r docker rmi -f; rm -rf /root/.local/state/dray/e2e/*/images /root/images' >/dev/null 2>&1
	done
}
# archive IMAGE...: prints an archive of them, from a node that got them from the hub.
archive() {
	local i
	for i; do on node3 docker pull -q "$i" >&2; done
	on node3 docker save "$@"
}
# a spec whose image comes from archive $1.
archive_spec() {
	spec
	sed -i "s|^  image: .*|&\n  image_archive: $1|" cluster.yaml
}
# put NODE FILE: the file, as the node's archive.
put() {
	mkdir -p "$BED/$1/disk/root/images"
	cp "$2" "$BED/$1/disk/root/images/seven.tar.zst"
}
image_of() { on "$1" docker image inspect --format '{{.Id}}' "$2"; }

# On each node's disk, packed; the registry does not know the image. A second image in it, another
# architecture, a file that is none.
t_archive_node() {
	local n id
	archive_down
	archive "$IMAGE1" >one.tar
	id=$(image_of node3 "$IMAGE1")
	IMAGE=nowhere.test/standin:7
	on node3 docker tag "$IMAGE1" $IMAGE
	on node3 docker save $IMAGE | zstd -q >seven.tar.zst
	archive_spec /root/images/seven.tar.zst
	dray plan
	wants 1
	says "node1.*: there is no engine.image_archive '/root/images/seven.tar.zst' on it"
	for n in node1 node2; do put "$n" seven.tar.zst; done
	dray apply -auto-approve
	wants 0
	says 'archive *= /root/images/seven.tar.zst'
	[ "$(image_of node1 $IMAGE)$(image_of node2 $IMAGE)" = "$id$id" ] || fail "another image was loaded"
	plan_is_empty
	chat
	# What was loaded needs the file no more. Another file of that name does.
	on node2 rm /root/images/seven.tar.zst
	plan_is_empty
	# A tar that is not packed is read by the plan: it has other images.
	for n in node1 node2; do put "$n" one.tar; done
	dray plan
	wants 1
	says "has no image '$IMAGE', but: $IMAGE1"
	for n in node1 node2; do put "$n" cluster.yaml; done
	dray plan
	wants 1
	says "is not an archive of images"
}

# On this machine: it is sent, once, and only to the nodes that lack it.
t_archive_here() {
	local n before
	archive_down
	archive "$IMAGE2" >two.tar
	IMAGE=$IMAGE2
	archive_spec gone.tar
	dray validate
	wants 1
	says "cannot read 'gone.tar' on this machine"
	archive_spec two.tar
	fault 'path=/v2/&status=500&times=-1' # the registry gives nothing
	dray apply -auto-approve
	wants 0
	says 'archive *= two.tar from here'
	plan_is_empty
	chat
	for n in node1 node2; do
		[ -z "$(find "$BED/$n/disk" "$BED/shared" -name '*.archive' -o -path '*/.dray/images')" ] || fail "$n keeps the archive"
	done
	# A newer archive of the same name, with the same image: it is sent, nothing restarts.
	touch -d '2020-01-01' two.tar
	before=$(on node1 docker ps -q --no-trunc)
	dray apply -auto-approve
	quiet_faults
	wants 0
	[ "$(on node1 docker ps -q --no-trunc)" = "$before" ] || fail "the same image restarted the engine"
	plan_is_empty
}

scenario "an image out of an archive on the nodes, which no registry knows" t_archive_node
more "an image out of an archive on this machine" t_archive_here

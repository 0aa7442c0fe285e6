# 28-archive.sh - images that no registry gives: out of an archive, on the nodes and on this machine
# Takes 210 s.
# shellcheck shell=bash disable=SC2016,SC2034,SC2153,SC2154
# shellcheck source=copies.sh
. "$E2E/copies.sh"

# archive_down: nothing is up, no node has an image, and no registry can be reached.
archive_down() {
	local n
	down
	BACKEND=mp
	no_images
	for n in $(nodes); do on "$n" sh -c 'rm -rf /root/.local/state/dray/e2e/*/images /root/images'; done
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

# ---- from node to node ----

# got NODE: what came there from the other nodes.
got() {
	local from sum=0
	for from in $(nodes); do [ "$from" = "$1" ] || sum=$((sum + $(link "$from" "$1"))); done
	echo $sum
}
# between NODE LEAST MOST: so many bytes came there.
between() {
	local bytes
	bytes=$(got "$1")
	if [ "$bytes" -lt "$2" ] || [ "$bytes" -gt "$3" ]; then fail "$1 got $bytes bytes from other nodes, not $2 to $3"; fi
}
# grown NODE IMAGE NEW: NEW is IMAGE with two layers of 3 and 2 MB on top.
grown() {
	local mb
	on "$1" docker pull -q "$2"
	on "$1" docker tag "$2" "$3"
	for mb in 3 2; do
		on "$1" docker run --name grows --entrypoint sh "$3" -c "head -c ${mb}000000 /dev/urandom >/tmp/more$mb" &&
			on "$1" docker commit -c 'ENTRYPOINT ["vllm","serve"]' grows "$3" >/dev/null && on "$1" docker rm grows >/dev/null
	done
}
GROWN=5000000
no_copies() {
	local n
	for n in $(nodes); do
		[ -z "$(find "$BED/$n/disk" "$BED/shared" -path '*/images/*copy*')" ] || fail "$n keeps a copy"
	done
}
once_down() { # NODE...
	archive_down
	LOCAL=/var/tmp/models NODES=$*
	for n in $NODES; do on "$n" sh -c "rm -rf $LOCAL; mkdir -p $LOCAL"; done
	IMAGE=nowhere.test/standin:8
}
four_down() {
	"$TESTBED/up.sh" 4 standin >up.log 2>&1 || fail "no fourth node: $(tail -n 1 up.log)"
	# shellcheck disable=SC2046
	once_down $(nodes)
}
once_spec() {
	spec
	sed -i "s|^  image: .*|&\n  pull: once|" cluster.yaml
}

# with the model and what TCP and SSH add; $2 bytes of image came to node $1
took() { between "$1" "$2" $((($2 + 3000000) * 11 / 10)); }
same_image() {
	local n
	for n in $NODES; do
		[ "$(image_of "$n" "$IMAGE")" = "$1" ] || fail "$n has another image, or none"
	done
}

# No registry knows the image. One node has it; one has its lowest layer. Each node gets what it lacks,
# once.
t_once() {
	local base
	four_down
	grown node2 "$IMAGE1" $IMAGE
	on node3 docker pull -q "$IMAGE1"
	base=$(on node3 docker image inspect --format '{{.Size}}' "$IMAGE1")
	once_spec
	counters
	dray apply -auto-approve
	wants 0
	links
	says 'sent *= from node2'
	says 'sent *= from node1'
	same_image "$(image_of node2 $IMAGE)"
	took node1 $((GROWN + base))
	took node3 $GROWN
	took node4 $((GROWN + base))
	no_copies
	plan_is_empty
	chat
	dray destroy -auto-approve
	wants 0
	nothing_left
}

# The same with two nodes: one has it, the other has its lowest layer.
t_once_two() {
	once_down node1 node2
	grown node2 "$IMAGE1" $IMAGE
	on node1 docker pull -q "$IMAGE1"
	once_spec
	counters
	dray apply -auto-approve
	wants 0
	links
	says 'sent *= from node2'
	same_image "$(image_of node2 $IMAGE)"
	took node1 $GROWN
	no_copies
	plan_is_empty
	chat
}

# The archive goes to one node, and from there to the others. One of them is killed while it takes: the
# next apply goes on where it was.
half_image() { find "$BED/$1/disk$LOCAL/.dray/images" -name '*.sent.incomplete' -size +1024k 2>/dev/null | grep -q .; }
t_once_killed() {
	local id base
	four_down
	grown node2 "$IMAGE1" $IMAGE
	base=$(on node2 docker image inspect --format '{{.Size}}' "$IMAGE1")
	id=$(image_of node2 $IMAGE)
	on node2 docker save $IMAGE >grown.tar
	on node2 docker image prune -af >/dev/null
	archive_spec grown.tar
	counters
	for n in $NODES; do on "$n" iptables -w -A INPUT -s "$NET.254"; done
	"$TESTBED/net.sh" rate node2 8
	start apply -auto-approve
	wait_for 60 "half a layer on node3" half_image node3
	kill -9 "$(taker node3)"
	"$TESTBED/net.sh" rate node2 400
	finish
	links
	wants 3
	says 'archive *= grown.tar from here'
	says 'Error: image\[node3\] failed on node3'
	says 'killed\|137'
	[ -z "$(instances)" ] || fail "a rank was started without all images"
	for n in node1 node2 node4; do [ "$(image_of "$n" "$IMAGE")" = "$id" ] || fail "$n has no image"; done
	for n in node2 node3 node4; do
		[ "$(on "$n" iptables -w -nvxL INPUT | awk -v from="$NET.254" '$(NF - 1) == from { print $2 }')" -lt 2000000 ] ||
			fail "$n got the image from here"
	done
	took node2 $((GROWN + base))
	"$TESTBED/net.sh" clear node2
	# What is left is of use, or dray prune finds it.
	dray prune
	says "copy .*/.dray/images/.*/copy"
	find "$BED/node3/disk$LOCAL/.dray/images" -name '*.sent.incomplete' | grep -q . || fail "node3 lost what it had"
	counters
	mv grown.tar away.tar
	cp -p away.tar grown.tar
	dray apply -auto-approve
	wants 0
	links
	says 'image\[node3\] will be created'
	same_image "$id"
	[ "$(got node3)" -lt $((GROWN + base + 3000000)) ] || fail "node3 got $(got node3) bytes: what it had came again"
	no_copies
	plan_is_empty
	chat
	dray destroy -auto-approve
	wants 0
	nothing_left
}

# The node that has the image lies: to the others it gives an image that has the same layers and command, but
# another user. Its own script and Docker show the true one.
t_once_forged() {
	local id
	once_down node1 node2
	grown node2 "$IMAGE1" $IMAGE
	on node2 docker save $IMAGE >grown.tar
	id=$(image_of node2 $IMAGE)
	on node2 docker image prune -af >/dev/null
	in_node node1 docker load -q <grown.tar
	printf 'FROM %s\nUSER 65534\n' $IMAGE | in_node node1 sh -c 'DOCKER_BUILDKIT=0 docker build -q -t forged.test/standin:8 -'
	in_node node1 sh -c 'cat >/usr/local/bin/docker; chmod 755 /usr/local/bin/docker' <<-END
		#!/bin/sh
		[ "\$1" != save ] || set -- save forged.test/standin:8
		exec "$(on node1 sh -c 'command -v docker')" "\$@"
	END
	once_spec
	sed -i "s|^  pull: once|&\n  image_config: $id|" cluster.yaml
	dray apply -auto-approve
	wants 3
	says "node1 gives another image than engine.image_config names: its ID is .*, not ${id:7:12}"
	archive_spec grown.tar
	dray apply -auto-approve
	wants 3
	says 'Error: image\[node2\] failed on node2'
	says "node1 gives another image than 'grown.tar' has: its ID is .*, not ${id:7:12}"
	[ -z "$(on node2 docker images -q)" ] || fail "node2 has an image: $(on node2 docker images)"
	# Now it is honest.
	in_node node1 rm /usr/local/bin/docker
	dray apply -auto-approve
	wants 0
	[ "$(image_of node2 $IMAGE)" = "$id" ] || fail "node2 has another image, or none"
	no_copies
	plan_is_empty
}

# No node has it: one pulls. The storage is shared, so no layer goes from node to node.
t_once_pulled() {
	local n
	four_down
	LOCAL='' IMAGE=$IMAGE2
	once_spec
	counters
	: >"$BED/hub.log"
	dray apply -auto-approve
	wants 0
	links
	says 'image_id *= (known after apply)'
	says 'sent *= from node3'
	[ "$(grep -c 'GET /v2/dray/standin/blobs/.* 200' "$BED/hub.log")" = 2 ] ||
		fail "the registry was asked for more than one pull: $(grep /v2/ "$BED/hub.log")"
	same_image "$(image_of node1 "$IMAGE")"
	for n in node2 node3 node4; do between "$n" 0 1000000; done
	no_copies
	plan_is_empty
	chat
}
# Nodes without ssh take it through this machine.
t_once_relayed() {
	local n
	once_down node1 node2
	grown node2 "$IMAGE1" $IMAGE
	once_spec
	for n in $NODES; do on "$n" sh -c 'mv /usr/bin/ssh-keygen /usr/bin/ssh-keygen.away'; done
	dray apply -auto-approve
	for n in $NODES; do on "$n" sh -c 'mv /usr/bin/ssh-keygen.away /usr/bin/ssh-keygen'; done
	wants 0
	says 'image\[node1\]: .* passes through this machine'
	same_image "$(image_of node2 $IMAGE)"
	no_copies
	plan_is_empty
}
# dray itself is killed in the middle: the next apply goes on.
t_once_interrupted() {
	once_down node1 node2
	grown node2 "$IMAGE1" $IMAGE
	once_spec
	"$TESTBED/net.sh" rate node2 8
	start apply -auto-approve
	wait_for 60 "half a layer on node1" half_image node1
	kill -9 "$bg"
	finish
	"$TESTBED/net.sh" clear node2
	counters
	dray apply -auto-approve
	wants 0
	links
	same_image "$(image_of node2 $IMAGE)"
	[ "$(got node1)" -lt $((GROWN + 3000000 + 5500000)) ] || fail "node1 got $(got node1) bytes: what it had came again"
	no_copies
	plan_is_empty
	chat
}
# The same with podman.
t_once_podman() {
	local n
	once_down node1 node2
	RUNTIME=podman IMAGE=$IMAGE1
	for n in $NODES; do on "$n" sh -c 'podman rmi -af >/dev/null 2>&1 || :'; done
	on node2 podman pull -q "$IMAGE1"
	once_spec
	fault 'path=/v2/&status=500&times=-1'
	dray apply -auto-approve
	quiet_faults
	wants 0
	says 'sent *= from node2'
	[ "$(on node1 podman image inspect --format '{{.Id}}' "$IMAGE")" = "$(on node2 podman image inspect --format '{{.Id}}' "$IMAGE")" ] ||
		fail "node1 has another image"
	no_copies
	plan_is_empty
	chat
}
scenario "an image goes from the node that has it to the other, in layers that it lacks" t_once_two
more "a node gives another image than the archive has, or the spec names: no other node takes it" t_once_forged
more "an image goes from two nodes to four, in layers that they lack" t_once
more "an archive is sent to one node, and from there to the others; one fails, and goes on where it was" t_once_killed
more "one node pulls an image for all, which share their storage" t_once_pulled
more "an image passes through this machine where nodes have no ssh" t_once_relayed
more "dray is killed while an image goes from node to node; the next apply goes on" t_once_interrupted
more "an image of podman goes from node to node" t_once_podman

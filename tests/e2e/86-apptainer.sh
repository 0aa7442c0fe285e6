# 86-apptainer.sh - runtime apptainer: the steps are processes that see a SIF file. A stand-in for
# Takes 75 s.
# the program (tests/testbed/apptainer) runs the stand-in engine; there is no real Apptainer here.
# shellcheck shell=bash disable=SC2016,SC2034,SC2153,SC2154

apptainer_on() {
	local n
	for n in $(nodes); do
		in_node "$n" sh -c 'cat >/usr/local/bin/apptainer && chmod 755 /usr/local/bin/apptainer
			rm -f /tmp/apptainer.pulled' <"$TESTBED/apptainer"
	done
}
apptainer_off() {
	local n
	for n in $(nodes); do on "$n" rm -f /usr/local/bin/apptainer /tmp/apptainer.pulled; done
}
sif_spec() { # BACKEND
	spec_defaults
	RUNTIME=apptainer IMAGE=${SIF:-org/vllm:1} BACKEND=$1
	spec
}

t_apptainer_from_nothing() {
	down
	apptainer_on
	sif_spec mp
	dray apply -auto-approve
	wants 0
	says 'sif\[node2\] will be created'
	says 'over 2 nodes.*, mp'
	plan_is_empty
	chat
	[ "$(on node1 cat /tmp/apptainer.pulled | wc -l)" = 1 ] || fail "it was pulled more than once"
	on node2 test ! -e /tmp/apptainer.pulled || fail "the second node pulled it, too"
	[ -z "$(containers node1 all)" ] || fail "there is a container"
	before
	dray apply -auto-approve
	says 'No changes'
	after
	same 'rank[node1]' 'rank[node2]'
}

# An argument, and a rank that was killed: the same as without an image.
t_apptainer_changed() {
	apptainer_on
	sif_spec mp
	stands
	before
	other_args
	apply
	chat
	after
	differs 'rank[node1]' 'rank[node2]'
	kill -9 "$(processes | awk '$1 == "rank[node2]" { sub(/@.*/, "", $2); print $2 }')"
	dray apply -auto-approve
	wants 0
	says 'rank\[node2\] will be restarted (because its process was killed, status 137)'
	plan_is_empty
	chat
}

# Another file in the same place is another image.
t_apptainer_other_image() {
	apptainer_on
	sif_spec mp
	stands
	before
	on node1 sh -c 'for f in /srv/shared/e2e/.dray/sif/*.sif; do printf x >>"$f"; done'
	dray plan -detailed-exitcode
	wants 2
	says 'image_id = sha256:.* -> sha256:'
	apply
	chat
	after
	differs 'rank[node1]' 'rank[node2]'
}

t_apptainer_destroy() {
	sif_spec mp
	dray destroy -purge -auto-approve
	wants 0
	nothing_left
	apptainer_off
	dray plan
	wants 1
	says 'there is no apptainer command'
}

t_apptainer_ray() {
	apptainer_on
	sif_spec ray
	stands
	chat
	dray status
	wants 0
	says '^e2e .*SERVING'
	dray destroy -purge -auto-approve
	wants 0
	nothing_left
	apptainer_off
}

# On each node's own disk: one node makes the file, and the others have it from there.
t_apptainer_local() {
	local n
	down
	apptainer_on
	spec_defaults
	LOCAL=/var/tmp/models NODES='node1 node2 node3'
	for n in $NODES; do on "$n" sh -c "rm -rf $LOCAL; mkdir -p $LOCAL"; done
	RUNTIME=apptainer IMAGE=org/vllm:1 BACKEND=mp
	spec
	dray apply -auto-approve
	wants 0
	says 'sent *= from node1'
	says 'sent *= from node2'
	[ "$(on node1 cat /tmp/apptainer.pulled | wc -l)" = 1 ] || fail "it was pulled more than once"
	for n in node2 node3; do
		on "$n" test ! -e /tmp/apptainer.pulled || fail "$n pulled it, too"
		cmp "$BED/node1/disk$LOCAL"/.dray/sif/*.sif "$BED/$n/disk$LOCAL"/.dray/sif/*.sif || fail "$n has another file"
	done
	[ -z "$(find "$BED"/node*/disk$LOCAL/.dray -path '*/images*')" ] || fail "files of the copy are left"
	plan_is_empty
	chat
	# A node that lost it has it again from another one.
	on node1 sh -c "rm -r $LOCAL/.dray/sif"
	dray apply -auto-approve
	wants 0
	says 'sent *= from node2'
	plan_is_empty
	chat
	dray destroy -purge -auto-approve
	wants 0
	nothing_left
	apptainer_off
}

scenario "apptainer: from nothing to a completion, then nothing to do" t_apptainer_from_nothing
more "apptainer: an argument; a rank killed" t_apptainer_changed
more "apptainer: another SIF file: all ranks" t_apptainer_other_image
scenario "apptainer: destroy leaves nothing; without the command: an error" t_apptainer_destroy
more "apptainer: a SIF file goes from the node that made it to the others" t_apptainer_local
more "apptainer: by Ray, from nothing to nothing" t_apptainer_ray

# 50-bad.sh - bad input and bad surroundings: a clear error, the right exit code, and
# Takes 105 s, from the plain cluster.
# nothing half-done.
# shellcheck shell=bash disable=SC2016,SC2034,SC2153,SC2154

no_containers() {
	local n
	for n in $(nodes); do
		[ -z "$(containers "$n" all)" ] || fail "$n has a container"
	done
}

t_wrong_sha() {
	down
	forget_fetched
	NODES=node1
	LAUNCHER=script SHA=$(printf '%064d' 7)
	spec
	dray apply -auto-approve
	wants_failure
	says sha256
	after
	gone 'head[node1]' 'worker[node2]' serve
	[ -z "$(find "$BED/shared" -name 'run_cluster*')" ] || fail "the script was pushed all the same"
}

t_script_404() {
	down
	forget_fetched
	LAUNCHER=script URL=$HUB/raw/vllm-project/vllm/main/examples/run_cluster.sh
	spec
	dray apply -auto-approve
	says 404
	wants_failure
	after
	gone 'head[node1]' 'worker[node2]' serve
	[ -z "$(find "$BED/shared" -name 'run_cluster*')" ] || fail "a 404 was pushed"
}

t_gated() {
	down
	NODES=node1 REPO=dray/gated
	spec
	dray apply -auto-approve
	wants_failure
	says -i 'gated\|approval\|token'
	after
	gone serve
	TOKEN=env:E2E_TOKEN
	spec
	E2E_TOKEN=hf_wrong dray apply -auto-approve
	wants_failure
	not_says hf_wrong
	after
	gone serve
	dray apply -auto-approve # no such variable
	wants 1
	says E2E_TOKEN
	export E2E_TOKEN=hf_testbed
	apply
	chat
	unset E2E_TOKEN
	clean
}

t_no_such_repo() {
	up
	before
	REPO=dray/none
	spec
	dray apply -auto-approve
	wants 1
	says 'dray/none'
	REPO=dray/tiny REVISION=v9
	spec
	dray apply -auto-approve
	wants 1
	says v9
	after
	same 'head[node1]' 'worker[node2]'
}

t_no_such_image() {
	down
	IMAGE=hub:$HUB_PORT/dray/standin:none
	spec
	dray apply -auto-approve
	wants_failure
	says 'manifest unknown\|not found'
	no_containers
}

# The model has 3 MB, the disk 4 MB: enough when the apply starts, but not when hf writes.
t_disk_full() {
	down
	SHARED=/srv/small/e2e
	spec
	demands hf-slow=1.5
	start apply -auto-approve
	wait_for 20 "the intent of download" intent download node1
	head -c 3000000 /dev/zero >"$BED/small/filler"
	finish
	wants_failure
	says 'No space left\|disk'
	after
	gone serve
	rm "$BED/small/filler"
	no_demands
	apply
	dray destroy -auto-approve -purge
	wants 0
}

t_disk_small() {
	down
	NODES=node1 SHARED=/srv/small/e2e
	spec
	head -c 3000000 /dev/zero >"$BED/small/filler"
	dray apply -auto-approve
	rm "$BED/small/filler"
	wants 1
	says -i 'free\|space'
	no_containers
}

t_unreachable() {
	up
	sed -i 's/connect_timeout: 6/connect_timeout: 1/' cluster.yaml
	before
	"$TESTBED/net.sh" cut node2
	LIMIT=40
	dray plan
	[ "$rc" = 1 ] || { "$TESTBED/net.sh" heal node2; fail "plan ended with $rc"; }
	says node2
	not_says 'No changes'
	dray apply -auto-approve
	[ "$rc" = 1 ] || { "$TESTBED/net.sh" heal node2; fail "apply ended with $rc"; }
	dray destroy -auto-approve
	[ "$rc" = 1 ] || { "$TESTBED/net.sh" heal node2; fail "destroy ended with $rc"; }
	"$TESTBED/net.sh" heal node2
	after
	same 'head[node1]' # the worker may end by itself when Ray has lost it
}

t_unknown_host_key() {
	spec_defaults
	grep -v "^node2," "$BED/ssh/known_hosts" >known || :
	SSH="user: root, identity: $BED/ssh/id_ed25519, known_hosts: $PWD/known, connect_timeout: 6"
	spec
	sed -i "s/host: node\\([0-9]\\)/host: $NET.\\1/" cluster.yaml
	dray plan
	wants 1
	says SHA256:
	sed "s/^\\(node2,[^ ]*\\) .*/\\1 $(cut -d' ' -f1,2 "$BED/node3/host_key.pub" | sed 's,/,\\/,g')/" \
		"$BED/ssh/known_hosts" >known
	dray plan
	wants 1
	says "known:2"
}

t_no_docker() {
	up
	before
	on node2 sh -c 'mv /run/docker.sock /run/docker.away'
	dray plan
	rc_then=$rc
	on node2 sh -c 'mv /run/docker.away /run/docker.sock'
	[ "$rc_then" = 1 ] || fail "plan ended with $rc_then"
	says -i docker
	after
	same 'head[node1]' 'worker[node2]'
}

t_not_shared() {
	down
	SHARED=/var/tmp/alone
	spec
	for n in $NODES; do on "$n" mkdir -p $SHARED; done
	dray apply -auto-approve
	wants 1
	says $SHARED
	no_containers
	for n in $NODES; do on "$n" rm -rf $SHARED; done
}

t_no_tty() {
	down
	NODES=node1
	spec
	dray apply
	wants 1
	says auto-approve
	no_containers
}

# On a terminal it asks, and accepts only 'yes'.
t_tty() {
	down
	spec
	rc=0
	echo no | script -qec "$DRAY apply" /dev/null >out 2>&1 || rc=$?
	cat out
	wants 1
	no_containers
	rc=0
	echo yes | script -qec "$DRAY apply" /dev/null >out 2>&1 || rc=$?
	cat out
	wants 0
	plan_is_empty
	chat
}

# The plain cluster first, then what starts from nothing.
scenario "a node without Docker" t_no_docker
more "a repository or revision that is not there" t_no_such_repo
scenario "unknown and changed host keys" t_unknown_host_key
scenario "a node that can't be reached" t_unreachable
scenario "a wrong sha256 of run_cluster.sh" t_wrong_sha
more "a script that is a 404" t_script_404
more "a gated model: no token, a wrong one, none set, the right one" t_gated
more "an image that is not there" t_no_such_image
more "the disk fills up while the model comes" t_disk_full
scenario "the disk is too small from the start" t_disk_small
more "a shared directory that is not shared" t_not_shared
scenario "no terminal and no -auto-approve" t_no_tty
more "on a terminal: no and yes" t_tty

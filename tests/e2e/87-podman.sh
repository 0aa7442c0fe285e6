# 87-podman.sh - runtime podman, for real: the same steps as containers of podman, by Ray,
# Takes 170 s.
# by run_cluster.sh and by vLLM's own ranks.
# shellcheck shell=bash disable=SC2016,SC2034,SC2153,SC2154

# The cluster with podman; cheap if it is already up.
podman_up() { # ray|mp
	spec_defaults
	RUNTIME=podman BACKEND=$1
	stands
}

t_podman_from_nothing() {
	down
	RUNTIME=podman
	spec
	for n in $NODES; do on "$n" sh -c 'podman rmi -af >/dev/null 2>&1 || :'; done
	dray apply -auto-approve
	wants 0
	says 'image\[node2\] will be created'
	plan_is_empty
	chat
	one_of_each
	for n in $NODES; do
		[ -z "$(containers "$n" all)" ] || fail "$n has containers of Docker"
	done
	on node2 podman inspect dray-e2e-worker --format '{{.Config.Env}}' | grep -q NVIDIA_VISIBLE_DEVICES=all ||
		fail "the container has no GPUs"
	before
	dray apply -auto-approve
	wants 0
	says 'No changes'
	after
	same 'head[node1]' 'worker[node2]' serve
	dray status
	wants 0
}

t_podman_arguments() {
	podman_up ray
	before
	other_args
	apply
	chat
	after
	same 'head[node1]' 'worker[node2]'
	differs serve
	one_of_each
}

t_podman_killed() {
	podman_up ray
	before
	on node2 podman kill dray-e2e-worker
	dray apply -auto-approve
	wants 0
	says 'worker\[node2\] must be replaced (because its container was killed, exit 137'
	plan_is_empty
	chat
	after
	same 'head[node1]'
	differs 'worker[node2]' serve
	on node1 podman rm -t 0 -f dray-e2e-head
	apply
	chat
	one_of_each
}

t_podman_foreign() {
	podman_up ray
	on node2 podman rm -t 0 -f dray-e2e-worker
	on node2 podman run -d --name dray-e2e-worker --network host --entrypoint sleep "$IMAGE1" 1000
	before
	dray plan
	wants 1
	says "a container 'dray-e2e-worker' that is not ours is in the way"
	dray apply -auto-approve
	wants 1
	after
	same 'worker[node2]'
	on node2 podman rm -t 0 -f dray-e2e-worker
	apply
	chat
}

t_podman_dray_killed() {
	podman_up ray
	on node1 podman rm -t 0 -f dray-e2e-head
	demands "ray-slow=2@$NET.1"
	kill_in 'head[node1]' node1
	other_args
	demands slow-load=2
	kill_in serve node1
}

t_podman_reboot() {
	podman_up ray
	before
	"$TESTBED/node.sh" reboot node2
	dray apply -auto-approve
	wants 0
	says 'worker\[node2\]'
	plan_is_empty
	chat
	after
	same 'head[node1]'
	one_of_each
}

t_podman_key() {
	podman_up ray
	export E2E_KEY=poison-podman-9d27
	KEY=env:E2E_KEY
	spec
	apply
	chat "$E2E_KEY"
	for n in $NODES; do
		# The key goes to the node as a file, so that no search finds itself.
		in_node "$n" sh -c 'cat >/tmp/poison' <<<"$E2E_KEY"
		what=$(on "$n" sh -c 'podman inspect $(podman ps -aq) | grep -Ff /tmp/poison
			for p in /proc/[0-9]*; do
				tr "\0" " " <$p/cmdline | grep -aqFf /tmp/poison && echo "argv of $p"
			done
			grep -rlaFf /tmp/poison /root/.local/state/dray /var/lib/containers/storage/libpod \
				/var/lib/containers/storage/overlay-containers /run/containers /run/libpod /run/crun /run/runc
			rm -f /tmp/poison' 2>/dev/null || :)
		[ -z "$what" ] || fail "the key is to be seen on $n: $what"
	done
	on node1 sh -c 'cat /proc/[0-9]*/environ' 2>/dev/null | grep -aq "$E2E_KEY" ||
		fail "the search cannot find it where it is"
}

t_podman_script() {
	podman_up ray
	LAUNCHER=script
	spec
	apply
	chat
	one_of_each
}

t_podman_image() {
	podman_up ray
	IMAGE=$IMAGE2
	spec
	apply
	chat
	one_of_each
	dray destroy -auto-approve
	wants 0
	nothing_left
}

t_podman_mp() {
	podman_up mp
	chat
	before
	on node2 podman kill dray-e2e-rank
	dray apply -auto-approve
	wants 0
	says 'rank\[node1\]: its log until now is node1:.*/logs/rank-.*\.log'
	says 'first failure of the group: rank\[node2\] at 20.*exit 137'
	plan_is_empty
	chat
	after
	differs 'rank[node1]' 'rank[node2]'
	export E2E_KEY=poison-podman-mp-41aa
	KEY=env:E2E_KEY
	spec
	apply
	chat "$E2E_KEY"
	for n in $NODES; do
		if on "$n" sh -c 'podman inspect $(podman ps -aq); cat /proc/[0-9]*/cmdline' 2>/dev/null |
			grep -aq "$E2E_KEY"; then
			fail "the key is to be seen on $n"
		fi
	done
}

# To Docker and back: each removes what the other started.
t_podman_to_docker() {
	podman_up mp
	RUNTIME=docker
	spec
	apply
	chat
	for n in $NODES; do
		[ -z "$(on "$n" podman ps -aq)" ] || fail "$n has containers of podman still"
	done
	RUNTIME=podman
	spec
	apply
	chat
	for n in $NODES; do
		[ -z "$(containers "$n" all)" ] || fail "$n has containers of Docker still"
	done
}

t_podman_destroy() {
	podman_up mp
	dray destroy -auto-approve -purge
	wants 0
	nothing_left
	for n in $NODES; do
		[ -z "$(on "$n" podman images -q "$IMAGE1")" ] || fail "the image is on $n still"
	done
}

if command -v podman >/dev/null; then
	scenario "podman: from nothing to a completion, then nothing to do" t_podman_from_nothing
	more "podman: an argument: serve alone" t_podman_arguments
	more "podman: a worker killed, the head removed" t_podman_killed
	more "podman: a container that is not ours: named, not touched" t_podman_foreign
	more "podman: dray killed in head and serve" t_podman_dray_killed
	more "podman: a host rebooted" t_podman_reboot
	more "podman: the API key is nowhere to be seen" t_podman_key
	more "podman: launcher script" t_podman_script
	more "podman: another image; destroy leaves nothing" t_podman_image
	more "podman, mp: a rank killed; an API key" t_podman_mp
	more "podman, mp: to Docker and back" t_podman_to_docker
	more "podman, mp: destroy with what it brought" t_podman_destroy
else
	skip "runtime podman" "no podman (make deps)"
fi

# 40-kill.sh - apply is killed with -9 in each step, interrupted, or loses its node; the
# Takes 210 s, from the plain cluster to it.
# next apply converges and there is no second copy of anything.
# shellcheck shell=bash disable=SC2016,SC2034,SC2153,SC2154

t_in_image() {
	down
	spec
	on node1 docker rmi -f "$IMAGE1"
	fault 'rate=1000000&path=/blobs/&times=0'
	kill_in 'image[node1]' node1
}

t_in_download() {
	down
	spec
	demands hf-slow=2
	kill_in download node1
	[ -z "$(find "$BED/shared" -name '*.incomplete')" ] || fail "half a file is left"
}

t_in_script() {
	down
	LAUNCHER=script
	spec
	forget_fetched
	fault 'rate=400&path=/raw/&times=0'
	kill_in script node1
	before
	dray apply -auto-approve
	wants 0
	says 'No changes'
	after
	same 'head[node1]' 'worker[node2]' serve
	# The same containers started in another way are not the same: all of Ray is replaced,
	# and the script is removed.
	LAUNCHER=container
	spec
	apply
	chat
	after
	differs 'head[node1]' 'worker[node2]' serve
	[ -z "$(find "$BED/shared" -name 'run_cluster*')" ] || fail "the script is still there"
}

t_in_head() {
	up
	on node1 docker rm -f dray-e2e-head
	demands "ray-slow=2@$NET.1"
	kill_in 'head[node1]' node1
}

t_in_worker() {
	up
	on node2 docker rm -f dray-e2e-worker
	demands "ray-slow=2@$NET.2"
	kill_in 'worker[node2]' node2
}

t_in_serve() {
	up
	other_args
	demands slow-load=4
	kill_in serve node1
}

# What an apply that was killed has started is not started again.
t_taken_over() {
	up
	other_args
	demands slow-load=6
	start apply -auto-approve
	wait_for 60 "the intent of serve" intent serve node1
	wait_for 60 "the next server" one_server
	kill -9 "$bg"
	finish
	before
	no_demands
	dray apply -auto-approve -lock-timeout 60
	wants 0
	# The plan may still find the lock of the one that was killed: its shells end a moment later.
	says -E 'serve will be waited for \(because (apply .* started it at .*, and it is coming up|the apply of .* is starting it, since .*)\)'
	says 'serve: Waiting...'
	plan_is_empty
	after
	same serve 'head[node1]' 'worker[node2]'
	chat
}
# The same with other inputs: it is started anew.
t_not_taken_over() {
	up
	other_args
	demands slow-load=6
	start apply -auto-approve
	wait_for 60 "the intent of serve" intent serve node1
	wait_for 60 "the next server" one_server
	kill -9 "$bg"
	finish
	before
	no_demands
	other_args
	dray apply -auto-approve -lock-timeout 60
	wants 0
	says 'serve will be restarted (because args.max-model-len changed)'
	plan_is_empty
	after
	differs serve
	chat
}

t_in_probe() {
	up
	PROMPT='killed in here' PROBE_TIMEOUT=30
	spec
	demands wedge
	kill_in probe node1 -no-probe
}

t_in_destroy() {
	up
	start destroy -auto-approve
	wait_for 20 "the stop of serve" grep -q '^serve: ' "$S/bg.out"
	kill -9 "$bg"
	finish
	[ "$rc" = 137 ] || fail "the destroy was not killed but ended with $rc"
	dray destroy -auto-approve -lock-timeout 60
	wants 0
	nothing_left
}

t_ctrl_c() {
	up
	other_args
	demands slow-load=4
	start apply -auto-approve
	wait_for 20 "the intent of serve" intent serve node1
	kill -INT "$bg"
	finish
	wants 130
	no_demands
	apply
	one_of_each
	chat
}

t_ctrl_c_twice() {
	up
	other_args
	demands slow-load=15
	start apply -auto-approve
	wait_for 20 "the intent of serve" intent serve node1
	kill -INT "$bg"
	nap 0.2
	kill -INT "$bg"
	finish
	wants 130
	no_demands
	apply_at_once
	one_of_each
	chat
}

t_connection_lost() {
	up
	other_args
	demands slow-load=8
	start apply -auto-approve
	wait_for 20 "the intent of serve" intent serve node1
	# The connection is lost, the node is not.
	wait_for 60 "the next server" one_server
	before
	on node1 sh -c 'for p in $(pgrep sshd); do [ "$p" = "$(cat /run/sshd.pid)" ] || kill -9 $p; done' || :
	finish
	wants 0
	no_demands
	after
	same serve
	plan_is_empty
	one_of_each
	chat
}

more "killed in image" t_in_image
more "killed in download" t_in_download
more "launcher script, killed in script; then launcher container" t_in_script
more "killed in head" t_in_head
more "killed in worker" t_in_worker
more "killed in serve" t_in_serve
scenario "what a killed apply started is taken over" t_taken_over
more "but not with other inputs" t_not_taken_over
more "killed in probe" t_in_probe
more "Ctrl-C once: in order, 130" t_ctrl_c
more "destroy killed" t_in_destroy
more "Ctrl-C twice: at once, 130" t_ctrl_c_twice
more "the connection lost while serve loads" t_connection_lost

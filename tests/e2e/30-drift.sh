# 30-drift.sh - what somebody or something changed on the nodes is seen and repaired;
# Takes 120 s, from the plain cluster.
# what is not ours is named and left alone.
# shellcheck shell=bash disable=SC2016,SC2034,SC2153,SC2154

t_worker_removed() {
	# shellcheck disable=SC2086
	up $ALL_NODES
	before
	on node3 docker rm -f dray-e2e-worker
	dray plan -detailed-exitcode
	wants 2
	says 'worker\[node3\]'
	says gone
	apply
	chat
	after
	same 'head[node1]' 'worker[node2]'
	differs 'worker[node3]' serve
}

t_worker_killed() {
	up
	before
	on node2 docker kill dray-e2e-worker
	apply
	after
	same 'head[node1]'
	differs 'worker[node2]' serve
	one_of_each
}

t_serve_killed() {
	up
	before
	on node1 sh -c 'kill -9 $(pgrep -f "^vllm serve")'
	dray plan -detailed-exitcode
	wants 2
	apply
	chat
	after
	same 'head[node1]' 'worker[node2]'
	differs serve
}

t_head_removed() {
	up
	before
	on node1 docker rm -f dray-e2e-head
	apply
	chat
	after
	differs 'head[node1]' 'worker[node2]' serve
}

t_reboot() {
	up
	before
	"$TESTBED/node.sh" reboot node2
	dray apply -auto-approve
	wants 0
	says 'worker\[node2\]'
	plan_is_empty
	chat
	after
	same 'head[node1]'
	differs serve
	one_of_each
}

t_head_reboot() {
	up
	"$TESTBED/node.sh" reboot node1
	apply
	chat
	one_of_each
}

t_model_file_gone() {
	up
	rm -f "$BED"/shared/e2e/.cache/huggingface/hub/models--dray--tiny/blobs/*
	dray apply -auto-approve
	wants 0
	says 'download will be'
	plan_is_empty
	chat
}

t_records_lost() {
	up
	before
	on node2 rm -rf /root/.local/state/dray
	apply
	after
	same 'head[node1]' # nothing says to which head node2's belongs
	one_of_each
}

t_records_of_head_lost() {
	up
	on node1 rm -rf /root/.local/state/dray
	before
	apply
	chat
	after
	same 'head[node1]' 'worker[node2]'
	one_of_each
}

t_foreign_container() {
	down
	spec
	on node2 docker pull -q "$IMAGE1"
	on node2 docker run -d --name dray-e2e-worker --network host --entrypoint sleep "$IMAGE1" 1000
	before
	dray plan
	wants 1
	says 'dray-e2e-worker'
	dray apply -auto-approve
	wants 1
	after
	diff before after || fail "the foreign container was touched"
	dray destroy -auto-approve
	on node2 docker rm -f dray-e2e-worker >foreign || fail "destroy took a foreign container"
}

t_foreign_port() {
	down
	spec
	on node1 sh -c 'setsid python3 -m http.server 8000 >/dev/null 2>&1 & echo $! >/tmp/foreign'
	wait_for 5 "the foreign server" curl -fs -o /dev/null "http://$NET.1:8000/"
	dray plan
	wants 1
	says 8000
	says python3
	dray apply -auto-approve
	wants 1
	curl -fs -o /dev/null "http://$NET.1:8000/" || fail "the foreign process was touched"
	for n in $(nodes); do
		[ -z "$(containers "$n" all)" ] || fail "$n has a container"
	done
	on node1 sh -c 'kill $(cat /tmp/foreign); rm /tmp/foreign'
}

more "a worker's container removed by hand: it and serve" t_worker_removed
scenario "a worker's container killed: it and serve" t_worker_killed
more "serve killed: serve alone" t_serve_killed
more "the head's container removed: all of Ray" t_head_removed
more "a worker's node rebooted" t_reboot
more "the head's node rebooted" t_head_reboot
more "the model's files lost" t_model_file_gone
more "a worker's records lost: no second copy" t_records_lost
more "the head's records lost: what runs is adopted" t_records_of_head_lost
scenario "a foreign container with our name is a conflict" t_foreign_container
scenario "a foreign process on our port is a conflict" t_foreign_port

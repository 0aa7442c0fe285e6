# 10-straight.sh - from nothing to a model that answers, and back.
# Takes 60 s.
# shellcheck shell=bash disable=SC2016,SC2034,SC2153,SC2154

t_first_apply() {
	down
	spec
	dray validate
	wants 0
	dray plan -detailed-exitcode
	wants 2
	dray apply -auto-approve
	wants 0
	says '^  took  '
	says "^  API   http://$NET.1:8000/v1   model 'tiny'"
	# The line that is printed can be pasted.
	sed -n '/^  try   /,/^ *-d /{s/^  try   //;p}' "$S/out" >try.sh
	sh try.sh | grep -q '"completion_tokens":[1-9]' || fail "the curl line that apply prints does not chat"
	plan_is_empty
	chat
	before
	for step in 'head[node1]' 'worker[node2]' serve; do
		[ -n "$(identity before "$step")" ] || fail "$step is not there"
	done
	dray status
	wants 0
}

t_second_apply() {
	up
	before
	dray apply
	wants 0
	says 'No changes'
	plan_is_empty
	after
	same 'head[node1]' 'worker[node2]' serve
}

# All files that a look might touch, with size and time, and all processes. Without the time of
# folders: Docker's own `exec` has a file in /tmp for a moment.
node_files() {
	local n
	find "$BED/shared" "$BED"/node*/disk/{root,home,tmp,var/tmp} \
		-type d -printf '%p\n' -o -printf '%p %s %T@\n'
	for n in $(nodes); do
		on "$n" ps -e -o args= | sed "/sleep/d; /<defunct>\$/d; /^ps -e/d; s/^/$n /"
	done
}

# What runs there ends and starts processes of its own: a process counts that was not there before
# and stays for 5 s. A file counts, too, that is gone.
t_plan_writes_nothing() {
	local i
	up
	ARGS='max-model-len: 9' spec
	node_files | sort >files.first
	nap 0.3
	node_files | sort | comm -12 files.first - >files.before
	dray plan
	wants 0
	dray status
	for i in $(seq 10); do
		node_files | sort >files.after
		{
			comm -13 files.first files.after
			comm -23 files.before files.after | grep '^/' || :
		} >files.odd
		[ -s files.odd ] || return 0
		nap 0.5
	done
	cat files.odd
	fail "a plan left something on a node"
}

t_destroy() {
	up
	dray destroy
	wants 1
	says auto-approve
	before
	[ -n "$(identity before serve)" ] || fail "an unapproved destroy did something"
	dray destroy -auto-approve
	wants 0
	nothing_left
	find "$BED/shared" -name model.safetensors | grep -q . || fail "destroy took the model"
	dray destroy -auto-approve
	wants 0
	dray status
	wants 1
}

t_destroy_purge() {
	up
	dray destroy -auto-approve -purge
	wants 0
	nothing_left
	if find "$BED/shared" -name model.safetensors | grep .; then fail "the model is still there"; fi
}

# As on rented hosts: a user in the docker group who is not root, with its own key.
t_not_root() {
	down
	NODES=node1 CLUSTER=e2eu SHARED=/srv/shared/ubuntu CLIENT=${1:-image}
	SSH="user: ubuntu, identity: $BED/ssh/id_ed25519, known_hosts: $BED/ssh/known_hosts, connect_timeout: 6"
	on node1 sh -c "mkdir -p $SHARED && chown ubuntu $SHARED"
	spec
	sed -i "s/host: node\\([0-9]\\)/host: $NET.\\1/" cluster.yaml
	apply
	chat
	[ -z "$(find "$BED/shared/ubuntu" ! -user 1777)" ] || fail "files in the shared directory are not the user's"
	on node1 test ! -e /root/.local/state/dray || fail "records are not in the user's home"
	dray destroy -auto-approve
	wants 0
	nothing_left
}
t_hf_of_the_host() { t_not_root host; }

scenario "first apply from nothing" t_first_apply
scenario "second apply has nothing to do" t_second_apply
scenario "plan writes nothing and leaves no process" t_plan_writes_nothing
scenario "destroy leaves nothing but the model" t_destroy
more "destroy -purge takes the model" t_destroy_purge
scenario "as a user that is not root" t_not_root
more "hf of the host, not of the image" t_hf_of_the_host

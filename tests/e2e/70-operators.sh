# 70-operators.sh - secrets, saved plans, and more than one operator.
# Takes 135 s, from the plain cluster.
# shellcheck shell=bash disable=SC2016,SC2034,SC2153,SC2154

# Where the poison is: every place where a secret might end up, by name.
find_poison() { # POISON
	local n
	grep -rlF --exclude=found --exclude=log -- "$1" "$S" 2>/dev/null | sed 's/^/file: /' || :
	grep -rlF -- "$1" "$BED/shared" 2>/dev/null | sed 's/^/shared: /' || :
	for n in $NODES; do
		on "$n" sh -c '
			grep -rlF -- "$1" /root/.local /home /tmp /var/tmp /var/log 2>/dev/null | sed "s/^/node: /"
			for p in $(grep -lsaF -- "$1" /proc/[0-9]*/cmdline); do
				words=$({ tr "\0" " " <$p; } 2>/dev/null)
				case $words in
				"" | "grep "* | *" find-poison "*) ;; # it ended, or is of this search
				*) echo "ps: ${p%/cmdline}" ;;
				esac
			done
			for c in $(docker ps -aq); do
				docker inspect $c | grep -qF -- "$1" && echo "inspect: $c"
				docker logs $c 2>&1 | grep -qF -- "$1" && echo "logs: $c"
				docker exec $c sh -c "grep -rlF -- $1 /tmp /root 2>/dev/null" | sed "s/^/container: /"
			done' find-poison "$1" || :
	done
}

# poison_in_words POISON: the processes of all nodes that have it as an argument, besides the search.
poison_in_words() {
	local p
	grep -lsaF -- "$1" /proc/[0-9]*/cmdline | while read -r p; do
		tr '\0' ' ' 2>/dev/null <"$p" | grep -vE '^(grep |$)' | sed 's/^/ps: /' || :
	done 2>/dev/null # processes that end meanwhile
}

t_api_key() {
	local searched=
	up
	local poison=sk-e2e-poison-$RANDOM$RANDOM
	export E2E_KEY=$poison
	KEY=env:E2E_KEY
	spec
	dray plan -out saved.plan
	dray plan -json
	cp out plan.json
	demands slow-load=2
	start apply -auto-approve -v
	# While it runs, too: everywhere once while the server starts, and all the time in the words of
	# processes, which come and go.
	while kill -0 "$bg" 2>/dev/null; do
		poison_in_words "$poison" >>found
		if [ -z "$searched" ] && intent serve node1; then
			find_poison "$poison" >>found
			searched=yes
		fi
		nap 0.2
	done
	finish
	wants 0
	[ -n "$searched" ] || fail "nobody searched while the server started"
	no_demands
	plan_is_empty
	chat "$poison"
	[ "$(curl -s -o /dev/null -w '%{http_code}' "http://$NET.1:$PORT/v1/models")" = 401 ] ||
		fail "the key is not asked for"
	find_poison "$poison" >>found
	[ ! -s found ] || fail "the key is in: $(sort -u found | tr '\n' ';')"
	# Proof that the search finds what is there.
	echo "$poison" >planted
	on node1 sh -c "echo $poison >/root/.local/state/dray/planted"
	on node2 docker run -d --name planted -e "X=$poison" --entrypoint sh "$IMAGE1" -c "echo $poison; sleep 100; :"
	wait_for 10 "the word in its log" on node2 sh -c 'docker logs planted | grep -q .'
	find_poison "$poison" >control
	poison_in_words "$poison" | grep -q '^ps: sh -c' || fail "the search does not see the words of a process"
	for place in file: node: inspect: logs: ps:; do
		grep -q "^$place" control || fail "the search does not see $place"
	done
	on node2 docker rm -f planted
	on node1 rm /root/.local/state/dray/planted
	rm planted
	# With another key serve restarts, and nobody sees either key.
	before
	export E2E_KEY=$poison-two
	dray apply -auto-approve
	wants 0
	says sensitive
	not_says "$poison"
	plan_is_empty
	after
	same 'head[node1]' 'worker[node2]'
	differs serve
	chat "$poison-two"
	unset E2E_KEY
}

t_saved_plan() {
	up
	before
	other_args
	dray plan -out saved.plan -detailed-exitcode
	wants 2
	# The saved plan is applied, not what the file says now.
	sed -i.saved 's/max-model-len: .*/max-model-len: 999}/' cluster.yaml
	dray apply saved.plan
	wants 0
	mv cluster.yaml.saved cluster.yaml
	plan_is_empty
	after
	same 'head[node1]' 'worker[node2]'
	differs serve
	dray apply saved.plan
	wants 5
}

t_stale_plan() {
	up
	other_args
	dray plan -out saved.plan
	on node2 docker rm -f dray-e2e-worker
	before
	dray apply saved.plan
	wants 5
	says 'worker\[node2\]'
	after
	same 'head[node1]'
	gone 'worker[node2]'
}

t_two_operators() {
	local one two
	up
	other_args
	demands slow-load=4
	"$DRAY" apply -auto-approve -lock-timeout 0 >one.out 2>&1 </dev/null &
	one=$!
	"$DRAY" apply -auto-approve -lock-timeout 0 >two.out 2>&1 </dev/null &
	two=$!
	local rc1=0 rc2=0
	wait $one || rc1=$?
	wait $two || rc2=$?
	cat one.out two.out
	case $rc1$rc2 in
	04 | 40) ;;
	*) fail "the two ended with $rc1 and $rc2, not with 0 and 4" ;;
	esac
	no_demands
	one_of_each
	plan_is_empty
}

# operator STEP...: dray on a terminal, and what its user does; see tests/lock/operator.py.
operator() {
	rc=0
	rm -f "$WORK/stands"
	XDG_CACHE_HOME=$WORK/cache DRAY=$DRAY timeout -k 5 "${LIMIT:-90}" python3 "$E2E/../lock/operator.py" \
		"$@" >"$S/out" 2>"$S/err" || rc=$?
	echo "\$ operator $* -> $rc"
	cat "$S/out" "$S/err"
}

t_approval_waits() {
	up
	other_args
	# While one operator reads about a restart of serve, the other destroys everything.
	operator apply wait 'Enter a value' run 'destroy -auto-approve' say yes wait 'Enter a value' say no
	wants 1
	says 'The nodes have changed since the plan above was made'
	says 'serve: approved: restart .*now: create'
	after
	gone serve 'head[node1]' 'worker[node2]'
	apply
	chat
}

# The connections to a node are gone, as after a reboot.
t_away_while_asked() {
	up
	other_args
	before
	# shellcheck disable=SC2016
	declare -f in_node node_pid die >node.sh
	cat >cut.sh <<-END
		BED=$BED NODE_PATH='$NODE_PATH'
		. ./node.sh
		in_node node2 sh -c 'for p in /proc/[0-9]*; do
			case \$(tr "\\0" " " <\$p/cmdline 2>/dev/null) in "sshd: "*@*) kill -9 \${p#/proc/} ;; esac
		done; true'
	END
	operator apply wait 'Enter a value' 'do' 'bash ./cut.sh' say yes
	wants 0
	not_says 'has changed since the plan above'
	plan_is_empty
	after
	differs serve
	same 'head[node1]' 'worker[node2]'
}

t_lock_says_who() {
	up
	other_args
	demands slow-load=10
	start apply -auto-approve
	wait_for 20 "the intent of serve" intent serve node1
	dray apply -auto-approve -lock-timeout 0
	wants 4
	says -i lock
	dray status
	says held
	dray plan # a look takes no lock
	says "warning: node1.*: the lock is held by .*look unfinished here"
	finish
	wants 0
}

# An image that is pulled keeps the lock for long; who waits learns what for, and since when.
t_lock_says_pull() {
	down
	NODES=node1
	spec
	on node1 docker rmi -f "$IMAGE1"
	fault 'rate=1000000&path=/blobs/&times=0'
	start apply -auto-approve
	wait_for 20 "the intent of the image" intent 'image[node1]' node1
	dray apply -auto-approve -lock-timeout 0
	wants 4
	says "the lock on 'node1' is held by .* on .*, since 20.* (apply [0-9a-f]*); it runs 'image-up' there, for [0-9]* s"
	dray apply -auto-approve -lock-timeout 1
	wants 4
	says "it runs 'image-up' there, for [0-9]* s; waiting up to 1 s for it to end"
	quiet_faults
	finish
	wants 0
}

t_json() {
	up
	other_args
	dray plan -json
	python3 -c 'import json, sys; [json.loads(l) for l in open(sys.argv[1])]' "$S/out" ||
		fail "plan -json is not NDJSON"
	dray apply -json -auto-approve
	wants 0
	python3 -c 'import json, sys; [json.loads(l) for l in open(sys.argv[1])]' "$S/out" ||
		fail "apply -json is not NDJSON"
	plan_is_empty
}

scenario "the api key is nowhere to be found, and changes as (sensitive)" t_api_key
more "a saved plan is what is applied" t_saved_plan
more "a stale plan: exit 5 with what differs" t_stale_plan
more "two operators at once: one proceeds, one is told" t_two_operators
more "a plan that waited for its approval is looked at again under the lock" t_approval_waits
more "connections that end while the user is asked are made again" t_away_while_asked
more "the lock says who holds it; a plan needs none" t_lock_says_who
scenario "who waits for the lock learns of a pull" t_lock_says_pull
more "-json is NDJSON" t_json

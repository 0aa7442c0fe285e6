# 98-upgrade.sh - what an earlier version started stands: its records do not make a plan of
# Takes 40 s.
# changes, and what is changed after that is changed as ever.
# shellcheck shell=bash disable=SC2016,SC2034,SC2153,SC2154

# The last version that built a command from the spec, and recorded less of it.
EARLIER=2017bd2
EARLIER_DRAY=$WORK/earlier/build/dray

# Its binary, built once; false: this clone does not have the commit.
earlier_built() {
	local top=$E2E/../..
	git -C "$top" cat-file -e "$EARLIER^{commit}" 2>/dev/null || return 1
	[ ! -x "$EARLIER_DRAY" ] || return 0
	mkdir -p "$WORK/earlier" && git -C "$top" archive "$EARLIER" | tar -xC "$WORK/earlier" &&
		env -u MAKEFLAGS -u B make -C "$WORK/earlier" build/dray >"$WORK/earlier.log" 2>&1
}

# upgrade STEP...: bring up the cluster with the earlier version; then use this one.
upgrade() {
	spec
	DRAY=$EARLIER_DRAY dray apply -auto-approve
	wants 0
	before
	plan_is_empty
	dray apply -auto-approve
	wants 0
	says 'No changes'
	after
	same "$@"
	other_args
	dray plan -detailed-exitcode
	wants 2
	says 'args.max-model-len'
	not_says ' gpus '
	apply
	chat
	after
	differs "${@: -1}" # with Ray, only the server
	dray destroy -auto-approve
	wants 0
	nothing_left
}

t_upgrade_ray() {
	down
	upgrade 'head[node1]' 'worker[node2]' serve
	same_nodes_of_ray
}
t_upgrade_mp() {
	down
	BACKEND=mp
	upgrade 'rank[node1]' 'rank[node2]'
}
t_upgrade_none_ray() {
	down
	RUNTIME=none
	upgrade 'head[node1]' 'worker[node2]' serve
	same_nodes_of_ray
}
t_upgrade_none_mp() {
	down
	RUNTIME=none BACKEND=mp
	upgrade 'rank[node1]' 'rank[node2]'
}
# A changed argument does not affect Ray's nodes.
same_nodes_of_ray() { same 'head[node1]' 'worker[node2]'; }

# It takes a minute to build the earlier one.
if [ "${TIER:-check}${ONLY:-}" = check ]; then
	:
elif earlier_built; then
	more "what an earlier version started by Ray is left alone, and changed" t_upgrade_ray
	more "the same by ranks" t_upgrade_mp
	more "the same by processes, over Ray" t_upgrade_none_ray
	more "the same by processes, as ranks" t_upgrade_none_mp
else
	skip "an upgrade from $EARLIER" "this clone does not have that commit, or it cannot be built: see $WORK/earlier.log"
fi

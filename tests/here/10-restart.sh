# 10-restart.sh - restart and stop
# shellcheck shell=bash disable=SC2016,SC2034,SC2153,SC2154

t_restart() {
	local before
	up
	before=$(server)
	dray restart
	wants 1
	says '^Downtime: about [0-9]* [a-z]* (last start: [0-9a-z ]*)\.$'
	says 'rank\[here\] will be restarted (because a restart was asked for)'
	says "use 'dray restart -auto-approve'; nothing was changed"
	[ "$(server)" = "$before" ] || fail "it was restarted without approval"
	dray restart -auto-approve
	wants 0
	says 'Restart complete! .* 1 restarted'
	[ "$(server)" != "$before" ] || fail "it is still the same process"
	dray plan -detailed-exitcode
	wants 0
	dray restart -auto-approve nothing
	wants 1
	says "no step 'nothing' for restart"
}

yes_restart() {
	dray apply -auto-approve -replace 'rank[here]'
	wants 0
	dray plan -detailed-exitcode
	wants 0
}

# What a start printed of its memory is kept in the record: explain shows it beside what was said.
t_measured() {
	up
	dray explain layout
	wants 0
	not_says 'last start'
	demands 'memory=61.50+40.25'
	yes_restart
	grep -rqs '"memory":{"weights":61.5' "$tmp/state" || fail "the record has no memory"
	dray explain layout
	says 'last start'
	says '61[.]5'
	says '40[.]2'
	dray explain layout -json
	says '"measured":{[^}]*"weight_bytes":66035122176,"kv_cache_bytes":43218108416'
	# The next start counts, also for arguments that were not there.
	demands 'memory=60.00+41.00'
	ARGS='max-model-len: 200'
	spec
	yes_restart
	dray explain layout
	says '60[.]00 GiB measured'
	says '41[.]00 GiB measured'
	not_says '61[.]5'
	ARGS='max-model-len: 300'
	no_demands
}

t_stop() {
	up
	dray stop -auto-approve
	wants 0
	says 'rank\[here\] will be stopped (because a stop was asked for)'
	says 'Stop complete! Steps: 1 stopped'
	[ -z "$(server)" ] || fail "the engine still runs"
	dray status
	wants 1
	says '^here.* STOPPED'
	says 'it was stopped by .* at 20'
	dray stop -auto-approve
	wants 0
	says 'Nothing to stop'
	dray plan -detailed-exitcode
	wants 2
	says 'rank\[here\] will be started again (because it was stopped by'
	not_says '^Downtime'
	# A restart starts what does not run; a destroy leaves nothing of a stopped one.
	dray restart -auto-approve serve
	wants 0
	dray stop -auto-approve
	wants 0
	dray destroy -auto-approve
	wants 0
	[ -z "$(find state -type f 2>/dev/null)" ] || fail "records are left: $(find state -type f)"
}

check "restart restarts the engine, after approval" t_restart
more "what the engine printed of its memory is shown beside the estimate" t_measured
check "stop ends the engine, restart brings it back" t_stop

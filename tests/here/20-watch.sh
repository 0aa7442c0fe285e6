# 20-watch.sh - what status -watch and dray watch see, and what watch repairs
# shellcheck shell=bash disable=SC2016,SC2034,SC2153,SC2154

# watched TEXT: the watch in the background has printed it.
watched() {
	wait_for "the watch to say '$1'" grep -q -e "$1" bg.out
}

lines() { grep -c -e "$1" bg.out || true; }

# A terminal gets the page in place, anything else what has changed; the status is the last look's.
t_status_watch() {
	up
	start status -watch -every 1
	wait_for "the first block" grep -q 'SERVING' bg.out
	wait_for "the plan in it" grep -q '^last' bg.out
	dray stop -auto-approve
	wants 0
	wait_for "the last block" grep -q 'STOPPED' bg.out
	wait_for "the plan in it" grep -q '^spec .*differs' bg.out
	kill -INT "$bg"
	finish
	wants 1
	[ "$(grep -c SERVING out)" -le 2 ] || fail "it prints what has not changed"
	apply
	start status -watch -json
	wait_for "an object" grep -q '"state":"serving".*"time":"20' bg.out
	kill -TERM "$bg"
	finish
	wants 0
	[ "$(grep -c . out)" = 1 ] || fail "it is not one line"
	python3 - "$DRAY" >out 2>&1 <<-'END' || fail "on a terminal: $(cat out)"
		import os, pty, sys
		pid, fd = pty.fork()
		if pid == 0:
		    os.environ["TERM"] = "xterm"
		    os.execv(sys.argv[1], ["dray", "status", "-watch", "-every", "1"])
		page = b""
		while page.count(b"\x1b[J") < 3:
		    page += os.read(fd, 65536)
		assert page.count(b"\x1b[2J") == 1 and page.count(b"\x1b[H") >= 3 and b"SERVING" in page, page
		os.write(fd, b"\x03")
		assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
	END
	dray status -every 3
	wants 64
	dray status -watch -f nothing.yaml
	wants 1
}

# with_systemd yes|no ARGS...: dray on a machine that systemd runs, or that it does not.
with_systemd() {
	local is=$1
	shift
	rc=0
	HAS=$is timeout 60 unshare -rm sh -c 'mkdir -p /run/systemd && mount -t tmpfs none /run/systemd || exit 99
		[ $HAS = no ] || mkdir /run/systemd/system
		exec "$@"' sh "$DRAY" "$@" >out 2>err </dev/null || rc=$?
}

t_watch_unit() {
	local unit=.config/systemd/user/dray-watch-$CLUSTER.service
	unshare -rm true 2>/dev/null || return 0 # no namespaces here
	mkdir -p '50% $x'
	spec
	cp cluster.yaml '50% $x/it.yaml'
	with_systemd no watch -install -f '50% $x/it.yaml' -budget 2
	wants 1
	says 'not run by systemd, so nothing was written'
	says "nohup .* watch -f '$tmp/50% \$x/it.yaml' -budget 2 >>"
	[ ! -e "$unit" ] || fail "it wrote a unit"
	with_systemd yes watch -install -f '50% $x/it.yaml' -every 45
	wants 0
	says "systemctl --user enable --now dray-watch-$CLUSTER.service"
	says 'loginctl enable-linger'
	grep -qF "watch -f \"$tmp/50%% \$\$x/it.yaml\" -every 45" "$unit" || fail "the unit does not start it: $(cat "$unit")"
	mkdir -p .config/systemd/user/default.target.wants
	ln -s "../dray-watch-$CLUSTER.service" .config/systemd/user/default.target.wants/
	with_systemd yes watch -uninstall -f '50% $x/it.yaml'
	wants 0
	says "systemctl --user stop dray-watch-$CLUSTER.service"
	[ -z "$(find .config -name 'dray-watch*')" ] || fail "the unit is still there"
	with_systemd yes watch -uninstall
	wants 1
	says 'there is no unit'
}

# Killed, stopped by a signal: seen, repaired, and the hooks are called; what a person does is theirs.
t_watch() {
	local PROBE_TIMEOUT=60 HOOKS='[{file: watch.lua, on: [on_down, on_up]}]' before
	cat >watch.lua <<-END
		local function note(ctx, event)
			ctx:run{"sh", "-c", 'echo "\$*" >>$tmp/heard', "sh", event.event, event.state, tostring(event.repaired)}
		end
		return {on_down = note, on_up = note}
	END
	rm -f heard
	up
	start watch -every 1
	watched 'serving'
	kill -9 "$(server)"
	watched 'down: rank\[here\]'
	watched 'cause: '
	watched 'repair: rank\[here\] (.*); 1 of 3 an hour'
	watched 'repaired: in '
	watched 'serving: again, after '
	wait_for "the hooks" grep -q '^on_up serving true' heard
	[ "$(cat heard)" = "$(printf 'on_down down nil\non_up serving true')" ] || fail "the hooks heard: $(cat heard)"
	dray plan -detailed-exitcode
	wants 0
	dray history
	says ' watch  *done '
	# Without a change it says nothing, and holds no lock.
	[ "$(lines .)" = 6 ] || fail "it printed $(lines .) lines: $(cat bg.out)"
	dray stop -auto-approve
	wants 0
	watched 'stopped: it was stopped by'
	apply
	wait_for "another line" eval '[ "$(lines "serving$")" = 2 ]'
	[ "$(lines 'repair: ')" = 1 ] || fail "it repaired what was stopped on purpose"
	kill -INT "$bg"
	finish
	wants 0
	# It neither rolls out a change of the spec, nor is kept by it from a repair.
	# (The limit of the probe is that of the watch, which is to see a wedge soon, and of the repair,
	# which must not fail on a busy machine: nothing would repair what serves after all.)
	PROBE_TIMEOUT=6 spec
	start watch -every 1
	watched 'serving'
	ARGS='max-model-len: 299'
	PROBE_TIMEOUT=6 spec
	watched 'spec: cluster.yaml is not what is applied: rank\[here\] (args.max-model-len changed)'
	before=$(server)
	kill -STOP "$before"
	watched 'repaired: in '
	watched 'serving: again'
	[ "$(server)" != "$before" ] || fail "it is still the same process"
	tr '\0' ' ' <"/proc/$(server)/cmdline" | grep -q 'max-model-len 300' || fail "it rolled out the spec"
	kill -TERM "$bg"
	finish
	wants 0
}

# Of a fault that is there from the start nothing is repaired but what was applied; and there is a budget.
t_watch_budget() {
	up
	ARGS='max-model-len: 299'
	spec
	kill -9 "$(server)"
	start watch -every 1 -json
	watched '"state":"no repair","text":"rank\[here\] (.*) is not a repair'
	kill -HUP "$bg"
	finish
	wants 1
	python3 -c 'import json; assert [json.loads(line)["type"] for line in open("out")] == ["watch"] * 3'
	ARGS='max-model-len: 300'
	spec
	# The budget ends, and it says so.
	demands die-loading
	start watch -every 1 -budget 1
	watched 'repair failed: rank\[here\]'
	watched 'gave up: 1 repair within'
	[ "$(lines 'repair: ')" = 1 ] || fail "it repaired more often than the budget has it"
	no_demands
	apply
	watched 'serving: again, after .*, not by a repair'
	kill -INT "$bg"
	finish
	wants 0
}

check "status -watch shows what changes" t_status_watch
check "watch as a unit of systemd" t_watch_unit
check "watch repairs what was applied" t_watch
more "watch repairs nothing else, and no more often than its budget has it" t_watch_budget

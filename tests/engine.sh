#!/bin/bash
# engine.sh - the demo's story with the real engine and with assertions, by both launchers
# and without Ray: two hosts, the real hf, run_cluster.sh, Ray and vLLM (CPU build), a tiny model.
# ONLY=REGEX, KEEP=1 and what is left behind are as in tests/e2e/run.sh.
# shellcheck disable=SC2034,SC2119
set -u
cd "$(dirname "$0")/.." || exit 1
case ${B:=build} in /*) WORK=$B/engine ;; *) WORK=$PWD/$B/engine ;; esac
export DRAY_BED=${DRAY_BED:-${TMPDIR:-/tmp}/dray-bed}
mkdir -p "$WORK"

cant() {
	echo "SKIP engine: $1"
	echo "0 passed, 0 failed, 1 skipped"
	exit 0
}
[ "$(id -u)" = 0 ] || cant "the test bed needs root"
for tool in dockerd sshd ip nsenter curl python3 debootstrap gcc; do
	PATH=$PATH:/usr/sbin command -v $tool >/dev/null || cant "no $tool (make deps)"
done
exec 8>/run/lock/dray-bed.user
flock -n 8 || { echo "waiting for another user of the test bed"; flock -w 900 8 || cant "the test bed is busy"; }

bed_down() { [ -n "${KEEP:-}" ] || tests/testbed/down.sh; }
trap 'bed_down; exit 130' INT TERM
start=$SECONDS
if ! tests/testbed/up.sh 2 real >"$WORK/up.log" 2>&1; then
	tail -n 5 "$WORK/up.log"
	bed_down
	cant "the real engine could not be installed (no registry?); see $WORK/up.log"
fi
echo "the bed is up after $((SECONDS - start)) s"
# shellcheck source=e2e/lib.sh
. tests/e2e/lib.sh
ROOT=$PWD CLIENT=$CACHE/raw/vllm-project/vllm/main/examples/basic/online_serving/openai_chat_completion_client.py

# The spec of the demo, by one launcher or the other.
real_spec() { # LAUNCHER
	sed -e "s|^  bed: .*|  bed: $BED|; s|^  cache: .*|  cache: $CACHE|; s|launcher: .*|launcher: $1|" \
		"$ROOT/examples/testbed.yaml" >cluster.yaml
	[ "$1" = script ] || sed -i '/^  script:/,/sha256:/d' cluster.yaml
}
begin() {
	CLUSTER=testbed NODES='node1 node2' SHARED=/srv/shared PORT=8000 LIMIT=240
	real_spec "$launcher"
}

t_up() {
	begin
	dray plan -detailed-exitcode
	wants 2
	apply
	dray status
	wants 0
	on node1 "$VENV/bin/python" "$CLIENT"
	chat
	before
	cp before "$WORK/before"
	for step in 'head[node1]' 'worker[node2]' serve; do
		[ -n "$(identity before "$step")" ] || fail "$step is not there"
	done
	on node1 docker exec dray-testbed-head ray status | grep -F '4.0/4.0 GPU' || fail "not 4 GPUs in use"
}
t_again() {
	begin
	dray apply
	wants 0
	says 'No changes'
	cp "$WORK/before" .
	after
	same 'head[node1]' 'worker[node2]' serve
}
t_changed() {
	begin
	before
	sed -i 's/max-model-len: 512/max-model-len: 256/' cluster.yaml
	apply
	chat
	after
	same 'head[node1]' 'worker[node2]'
	differs serve
}
t_worker_gone() {
	begin
	sed -i 's/max-model-len: 512/max-model-len: 256/' cluster.yaml
	before
	on node2 docker rm -f dray-testbed-worker
	apply
	chat
	after
	same 'head[node1]'
	differs 'worker[node2]' serve
}
t_wrong() {
	begin
	sed -i 's/max-model-len: 512/max-model-len: 4096/' cluster.yaml
	dray apply -auto-approve
	wants 3
	says 'max_model_len (4096) is greater'
}
t_away() {
	begin
	dray destroy -auto-approve
	wants 0
	nothing_left
}

# Without Ray: one rank a node, since the CPU build fails with two.
begin_mp() {
	launcher=container
	begin
	sed -i 's/tensor: 2 /tensor: 1 /; s/gpus: 2/gpus: 1/; s/backend: ray/backend: mp/' cluster.yaml
}
t_mp_up() {
	begin_mp
	apply
	on node1 "$VENV/bin/python" "$CLIENT"
	chat
	before
	for step in 'rank[node1]' 'rank[node2]'; do
		[ -n "$(identity before "$step")" ] || fail "$step is not there"
	done
	dray apply
	wants 0
	says 'No changes'
}
t_mp_rank_killed() {
	begin_mp
	before
	on node2 docker kill dray-testbed-rank
	dray plan
	says 'rank\[node1\] will be restarted (because rank\[node2\] is gone; ranks are one unit)'
	sed -i 's/max-model-len: 512/max-model-len: 256/' cluster.yaml
	dray apply -auto-approve
	wants 0
	says 'first failure of the group: rank\[node2\] at 20.*exit 137'
	plan_is_empty
	chat
	after
	differs 'rank[node1]' 'rank[node2]'
}
t_mp_away() {
	begin_mp
	dray destroy -auto-approve
	wants 0
	nothing_left
}

clean
for launcher in script container; do
	scenario "$launcher: from nothing to a chat completion" t_up
	scenario "$launcher: a second apply has nothing to do" t_again
	scenario "$launcher: a changed argument restarts only serve" t_changed
	if [ $launcher = script ]; then
		scenario "$launcher: a lost worker is replaced, serve restarts" t_worker_gone
	else
		scenario "$launcher: an impossible argument: vLLM's own cause" t_wrong
	fi
	scenario "$launcher: destroy leaves nothing" t_away
done
scenario "mp: from nothing to a chat completion, then nothing to do" t_mp_up
scenario "mp: a rank killed, another argument: both ranks anew" t_mp_rank_killed
scenario "mp: destroy leaves nothing" t_mp_away
clean
if [ -z "${KEEP:-}" ]; then
	bed_down
	tests/testbed/check-clean.sh || N_FAILED=$((N_FAILED + 1))
fi
echo "engine took $((SECONDS - start)) s"
echo "$N_PASSED passed, $N_FAILED failed, $N_SKIPPED skipped"
[ "$N_FAILED" = 0 ]

#!/bin/bash
# demo.sh - the demo with as much as this machine can do: two hosts of the test bed, real hf,
# run_cluster.sh, Ray and vLLM (CPU build), and a tiny model, from `dray validate` to a chat
# completion and back. `make demo` builds first and then runs this.
set -euo pipefail
cd "$(dirname "$0")/.."
DRAY=${DRAY:-$PWD/build/dray}
export DRAY_BED=${DRAY_BED:-/tmp/dray-bed} DRAY_CACHE=${DRAY_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/dray-testbed}
PATH=$(dirname "$DRAY"):$PATH:/usr/sbin:/sbin
bed=tests/testbed work=build/demo start=$SECONDS

bold=$(tput bold 2>/dev/null || :) plain=$(tput sgr0 2>/dev/null || :)
[ -t 1 ] && [ -z "${NO_COLOR:-}" ] || bold='' plain=''
title() { printf '\n%s== %s%s\n' "$bold" "$*" "$plain"; }
# show COMMAND...: print the command line, then what it prints. shows_rc: any status is fine.
show() { printf '\n%s$ %s%s\n' "$bold" "$*" "$plain"; "$@"; }

# ---- what is there ---------------------------------------------------------------

no_root() {
	title "not root: no hosts can be made here (as root, make demo does that)"
	echo "The same story as far as it goes without: the spec, and plans on what hosts answered"
	echo "when somebody looked (tests/golden)."
	show dray validate -f examples/testbed.yaml
	for case in first nothing serve-args; do
		tests/golden.sh -unpack "plan-$case" "$work/$case"
		show dray plan -f "$work/$case/cluster.yaml" -facts "$work/$case/facts"
	done
	exit 0
}
[ "$(id -u)" = 0 ] || no_root

# Tests may have this bed.
mkdir -p "$work"
exec 8>/run/lock/dray-bed0.user
flock -n 8 || { echo "waiting for another user of the test bed"; flock -w 900 8; }

# Builds the real engine's cache, with a word now and then; false when it cannot.
real_engine() {
	local pid began=$SECONDS
	if [ ! -s "$DRAY_CACHE/venv.stamp" ]; then
		title "the first time: 3.4 GB of packages for Ray and vLLM, 55 MB of Debian"
		echo "They go to $DRAY_CACHE (3.3 GB in the end) and stay there; 4 to 6 minutes."
	fi
	"$bed/up.sh" 2 real >"$work/up.log" 2>&1 &
	pid=$!
	while kill -0 $pid 2>/dev/null; do
		sleep 0.5
		[ $(((SECONDS - began + 1) % 20)) = 0 ] || continue
		printf '  %3d s, %s\n' $((SECONDS - began)) "$(du -sh "$DRAY_CACHE" 2>/dev/null | cut -f1)"
		sleep 1
	done
	wait $pid
}

trap '"$bed/down.sh" >/dev/null 2>&1 || :' EXIT
title "two hosts, each with its own address, sshd and Docker engine"
engine=real
if [ "${1:-real}" != real ] || ! real_engine; then
	[ "${1:-real}" != real ] || tail -n 5 "$work/up.log"
	echo "The real engine is not to be had here; the same story with the stand-in engine."
	"$bed/down.sh"
	engine=standin
	"$bed/up.sh" 2 standin
fi
"$bed/status.sh"

# ---- the spec ----------------------------------------------------------------------

spec=$work/cluster.yaml
sed -e "s|^  bed: .*|  bed: $DRAY_BED|; s|^  cache: .*|  cache: $DRAY_CACHE|" examples/testbed.yaml >"$spec"
if [ $engine = standin ]; then
	sum=$(sha256sum <"$DRAY_CACHE/standin/raw/vllm-project/vllm/v0.33.0/examples/ray_serving/run_cluster.sh")
	sed -i -e "s|^  image: .*|  image: hub:8900/dray/standin:1|; s|sha256: .*|sha256: ${sum%% *}|" \
		-e "/docker_args/,/venv:ro/d" "$spec"
fi
title "the spec ($spec)"
grep -v -e '^ *#' -e '^$' "$spec" | sed 's/  *#.*//'

# ---- the story -----------------------------------------------------------------------

title "does the file make sense?"
show dray validate -f "$spec"
title "what would be done?"
show dray plan -f "$spec"
title "do it"
show dray apply -auto-approve -f "$spec"
title "what runs?"
show dray status -f "$spec"

title "a chat completion"
if [ $engine = real ]; then
	client=$DRAY_CACHE/raw/vllm-project/vllm/main/examples/basic/online_serving/openai_chat_completion_client.py
	show ssh -n -F "$DRAY_BED/ssh/config" node1 "$DRAY_CACHE/venv/bin/python" "$client"
else
	show curl -fsS http://10.77.0.1:8000/v1/chat/completions -H 'Content-Type: application/json' \
		-d '{"model": "tiny", "messages": [{"role": "user", "content": "Say hello."}], "max_tokens": 4}'
	echo
fi

title "and again: nothing to do"
show dray plan -f "$spec"

title "a changed argument: serve restarts, Ray stays"
show sed -i 's/max-model-len: 512/max-model-len: 256/' "$spec"
show dray plan -f "$spec"
show dray apply -auto-approve -f "$spec"

title "away with it"
show dray destroy -auto-approve -f "$spec"
"$bed/down.sh"
trap - EXIT
title "done in $((SECONDS - start)) s"

#!/bin/bash
# The engine's own benchmark on a node: its result, its failures, and that it ends
# shellcheck disable=SC2016,SC2034
. "$(dirname "$0")/lib.sh"
INSIDE=$(text_of bench-inside)

# A benchmark as vLLM's talks; $ROOM/plays says how it goes.
tool() {
	printf '#!/bin/sh\nexec %s "$@"\n' "$SH" >"$ROOM/bin/sh"
	cat >"$ROOM/bin/vllm" <<-'END'
		#!/bin/sh
		room=$DOCKER_ROOM/..
		echo $$ >"$room/pid"; pwd >"$room/folder"; echo "${OPENAI_API_KEY-} $*" >"$room/seen"
		printf 'Starting\n\r  0%%|     | 0/8 [00:00<?]\r 50%%|##   | 4/8 [00:01<00:01]' >&2
		. "$room/plays"
	END
	chmod +x "$ROOM/bin/sh" "$ROOM/bin/vllm"
	mkdir -p "$ROOM/docker/box" "$ROOM/docker/image"
	# What runs in a container is not in the group of the script.
	echo '[ "$1" != -i ] || shift; shift; exec setsid -w "$@"' >"$ROOM/docker/exec"
	rm -f "$ROOM/pid"
}
good='while [ ! -e "$room/go" ]; do /bin/sleep 0.1; done; echo "Error 0: bad" ; echo "Error 1: bad"; printf "{\"a\":\n 1}" >result.json'
# run NAME=VALUE... -- NAME=VALUE...: with a stall of $stall seconds.
run() {
	local -a args=()
	while [ "$1" != -- ]; do args+=("$1"); shift; done
	shift
	tool
	node bench-run what='4 at a time' "${args[@]}" -- DRAY_VENV= "DRAY_STALL=${stall:-600}" "$@" sh -c "$INSIDE" dray-bench vllm bench serve
}
folder_is_gone() { [ -s "$ROOM/folder" ] && [ ! -e "$(cat "$ROOM/folder")" ]; }
# until_there FILE: it comes; the limit only ends a hang.
until_there() {
	local n=0
	until [ -s "$1" ]; do
		n=$((n + 1))
		[ $n -lt 600 ] || return 1
		/bin/sleep 0.1
	done
}
gone_soon() {
	local n=0
	until folder_is_gone; do
		n=$((n + 1))
		[ $n -lt 600 ] || return 1
		/bin/sleep 0.1
	done
}
ended() {
	local n=0
	while kill -0 "$1" 2>/dev/null; do
		n=$((n + 1))
		[ $n -lt 600 ] || return 1
		/bin/sleep 0.1
	done
}

bench() {
	local where
	for where in '' c1; do
		echo "$good" >"$ROOM/plays"
		rm -f "$ROOM/go" "$ROOM/said"
		{ until grep -qs '4 of 8' "$ROOM/said"; do /bin/sleep 0.1; done; touch "$ROOM/go"; } &
		run container=$where -- DRAY_KEY= </dev/null
		wait $!
		is "the result is printed, on one line" [ "$rc:$out" = '0:{"a": 1}' ]
		is "what failed is said once" [ "$err" = bad ]
		is "it says how far it is" has "$said" "progress 4 at a time: 4 of 8 requests"
		is "its folder is gone" folder_is_gone
		run container=$where key=yes -- DRAY_KEY=OPENAI_API_KEY <<<k-2718
		is "the key is in its environment" [ "$(cat "$ROOM/seen")" = 'k-2718 bench serve' ]
		is "and in no argument of docker" lacks "$(cat "$ROOM"/docker/calls 2>/dev/null)" k-2718

		echo 'echo "ModuleNotFoundError: No module named '"'pandas'"'" >&2; exit 1' >"$ROOM/plays"
		run container=$where -- DRAY_KEY= </dev/null
		is "what it lacks is named" has "$rc:$out:$err" "1::vLLM's benchmark needs the Python module 'pandas'"
		is "with its own words" has "$err" "ModuleNotFoundError"
		echo 'echo "{}" >result.json; echo "some words"; exit 3' >"$ROOM/plays"
		run container=$where -- DRAY_KEY= </dev/null
		is "a result of what failed is none" has "$rc:$out:$err" "1::it ended with status 3"
		echo ':' >"$ROOM/plays"
		run container=$where -- DRAY_KEY= </dev/null
		is "without a result it failed" [ "$rc:$out" = 1: ]
		echo 'exec /bin/sleep 1000' >"$ROOM/plays"
		stall=2 run container=$where -- DRAY_KEY= </dev/null
		is "what stands still is ended" has "$rc:$err" "no request ended within 2 s"
		is "and is gone" ended "$(cat "$ROOM/pid")"

		rm -f "$ROOM/pid" "$ROOM/outer"
		BEFORE="echo \$\$ >$ROOM/outer" run container=$where -- DRAY_KEY= </dev/null &
		until_there "$ROOM/pid"
		kill -TERM "$(cat "$ROOM/outer")"
		wait $!
		is "a signal ends it where it runs" ended "$(cat "$ROOM/pid")"
		is "and its folder is gone then" gone_soon
		rm -f "$ROOM/docker/calls"
	done
	echo 'exit 127' >"$ROOM/docker/exec"
	rm -f "$ROOM/pid"
	printf 'exit 1' >"$ROOM/plays"
	node bench-run what=x container=c1 -- sh -c "$INSIDE" dray-bench vllm </dev/null
	is "a container that is gone" [ "$rc:$out" = 1: ]
	put='{"v": 1}'
	node put-bench cluster=c1 <<<"$put"
	is "a result is kept" [ "$rc:$(cat "$ROOM"/state/dray/c1/*/bench.json)" = "0:$put" ]
	node put-bench cluster=c1 </dev/null
	is "nothing replaces nothing" [ "$rc:$(cat "$ROOM"/state/dray/c1/*/bench.json)" = "1:$put" ]
}

each bench

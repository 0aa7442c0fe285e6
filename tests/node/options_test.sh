#!/bin/bash
# What the engine's parser refuses, before anything is started
. "$(dirname "$0")/lib.sh"

# A parser like vLLM's: a bad value ends it, unknown options are named together.
parser() {
	cat >"$ROOM/bin/vllm" <<-'END'
		#!/bin/sh
		echo "$*" >>"$DOCKER_ROOM/runs"
		[ ! -e "$DOCKER_ROOM/broken" ] || { echo "ImportError: no torch"; exit 1; }
		case " $* " in *" --dtype "*)
			echo "INFO: error: argument is no error"
			printf 'usage: vllm serve\nvllm serve: error: argument --dtype/-d: invalid <function loads at 0x7f> choice\n\n  flot16\n'
			exit 2
			;;
		esac
		u=
		for w; do case $w in serve | model | --seed | 7) ;; *) u="$u $w" ;; esac; done
		[ -z "$u" ] || { echo "vllm serve: error: unrecognized arguments:$u" >&2; exit 2; }
	END
	chmod +x "$ROOM/bin/vllm"
	: >"$ROOM/docker/runs"
}
LOOK="[ -z \"\$DRAY_FILES\" ] || echo \"dray: missing \$DRAY_FILES\"; exec \"\$@\""
runs() { wc -l <"$ROOM/docker/runs"; }

# try ARGS: the script; the line with the sum is in $sum, and not in $out. Its clock, a sleep, takes
# 20 s, so that a parser on a busy machine ends before.
try() {
	sum=
	mkdir -p "$ROOM/tmp"
	NAP=${NAP:-20} TMPDIR=$ROOM/tmp node options-try cluster=c1 unknown=--unknown "$@" </dev/null
	[[ $out != *"sum "* ]] || { sum=${out##*sum } out=${out%sum *} out=${out%$'\n'}; }
}
options() {
	local words
	parser
	words=(env DRAY_FILES= sh -c "$LOOK" dray-options)
	try prefix=6 keep=yes version=1 -- "${words[@]}" vllm serve model --seed 7
	is "nothing is wrong" [ "$rc:$out:$(runs)" = 0::1 ]
	is "the verdict has a sum" [ ${#sum} = 64 ]
	try prefix=6 version=1 known="$sum" -- "${words[@]}" vllm serve model --seed 7
	is "one that the caller has is not asked for" [ "$rc:$out:$(runs)" = 0:known:1 ]
	try prefix=6 version=2 known="$sum" -- "${words[@]}" vllm serve model --seed 7
	is "but of another version it is" [ "$rc:$out:$(runs)" = 0::2 ]
	echo one >"$ROOM/docker/runs"
	is "nothing is written where nothing is" [ ! -e "$ROOM/state" ]
	mkdir -p "$ROOM/state/dray/c1/$(cat /etc/machine-id 2>/dev/null || hostname)"
	local i dir
	dir=$(echo "$ROOM"/state/dray/c1/*)/options
	mkdir "$dir"
	for i in {1..20}; do touch -d "2020-01-01 00:00:$i" "$dir/old$i"; done
	for i in 1 2; do
		try prefix=6 keep=yes version=1 -- "${words[@]}" vllm serve model --modl 7 --dtype=x --dtype flot16 --no-such
		is "all of it is said, $i" [ "$rc:$out" = "0:option argument --dtype/-d: invalid choice flot16
option there is no option --modl
option there is no option --no-such" ]
		is "the second time it is known" [ "$(runs)" = 3 ]
	done
	is "the oldest verdicts go" [ "$(find "$dir" -type f | wc -l):$(ls "$dir/old20")" = "16:$dir/old20" ]
	try prefix=6 keep=yes version=2 -- "${words[@]}" vllm serve model --no-such
	is "not of another version" [ "$out:$(runs)" = "option there is no option --no-such:4" ]
	try prefix=6 keep=yes version=2 strict=yes -- "${words[@]}" vllm serve model --no-such
	is "a failure if it must be" [ "$rc:$out:$err" = "1::vllm serve refuses: there is no option --no-such" ]
	try prefix=6 keep=yes version=4 strict=yes -- "${words[@]}" vllm serve model
	is "and none if nothing is refused" [ "$rc:$out:$err" = 0:: ]
	words[1]=DRAY_FILES=/none
	for i in 1 2; do
		try prefix=6 keep=yes version=2 files=yes -- "${words[@]}" vllm serve model
		is "a file is missing, $i" [ "$rc:$out:$(runs)" = "0:file /none:6" ]
	done
	touch "$ROOM/docker/broken"
	for i in 7 8; do
		try prefix=6 keep=yes version=3 -- "${words[@]}" vllm serve model
		is "no verdict, and none is kept" [ "$rc:$out:$(runs)" = "0:file /none
note status 1: ImportError: no torch:$i" ]
		is "nor is there a sum" [ -z "$sum" ]
	done
}

# An engine that does not know the argument starts, and so does a child of it. It takes no TERM.
server() {
	fresh
	parser
	cat >"$ROOM/bin/vllm" <<-'END'
		#!/bin/bash
		trap '' TERM HUP
		sleep 7431 &
		echo $! $$ >"$DOCKER_ROOM/pids"
		while :; do sleep 0.2; done
	END
}
# ended: the processes of that engine are gone.
ended() {
	local pid i
	# shellcheck disable=SC2013 # a word each
	for pid in $(cat "$ROOM/docker/pids"); do
		for ((i = 0; i < 100; i++)); do
			kill -0 "$pid" 2>/dev/null || break
			/bin/sleep 0.1
		done
		! kill -0 "$pid" 2>/dev/null || return 1
	done
}
# late: SH leads a group of its own, as it does on a node.
late() {
	local words=(env DRAY_FILES= sh -c "$LOOK" dray-options) was=$SH
	server
	SH="setsid --wait $was" NAP=1 try prefix=6 version=1 -- "${words[@]}" vllm serve model
	is "what starts a server gives no verdict" [ "$rc:$sum" = 0: ]
	is "and it says so" has "$out" "note it did not end within "
	is "it says that it only waits" has "$said" wait
	is "the server is ended, with its children" [ -s "$ROOM/docker/pids" ]
	is "the server is ended, with its children" ended
	is "no folder is left" [ -z "$(ls "$ROOM/tmp")" ]
}
# The trial is ended by a signal while its container runs.
abandoned() {
	local words=(docker run --rm name sh -c "$LOOK" dray-options) was=$SH i pid signal
	for signal in TERM HUP; do
		server
		mkdir -p "$ROOM/docker/image"
		echo 7 >"$ROOM/docker/image/name"
		echo 'echo $$ >../client; echo "$*" >words; /bin/sleep 30' >"$ROOM/docker/run"
		(SH="setsid --wait $was" NAP=60 try prefix=8 image=name image_id_sh='echo 7' -- "${words[@]}" vllm serve model) &
		for ((i = 0; i < 100; i++)); do
			[ ! -s "$ROOM/client" ] || break
			/bin/sleep 0.1
		done
		pid=$(cat "$ROOM/client")
		# shellcheck disable=SC2046
		kill -$signal -- -$(ps -o pgid= -p "$pid" | tr -d ' ')
		wait
		is "$signal: its container is removed" has "$(cat "$ROOM/docker/calls")" "rm -f dray-options-"
		is "$signal: no folder is left" [ -z "$(ls "$ROOM/tmp")" ]
	done
}

each options late abandoned

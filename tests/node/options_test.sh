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

options() {
	local words
	parser
	words=(env DRAY_FILES= sh -c "$LOOK" dray-options)
	node options-try cluster=c1 unknown=--unknown prefix=6 keep=yes version=1 -- "${words[@]}" vllm serve model --seed 7 </dev/null
	is "nothing is wrong" [ "$rc:$out:$(runs)" = 0::1 ]
	is "nothing is written where nothing is" [ ! -e "$ROOM/state" ]
	mkdir -p "$ROOM/state/dray/c1/$(cat /etc/machine-id 2>/dev/null || hostname)"
	local i dir
	dir=$(echo "$ROOM"/state/dray/c1/*)/options
	mkdir "$dir"
	for i in {1..20}; do touch -d "2020-01-01 00:00:$i" "$dir/old$i"; done
	for i in 1 2; do
		node options-try cluster=c1 unknown=--unknown prefix=6 keep=yes version=1 -- "${words[@]}" vllm serve model --modl 7 --dtype=x --dtype flot16 --no-such </dev/null
		is "all of it is said, $i" [ "$rc:$out" = "0:option argument --dtype/-d: invalid choice flot16
option there is no option --modl
option there is no option --no-such" ]
		is "the second time it is known" [ "$(runs)" = 3 ]
	done
	is "the oldest verdicts go" [ "$(find "$dir" -type f | wc -l):$(ls "$dir/old20")" = "16:$dir/old20" ]
	node options-try cluster=c1 unknown=--unknown prefix=6 keep=yes version=2 -- "${words[@]}" vllm serve model --no-such </dev/null
	is "not of another version" [ "$out:$(runs)" = "option there is no option --no-such:4" ]
	node options-try cluster=c1 unknown=--unknown prefix=6 keep=yes version=2 strict=yes -- "${words[@]}" vllm serve model --no-such </dev/null
	is "a failure if it must be" [ "$rc:$out:$err" = "1::vllm serve refuses: there is no option --no-such" ]
	node options-try cluster=c1 unknown=--unknown prefix=6 keep=yes version=4 strict=yes -- "${words[@]}" vllm serve model </dev/null
	is "and none if nothing is refused" [ "$rc:$out:$err" = 0:: ]
	words[1]=DRAY_FILES=/none
	for i in 1 2; do
		node options-try cluster=c1 unknown=--unknown prefix=6 keep=yes version=2 files=yes -- "${words[@]}" vllm serve model </dev/null
		is "a file is missing, $i" [ "$rc:$out:$(runs)" = "0:file /none:6" ]
	done
	touch "$ROOM/docker/broken"
	for i in 7 8; do
		node options-try cluster=c1 unknown=--unknown prefix=6 keep=yes version=3 -- "${words[@]}" vllm serve model </dev/null
		is "no verdict, and none is kept" [ "$rc:$out:$(runs)" = "0:file /none
note status 1: ImportError: no torch:$i" ]
	done
}

each options

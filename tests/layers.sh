#!/bin/bash
# layers.sh [-v] - checks the include graph: every source file is in a room, and includes only
# headers of its own room and of rooms above it in the list below. So there are no circles
# between rooms. A third-party header is included in one room, the names of files and
# functions are unique, and a static function carries the noun of its file. -v prints the
# graph: each room, its size, and the rooms that it uses.
set -u
cd "$(dirname "$0")/.." || exit 1

# The rooms, lowest first.
rooms='planner/base
planner/why
planner/accelerators
planner/engines
planner/spec
planner/facts
planner/layout
planner/sources
planner/cluster
planner/plan
planner/plan/view
planner/engines/vllm
planner/runtimes
planner/steps
planner/custom
planner/discover
lua
executors/io
executors
executors/ssh
executors/program
executors/session
executors/http
executors/script
executors/run
cmd'

# Third-party headers: PATTERN WHERE-THEY-MAY-BE
homes='yaml\.h planner/spec/yaml\.c
libssh2 executors/ssh/
curl/ executors/(io/loop\.[ch]|http/)
(lua|lauxlib|lualib)\.h lua/
openssl/ planner/base/hash\.c|executors/ssh/
jansson planner/(base|accelerators|spec|facts|layout|sources|cluster|plan|plan/view|custom|discover)/|executors/run/|cmd/
(poll|sys/socket|time|unistd|spawn)\.h lua/|executors/|cmd/'

files=$(find planner executors lua cmd -name '*.[ch]' -o -name '*.def' | sort)
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

# Lines "FILE HEADER" for every include of our headers, then "FILE ROOM" for every file.
# shellcheck disable=SC2086
grep -HoE '^#include "(planner|executors|lua|cmd)/[^"]+"' $files | sed 's/:#include "/ /; s/"$//' >"$tmp/includes"
# shellcheck disable=SC2086
wc -l $files | grep -v ' total$' >"$tmp/sizes"
awk -v rooms="$rooms" -v verbose="${1:-}" '
	function room(file, n) {
		for (sub(/\/[^\/]*$/, "", file); file != "" && !(file in rank); )
			if (!sub(/\/[^\/]*$/, "", file)) return ""
		return file
	}
	BEGIN { n = split(rooms, list, "\n"); for (i = 1; i <= n; i++) rank[list[i]] = i }
	FNR == NR {
		r = room($2)
		if (r == "") { print "layers: " $2 " lies in no room"; bad = 1 }
		lines[r] += $1; count[r]++
		next
	}
	{
		from = room($1); to = room($2)
		if (to == "") { print "layers: " $1 " includes " $2 ", which lies in no room"; bad = 1; next }
		if (rank[to] > rank[from]) {
			print "layers: " $1 " includes " $2 ": " from " is below " to
			bad = 1
		}
		if (from != to) uses[from] = index(uses[from] " ", " " to " ") ? uses[from] : uses[from] " " to
	}
	END {
		for (i = 1; verbose == "-v" && i <= n; i++)
			printf "%-20s %3d files %6d lines  uses%s\n", list[i], count[list[i]], lines[list[i]],
				uses[list[i]] == "" ? " nothing" : uses[list[i]]
		exit bad
	}' "$tmp/sizes" "$tmp/includes" >"$tmp/out"
status=$?
while read -r pattern where; do
	# shellcheck disable=SC2086
	grep -nE "^#include <($pattern)" $files /dev/null | grep -vE "^($where)" |
		sed "s|^|layers: not the home of that header: |" >>"$tmp/homes"
done <<<"$homes"
[ ! -s "$tmp/homes" ] || status=1

# shellcheck disable=SC2086
{
	printf '%s\n' $files | sed 's|.*/||' | sort | uniq -d
	# Two rooms don't have files with the same noun, except that a node script is beside
	# its step.
	find planner executors lua cmd -name '*.[ch]' -o -name '*.sh' |
		sed 's|^\(.*\)/\([^/]*\)\.[a-z]*$|\2 \1|' | sort -u | cut -d' ' -f1 | uniq -d
} | sed 's|^|layers: more than one file is called |' >"$tmp/names"
[ ! -s "$tmp/names" ] || status=1
# A static function starts with the noun of its file, which is the file's name, or the name
# without the word that means the room. The name of a function is unique.
# shellcheck disable=SC2086
awk '
	function defined(name, is_static,   stem, noun) {
		if (name in file) print "layers: " FILENAME ": " name "() is in " file[name] " already"
		file[name] = FILENAME
		stem = FILENAME; sub(/.*\//, "", stem); sub(/\.[ch]$/, "", stem)
		noun = stem; sub(/^[a-z]+_/, "", noun)
		if (is_static && name !~ "^(" stem "|" noun ")(_|$)")
			print "layers: " FILENAME ": static " name "() does not carry the noun of its file"
	}
	/^[a-z_0-9]+\(/ && last !~ /;$/ { name = $0; sub(/\(.*/, "", name); head = last; open = 1 }
	/^static [^=;]*[ *][a-z_0-9]+\([^;]*\) \{ .*\}$/ {
		name = $0; sub(/\(.*/, "", name); sub(/.*[ *]/, "", name); defined(name, 1)
	}
	open && /^\{/ { defined(name, head ~ /^static /) }
	/[;}]$/ || /^\{/ { open = 0 }
	{ last = $0 }' $files >"$tmp/functions"
[ ! -s "$tmp/functions" ] || status=1
cat "$tmp/out" "$tmp/homes" "$tmp/names" "$tmp/functions" 2>/dev/null
exit $status

#!/bin/bash
# golden.sh [NAME...] - runs the golden cases, each of them a file tests/golden/NAME.test:
#
#	# why
#	dray plan -facts facts
#	-- cluster.yaml --
#	cluster: demo
#	...
#	-- facts = ray-running hub.json --
#	-- expected --
#	...
#	exit 0
#
# First comes the script (shell, with `dray` as a command). "-- PATH --" begins a file that it
# finds in its folder. "-- FOLDER = NAME... --" fills a folder of it with copies from tests/facts:
# NAME is a folder there, or a pattern for files. What comes later replaces what came before. The
# last part is what must come of it: stdout and stderr as they came, then the exit code. UPDATE=1
# rewrites that part; read the diff. A case runs in a folder outside of any git checkout.
#
# golden.sh -unpack NAME FOLDER lays out the files of a case, to try it by hand.
set -u
tests=$(cd "$(dirname "$0")" && pwd) || exit 1
DRAY=${DRAY:-${tests%/*}/build/dray}
[ -x "$DRAY" ] || { echo "not ok there is no $DRAY"; echo "golden: 0 passed, 1 failed"; exit 1; }
cases=$tests/golden facts=$tests/facts
workers=4
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
mkdir "$tmp/bin"
ln -s "$DRAY" "$tmp/bin/dray"

# case_copy FOLDER NAME...: what the cases share.
case_copy() {
	local to=$1 name
	shift
	mkdir -p "$to"
	for name; do
		[ ! -d "$facts/$name" ] || name="$name/*"
		# shellcheck disable=SC2086
		cp "$facts"/$name "$to" || return
	done
}

# case_unpack FILE HEAD: the script and the files of a case into this folder; FILE without what
# is expected into HEAD. Fails, with words, when FILE is not a case.
case_unpack() {
	local line name
	[ -f "$1" ] || { echo "there is no file $1"; return 1; }
	exec 3>cmd 4>"$2"
	while IFS= read -r line; do
		printf '%s\n' "$line" >&4
		if [[ $line != '-- '*' --' ]]; then
			printf '%s\n' "$line" >&3
			continue
		fi
		name=${line#-- }
		name=${name% --}
		case $name in
		expected) return 0 ;;
		*' = '*)
			# shellcheck disable=SC2086
			case_copy "${name%% = *}" ${name#* = } || return
			;;
		*)
			[[ $name != */* ]] || mkdir -p "${name%/*}"
			exec 3>"$name"
			;;
		esac
	done <"$1"
	echo "it has no line '-- expected --'"
	return 1
}

# What differs from run to run has no place in a golden file.
settle() { sed -E "s#$tmp/[a-z]+[0-9]*/[a-z]+#TMP#g; s/observed in [0-9.]+ s/observed in 0.00 s/"; }

# case_run NAME FOLDER: says whether what comes of it is what is expected.
case_run() {
	rm -rf "$2" && mkdir -p "$2/case" "$2/home"
	if (cd "$2/case" && case_unpack "$cases/$1.test" "$2/got") >"$2/diff" 2>&1; then
		{
			(cd "$2/case" && exec env -i PATH="$tmp/bin:/usr/bin:/bin" HOME="$2/home" LC_ALL=C \
				TERM=dumb TMPDIR="$2" sh ./cmd) 2>&1 </dev/null
			echo "exit $?"
		} | settle >>"$2/got"
		[ -z "${UPDATE:-}" ] || cp "$2/got" "$1.test"
		diff -u --label "$1.test" --label "what came of it" "$1.test" "$2/got" >"$2/diff" && return
	fi
	echo "not ok golden $1"
	cat "$2/diff"
	return 1
}

# work NUMBER: every so-many-th case, each in a folder and a home of its own.
work() {
	local passed=0 failed=0 i
	for ((i = $1; i < ${#names[@]}; i += workers)); do
		if case_run "${names[i]}" "$tmp/worker$1"; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
	done >"$tmp/$1.log"
	echo "$passed $failed" >"$tmp/$1.count"
}

if [ "${1:-}" = -unpack ]; then
	mkdir -p "$3" && cd "$3" && case_unpack "$cases/$2.test" /dev/null
	exit
fi
cd "$cases" || exit 1
names=()
for name in "${@:-*}"; do
	name=${name%.test}
	for file in ${name#tests/golden/}.test; do names+=("${file%.test}"); done
done
for ((n = 0; n < workers; n++)); do work "$n" & done
wait
cat "$tmp"/?.log
awk '{ p += $1; f += $2 } END { print "golden: " p " passed, " f " failed"; exit f > 0 || !p }' "$tmp"/?.count

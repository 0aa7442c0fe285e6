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

# What the cases ARGV have, all at once, the Nth in the folder TOP and N: its files in case/, and the
# text before what is expected in `got`. With list=1, before that: "FOLDER" or "FOLDER = NAME...".
# shellcheck disable=SC2016
unpack='
function begin(path) { if (out) close(out); out = path; if (!list) printf "" >out }
FNR == 1 {
	if (got && !list) close(got)
	job = top sprintf("%04d", n++); got = job "/got"; done = 0
	if (list) print job "/case\n" job "/home"
	begin(job "/case/cmd")
}
done { next }
!list { print >got }
/^-- .* --$/ {
	name = substr($0, 4, length($0) - 6)
	if (name == "expected") {
		done = 1
	} else if (name ~ / = /) {
		if (list) print job "/case/" name
	} else {
		begin(job "/case/" name)
		if (list && sub(/\/[^\/]*$/, "", name)) print job "/case/" name
	}
	next
}
!list { print >out }'

# cases_unpack TOP NAME...
cases_unpack() {
	local top=$1 name to from files=()
	shift
	for name; do
		if ! grep -qx -e '-- expected --' "$cases/$name.test" 2>/dev/null; then
			echo "not ok golden $name: it is not a case with a line '-- expected --'"
			echo "golden: 0 passed, 1 failed"
			exit 1
		fi
		files+=("$cases/$name.test")
	done
	awk -v list=1 -v top="$top" "$unpack" "${files[@]}" >"$tmp/list" || return
	sed 's/ = .*//' "$tmp/list" | xargs -d '\n' mkdir -p || return
	while read -r to _ from; do
		for name in $from; do
			[ ! -d "$facts/$name" ] || name="$name/*"
			# shellcheck disable=SC2086
			cp "$facts"/$name "$to" || return
		done
	done <"$tmp/list"
	awk -v top="$top" "$unpack" "${files[@]}"
}

# work NUMBER: runs every so-many-th case, each in a folder and a home of its own.
work() {
	local i job
	for ((i = $1; i < ${#names[@]}; i += workers)); do
		printf -v job '%s/job%04d' "$tmp" "$i"
		{
			cd "$job/case" && env -i PATH="$tmp/bin:/usr/bin:/bin" HOME="$job/home" \
				LC_ALL=C TERM=dumb TMPDIR="$job" sh ./cmd
			echo "exit $?"
		} >>"$job/got" 2>&1 </dev/null
	done
}

# case_check JOB NAME: says whether what came of it is what is expected.
case_check() {
	cmp -s "$1/got" "$cases/$2.test" && return
	if [ -n "${UPDATE:-}" ]; then
		cp "$1/got" "$cases/$2.test"
		return
	fi
	echo "not ok golden $2"
	diff -u --label "$2.test" --label "what came of it" "$cases/$2.test" "$1/got"
	return 1
}

if [ "${1:-}" = -unpack ]; then
	cases_unpack "$tmp/job" "$2" && mkdir -p "$3" && cp -a "$tmp/job0000/case/." "$3"
	exit
fi
names=()
cd "$cases" || exit 1
for name in "${@:-*}"; do
	name=${name%.test}
	for file in ${name#tests/golden/}.test; do names+=("${file%.test}"); done
done
cases_unpack "$tmp/job" "${names[@]}" || exit
for ((n = 0; n < workers; n++)); do work "$n" & done
wait
# What differs from run to run has no place in a golden file.
sed -i -E "s#$tmp/job[0-9]*/[a-z]+#TMP#g; s/observed in [0-9.]+ s/observed in 0.00 s/" "$tmp"/job*/got
passed=0 failed=0
for ((n = 0; n < ${#names[@]}; n++)); do
	printf -v job '%s/job%04d' "$tmp" "$n"
	if case_check "$job" "${names[n]}"; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
done
echo "golden: $passed passed, $failed failed"
[ $failed = 0 ] && [ $passed -gt 0 ]

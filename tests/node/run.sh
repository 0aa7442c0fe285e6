#!/bin/bash
# run.sh [FILE...] - the tests of the node side, five at a time. A file that takes long runs once
# for each shell, the longest first: it mostly waits. With TIER=check every file runs with the
# first shell only, and with TIER=more with the others.
cd "$(dirname "$0")" || exit 1
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
shells=
for s in dash bash 'busybox ash'; do
	! command -v "${s%% *}" >/dev/null || shells+=$s$'\n'
done
long='process_test.sh docker_test.sh discover_test.sh serve_test.sh'
# shellcheck disable=SC2086
[ $# -gt 0 ] || set -- $long *_test.sh
# jobs: a line "FILE SHELL" for each run; no SHELL: all of them, one after the other.
jobs=$(printf '%s\n' "${@##*/}" | awk '!seen[$0]++' | while read -r t; do
	case "${TIER-} $long " in
	check*) printf %s "$shells" | sed "1!d; s/^/$t /" ;;
	more*) printf %s "$shells" | sed "1d; s/^/$t /" ;;
	*" $t "*) printf %s "$shells" | sed "s/^/$t /" ;;
	*) echo "$t" ;;
	esac
done)
# These look through all processes of their machine again and again: each has one to itself, if that
# is possible, so that what runs beside it is not searched, too.
alone=
! unshare -mpf --mount-proc true 2>/dev/null || alone='process_test.sh process_others_test.sh serve_test.sh lost_test.sh view_test.sh'
export NODE_TEXTS=$out/.texts
# shellcheck disable=SC2016
bash -c '. ./lib.sh >/dev/null && declare -p PLACES TEXTS >"$1.new" && mv "$1.new" "$1"' texts "$NODE_TEXTS"
# shellcheck disable=SC2016
xargs -P 5 -I '{}' sh -c 'job=$2 file=${2%% *}; export ONLY_SHELL="${job#"$file"}"
	ONLY_SHELL=${ONLY_SHELL# }
	case " $3 " in *" $file "*) apart="unshare -mpf --mount-proc --kill-child" ;; *) apart= ;; esac
	$apart bash "./$file" >"$1/$job" 2>&1' node "$out" '{}' "$alone" <<<"$jobs"
passed=0 failed=0 skipped=0
while read -r job; do
	cat "$out/$job"
	line=$(tail -n 1 "$out/$job")
	if [[ $line =~ ^[a-z_]+:\ ([0-9]+)\ passed,\ ([0-9]+)\ failed,\ ([0-9]+)\ skipped ]]; then
		passed=$((passed + BASH_REMATCH[1])) failed=$((failed + BASH_REMATCH[2]))
		skipped=$((skipped + BASH_REMATCH[3]))
	else
		echo "not ok $job: it did not say what it tested"
		failed=$((failed + 1))
	fi
done <<<"$jobs"
echo "$passed passed, $failed failed, $skipped skipped"
[ $failed = 0 ]

# bench-inside.sh - runs a benchmark where the engine's server runs, in a folder of its own. The
# environment says how:
#	DRAY_DIR    the folder, which is made and removed
#	DRAY_KEY    the variable for the API key, the first line of stdin; empty: there is none
#	DRAY_STALL  seconds without output that are too long
#	DRAY_VENV   the virtual environment that it runs in; empty: none
# The words are its command. It writes result.json. Prints lines "far TEXT" while it runs, then
# "log TEXT" of its last output, "json TEXT" and "end STATUS".
# shellcheck shell=sh disable=SC2154
umask 077
[ -z "$DRAY_VENV" ] || export PATH="$DRAY_VENV/bin:$PATH" VIRTUAL_ENV="$DRAY_VENV"
dir=$DRAY_DIR stall=$DRAY_STALL child=
mkdir "$dir" && cd "$dir" || exit 1
leave() {
	trap '' TERM HUP
	[ -z "$child" ] || kill -TERM "$child" 2>/dev/null
	cd / && rm -rf "$dir"
}
trap leave EXIT
# A second signal in the middle of that would leave the folder behind.
trap 'trap "" TERM HUP; exit 143' TERM HUP
trap '' PIPE # who reads this may be gone first: printf fails then
echo $$ >pid
if [ -n "$DRAY_KEY" ]; then
	IFS= read -r secret && export "$DRAY_KEY=$secret"
	unset secret
fi
unset DRAY_DIR DRAY_KEY DRAY_STALL DRAY_VENV
: >log
"$@" >log 2>&1 </dev/null &
child=$!
quiet=0 size='' slow=
while kill -0 "$child" 2>/dev/null; do
	now=$(wc -c <log)
	[ "$now" = "$size" ] && quiet=$((quiet + 1)) || quiet=0
	size=$now
	if [ "$quiet" -ge "$stall" ]; then
		slow=yes
		kill -TERM "$child" 2>/dev/null
		break
	fi
	printf 'far %s\n' "$(tail -c 600 log | tr '\r' '\n' | grep . | tail -n 1)" || exit 1
	sleep 1
done
wait "$child"
status=$?
child=
tail -c 16384 log | tr '\r' '\n' | grep . | tail -n 40 | sed 's/^/log /'
[ -z "$slow" ] || printf 'log no request ended within %s s\n' "$stall"
[ ! -s result.json ] || { printf 'json %s\n' "$(tr -d '\n' <result.json)"; }
printf 'end %s\n' "$status"

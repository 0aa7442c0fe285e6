#!/bin/bash
# runtime none: processes that are not ours, or that do not say whose they are
# shellcheck disable=SC2015,SC2016,SC2119,SC2143,SC2154,SC2317
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/process_lib.sh"

# The same cluster by another login of the machine, or by this login with another state
# folder: it is named, and never touched.
strangers() {
	local theirs=$ROOM/theirs pid
	program vllm <<<"exec /bin/sh -c 'while :; do /bin/sleep 1; done' marker-$$"
	XDG_STATE_HOME=$theirs up 'rank[n1]' lives no 30 vllm serve /m </dev/null
	is "theirs is up" [ "$rc:$(left | wc -l)" = 0:1 ]
	pid=$(cat "$theirs"/dray/$CLUSTER/*/run/rank@n1/pid)
	observed
	is "it is not ours" lacks "$out" "$(printf 'proc\t')"
	is "whose it is" has "$out" "$(printf 'stranger\trank[n1]\t')"
	is "by uid and folder" has "$out" "$(printf '\t%s\t%s' "$(id -u)@$theirs/dray" "$(id -un)")"
	is "once" [ "$(grep -c ^stranger <<<"$out")" = 1 ]
	up 'rank[n1]' lives no 30 vllm serve /m </dev/null
	is "in the way" has "$rc:$err" "1:'rank[n1]' (pid "
	is "named" has "$err" "of login '$(id -un)' (uid $(id -u), state folder $theirs/dray) runs here"
	down 'rank[n1]'
	is "our down ends nothing of theirs" [ "$rc:$(kill -0 "$pid" && echo lives)" = 0:lives ]
	# Without a mark of its owner, as an earlier version started it: it is ours only by
	# our records.
	XDG_STATE_HOME=$theirs down 'rank[n1]'
	EARLIER=yes up 'rank[n1]' lives no 30 vllm serve /m </dev/null
	rm "$(at rank@n1)/pid"
	observed
	is "its folder names it" has "$out" "$(printf 'proc\trank[n1]\t%s\t' "$(cat "$(at rank@n1)/instance")")"
	mkdir -p "$(dirname "$(dirname "$(at rank@n1)")")/steps"
	printf '{"instance":"%s"}\n' "$(cat "$(at rank@n1)/instance")" >"$(dirname "$(dirname "$(at rank@n1)")")/steps/rank@n1.json"
	rm -r "$(at rank@n1)"
	observed
	is "or its record" has "$out" "$(printf 'proc\trank[n1]\t')"
	rm "$ROOM"/state/dray/$CLUSTER/*/steps/rank@n1.json
	observed
	is "else it is not ours" lacks "$out" "$(printf 'proc\t')"
	is "but somebody's" has "$out" "$(printf '\t%s@\t' "$(id -u)")"
	down 'rank[n1]'
	is "and left alone" [ "$rc:$(many 1)" = 0:1 ]
	# shellcheck disable=SC2046
	kill -9 $(pgrep -f "[d]ray-keeper $ROOM") $(left)
	for _ in {1..300}; do # the last nap of what was killed
		[ -n "$(grep -lsa "DRAY_CLUSTER=$CLUSTER" /proc/[0-9]*/environ)" ] || break
		sleep 0.2
	done
}
# An environment may have any text in it, such as marks that are meant for another process.
spoken_for() {
	local victim liar marks words
	setsid sleep 300 &
	victim=$!
	marks=$(printf 'DRAY_CLUSTER=%s\nDRAY_STEP=rank[n1]\nDRAY_INSTANCE=i\nDRAY_OWNER=%s' $CLUSTER "$(id -u)@$ROOM/state/dray")
	words=$(printf '\n==> /proc/%d/environ <==\n%s\n\001%d\n%s\n' $victim "$marks" $victim "$marks")
	words+=$'\n'/proc/$victim/environ:${marks//$'\n'/$'\n'/proc/$victim/environ:}$'\n'
	env -i DRAY_CLUSTER=$CLUSTER DRAY_STEP=serve DRAY_INSTANCE=j DRAY_OWNER=9@/x DRAY_WORDS="$words" A="$words" setsid sleep 300 &
	liar=$!
	for _ in {1..300}; do
		! grep -qsa DRAY_WORDS /proc/$liar/environ || break
		sleep 0.1
	done
	observed
	is "who says something" has "$out" "$(printf 'stranger\tserve\t%d\t' $liar)"
	is "says it of itself" lacks "$out" "$(printf '\t%d\t' $victim)"
	down 'rank[n1]'
	is "whom it means is not ended" kill -0 $victim
	kill $victim $liar
	wait $victim $liar 2>/dev/null
}
# Of another login's processes only the arguments can be seen: those of the keeper say whose
# they are.
other_login() {
	local user=nobody
	[ "$(id -u)" = 0 ] && command -v setpriv >/dev/null || { echo "SKIP other_login: needs root and setpriv"; return; }
	mkdir -m 777 "$ROOM/nobody"
	program vllm <<<"exec /bin/sh -c 'while :; do /bin/sleep 1; done' marker-$$"
	chmod 755 "$ROOM/venv" "$ROOM/venv/bin"
	up 'rank[n1]' lives no 30 vllm serve /m </dev/null
	is "ours is up" [ $rc = 0 ]
	printf '%s\n' "$(library net container-look gpus-look state whose lockfile process)" "$(text_of observe)" >"$ROOM/look"
	chmod 644 "$ROOM/look"
	# shellcheck disable=SC2086
	out=$(HOME=$ROOM/nobody XDG_STATE_HOME=$ROOM/nobody setpriv --reuid=$user --clear-groups $SH "$ROOM/look" \
		cluster=$CLUSTER head=dray-$CLUSTER-head runtime=none 3>/dev/null)
	is "he sees whose it is" has "$out" "$(printf 'stranger\trank[n1]\t%s\t0@%s\troot' "$(cat "$(at rank@n1)/keeper")" "$ROOM/state/dray")"
	is "and none of his" lacks "$out" "$(printf 'proc\t')"
	down 'rank[n1]'
}
# What cannot be seen has not ended.
unseen() {
	program vllm <<<"exec /bin/sh -c 'while :; do /bin/sleep 1; done' marker-$$"
	up 'rank[n1]' lives no 30 vllm serve /m </dev/null
	printf '#!/bin/sh\ncase $1 in -Haos) exit 2 ;; esac\nexec %s "$@"\n' "$(command -v grep)" >"$ROOM/bin/grep"
	chmod +x "$ROOM/bin/grep"
	mkdir "$(at rank@n1)/../../steps"
	echo '{"phase":"done"}' >"$(at rank@n1)/../../steps/rank@n1.json"
	case $SH in busybox*) ;; *) # whose awk takes its own grep
		down 'rank[n1]'
		is "it is not said to have ended" [ "$rc:$(many 1)" = 1:1 ]
		is "but why not" has "$err" "cannot see the processes of this host"
		observed
		is "a look gives no answer" [ "$rc" = 3 ]
		is "and says why" has "$err" "cannot see the processes of this host"
		;;
	esac
	rm "$ROOM/bin/grep"
	down 'rank[n1]'
	is "then it is ended" [ "$rc:$(many 0)" = 0:0 ]
}
each strangers spoken_for other_login unseen

#!/bin/bash
# process-up.sh, process-down.sh and what looks at processes (runtime none), with a virtual
# environment whose vllm and ray do as the test says
# shellcheck disable=SC2016,SC2317
. "$(dirname "$0")/lib.sh"
CAUSE=$(cat "$KINDS/cause.sh") STATUS=$(cat "$KINDS/ray-status.sh")
PORT=$((20000 + $$ % 20000)) CLUSTER=c$$

# with LIBRARIES NAME ARGS: as node, with state.sh and those scripts before the text.
with() {
	local text='' lib name=$2
	for lib in state $1 "$2"; do text+=$(cat "$KINDS/$lib.sh")$'\n'; done
	shift 2
	text=${text/$'\npatience=60\n'/$'\npatience=5\n'}
	# shellcheck disable=SC2086
	PATH=$ROOM/bin:$PATH $SH -c "$text" "$name" "$@" >"$ROOM/out" 2>"$ROOM/err" 3>"$ROOM/said"
	rc=$?
	out=$(cat "$ROOM/out") err=$(cat "$ROOM/err") said=$(cat "$ROOM/said")
}
program() { # NAME, its text on stdin
	mkdir -p "$ROOM/venv/bin"
	{ echo '#!/bin/sh'; cat; } >"$ROOM/venv/bin/$1"
	chmod +x "$ROOM/venv/bin/$1"
}
up() { # STEP WAIT KEY STALL COMMAND...
	local step=$1 wait=$2 key=$3 stall=$4
	shift 4
	with 'process serve-log' process-up $CLUSTER "$step" "$ROOM/venv" "$wait" "$key" "${TEMP:--}" 0.0.0.0 $PORT "$stall" \
		'{"a":"b\\c"}' "$CAUSE" 2 'HF_HOME=/x y' B=2 "$@"
}
down() { # STEP [NODE]
	with process process-down $CLUSTER "$1" "${2:--}" "${TEMP:--}" - "$ROOM/venv" "$STATUS" "$CAUSE" </dev/null
}
# Where the files of a step are, and what is left of what ran.
at() { echo "$ROOM"/state/dray/$CLUSTER/*/run/"$1"; }
left() { pgrep -f "[m]arker-$$"; }
# many N: how many are left, after some time to become N: the last may still be on its way.
many() {
	local n
	for _ in {1..25}; do
		n=$(left | wc -l)
		[ "$n" != "$1" ] || break
		sleep 0.2
	done
	echo "$n"
}
observed() { with 'net process' observe $CLUSTER - - - - - "${1:--}" dray-$CLUSTER-head none "$ROOM/venv" </dev/null; }

serves() {
	program vllm <<-END
		echo "key \$VLLM_API_KEY hf \$HF_HOME b \$B token \$HF_TOKEN args \$* "
		ls /proc/\$\$/fd >"$ROOM/fds"
		echo 'Loading safetensors checkpoint shards:  64% Completed | 105/163'
		/bin/sleep 1
		exec python3 -m http.server $PORT --directory "$ROOM/marker-$$"
	END
	mkdir -p "$ROOM/marker-$$"
	echo poison-7 >"$ROOM/in"
	HF_TOKEN=poison-8 up serve api key 30 vllm serve /m <"$ROOM/in" 9>"$ROOM/lock"
	is "up" [ $rc = 0 ]
	is "instance" has "$said" "set instance $(cat "$(at serve)/instance")"
	is "progress" has "$said" "progress loading shards 64%"
	is "its environment and words" has "$(cat "$(at serve)/log")" \
		"key poison-7 hf /x y b 2 token  args serve /m "
	is "neither the lock nor the progress line" [ "$(grep -cxE '0|1|2' "$ROOM/fds"):$(grep -xE '3|9' "$ROOM/fds")" = 3: ]
	is "the key is in nobody's words" lacks "$(cat "$(at serve)"/[!l]*)$out$err$said" poison-
	is "inputs" [ "$(cat "$(at serve)/inputs")" = '{"a":"b\\c"}' ]
	observed $PORT
	is "a look finds it" has "$out" "$(printf 'proc\tserve\t%s\t%s\talive\t-\t{"a":"b\\\\\\\\c"}' \
		"$(cat "$(at serve)/instance")" "$(cat "$(at serve)/pid")")"
	is "and that the port is ours" has "$out" "dray-$CLUSTER-serve"
	with process process-guard $CLUSTER serve "$(cat "$(at serve)/instance")" </dev/null
	is "guarded" [ $rc = 0 ]
	with process process-guard $CLUSTER serve other </dev/null
	is "guarded by identity" has "$rc:$err" "1:serve is not the process this apply started"
	down serve n1
	is "down" [ "$rc:$(left)" = 0: ]
	is "its log is kept" has "$said" "set note its log until now is n1:$ROOM/state/dray"
	is "its files are not" [ ! -e "$(at serve)" ]
	observed
	is "no trace of it" lacks "$out" "$(printf 'proc\t')"
	down serve
	is "down twice" [ $rc = 0 ]
}
dies() {
	program vllm <<-'END'
		echo '(Worker pid=34) ERROR 11-22 20:22:11 [multiproc_executor.py:953] RuntimeError: Cannot find any model weights with `/m`'
		echo '(APIServer pid=1) RuntimeError: Engine core initialization failed. See root cause above. Failed core proc(s): {}'
		exit 3
	END
	up serve api no-key 30 vllm serve /m </dev/null
	is "the cause is the first line" [ "${err%%$'\n'*}" = 'vllm serve ended with status 3: RuntimeError: Cannot find any model weights with `/m`' ]
	is "failed" [ $rc = 1 ]
	observed
	is "a look sees it dead" has "$out" "$(printf 'dead\t3\t')"
	with process process-blame $CLUSTER serve "$CAUSE" </dev/null
	is "blame" has "$out" 'Z serve ended with status 3'
	program vllm <<<'echo one line; exec /bin/sleep 60'
	up serve api no-key 2 vllm serve "marker-$$" </dev/null
	is "silence is not endless" has "$rc:$err" "1:vllm serve said nothing for 2s"
	program vllm <<<'exit 0'
	up 'rank[n1]' rank no-key 2 nonsense serve /m </dev/null
	is "no such program" has "$rc:$err" "1:there is no nonsense in '$ROOM/venv/bin'"
	down serve
	is "and is ended" [ "$rc:$(left)" = 0: ]
	down 'rank[n1]'
}
# What hangs on the engine goes with it: deaf children, children of ended children, those
# in sessions of their own, those who wiped out their environment.
stubborn() {
	program vllm <<-END
		trap '' TERM
		/bin/sh -c 'while :; do /bin/sleep 1; done' marker-$$-child &
		(setsid /bin/sh -c 'while :; do /bin/sleep 1; done' marker-$$-session &)
		env -i setsid /bin/sh -c 'while :; do /bin/sleep 1; done' marker-$$-bare &
		exec python3 -m http.server $PORT --directory "$ROOM/marker-$$"
	END
	mkdir -p "$ROOM/marker-$$"
	up serve api no-key 30 vllm serve /m </dev/null
	is "up" [ "$rc:$(many 4)" = 0:4 ]
	# A second one takes the place of the first.
	up serve api no-key 30 vllm serve /m </dev/null
	is "up again: one copy" [ "$rc:$(many 4)" = 0:4 ]
	down serve
	is "killed, all of it" [ "$rc:$(left)" = 0: ]
	is "and told so" has "$said" "progress killing serve"
}
# What it leaves in its $TMPDIR goes with it; a login's own $TMPDIR is the login's.
temp() {
	local TEMP=/tmp/dray-test-$$-rank
	program vllm <<<"echo left >\"\$TMPDIR/socket-$$\"; exec /bin/sh -c 'while :; do /bin/sleep 1; done' marker-$$"
	TMPDIR='' up 'rank[n1]' rank no-key 30 vllm serve /m </dev/null
	is "its own folder" [ "$rc:$(stat -c %a "$TEMP"):$(cat "$TEMP/socket-$$")" = 0:700:left ]
	down 'rank[n1]'
	is "is gone with it" [ "$rc:$(ls -d "$TEMP" 2>&1)" = "0:ls: cannot access '$TEMP': No such file or directory" ]
	mkdir "$ROOM/scratch"
	TMPDIR=$ROOM/scratch up 'rank[n1]' rank no-key 30 vllm serve /m </dev/null
	is "the login's" [ "$(cat "$ROOM/scratch/socket-$$")" = left ]
	down 'rank[n1]'
	is "stays" [ "$rc:$(cat "$ROOM/scratch/socket-$$")" = 0:left ]
}
# Shared memory that it does not take away itself goes with it, but for what others use.
shared() {
	local shm=/dev/shm/dray-test-$$ other
	cat >"$ROOM/map.py" <<-'END'
		import mmap, sys, time
		maps = []
		for name in sys.argv[2:]:
		    with open(name, "a+b") as f:
		        f.truncate(4096)
		        maps.append(mmap.mmap(f.fileno(), 4096))
		open(sys.argv[1], "w").close()
		time.sleep(600)
	END
	python3 "$ROOM/map.py" "$ROOM/other" "$shm-other" &
	other=$!
	program vllm <<<"exec python3 '$ROOM/map.py' '$ROOM/mapped' '$shm-tp:0-[0-1] own' '$shm-other' marker-$$"
	up 'rank[n1]' rank no-key 30 vllm serve /m </dev/null
	for _ in 1 2 3 4 5 6 7 8 9 10; do [ -e "$ROOM/mapped" ] && [ -e "$ROOM/other" ] && break; sleep 0.5; done
	is "both are there" [ "$rc:$(echo "$shm"*)" = "0:$shm-other $shm-tp:0-[0-1] own" ]
	down 'rank[n1]'
	is "its own is gone" [ "$rc:$(echo "$shm"*)" = "0:$shm-other" ]
	kill "$other"
	rm -f "$shm"*
}
# After a lost connection: a rank that is up is waited for, all else begins anew.
again() {
	program vllm <<<"exec /bin/sh -c 'while :; do /bin/sleep 1; done' marker-$$"
	up 'rank[n1]' rank no-key 30 vllm serve /m </dev/null
	local first
	first=$(cat "$(at rank@n1)/instance")
	up 'rank[n1]' rank no-key 30 vllm serve /m </dev/null
	is "the same rank" [ "$rc:$(cat "$(at rank@n1)/instance"):$(left | wc -l)" = "0:$first:1" ]
	is "and told so" has "$said" "set instance $first"
	printf 'others\n' >"$(at rank@n1)/inputs"
	up 'rank[n1]' rank no-key 30 vllm serve /m </dev/null
	is "with other inputs: another one" [ "$(cat "$(at rank@n1)/instance")" != "$first" ]
	is "one copy" [ "$rc:$(left | wc -l)" = 0:1 ]
	down 'rank[n1]'
}
# The one who keeps the status is killed: the engine lives on, known and ended as before.
orphaned() {
	program vllm <<-END
		/bin/sh -c 'while :; do /bin/sleep 1; done' marker-$$-child &
		exec /bin/sh -c 'while :; do /bin/sleep 1; done' marker-$$
	END
	up 'rank[n1]' rank no-key 30 vllm serve /m </dev/null
	is "up" [ "$rc:$(many 2)" = 0:2 ]
	kill -9 "$(cat "$(at rank@n1)/keeper")"
	observed
	is "still alive" has "$out" "$(printf 'proc\trank[n1]\t%s\t%s\talive' "$(cat "$(at rank@n1)/instance")" "$(cat "$(at rank@n1)/pid")")"
	kill -9 "$(cat "$(at rank@n1)/pid")"
	/bin/sleep 0.2
	observed
	is "dead, no status" has "$out" "$(printf 'dead\t-\t')"
	down 'rank[n1]'
	is "its children are ended" [ "$rc:$(left)" = 0: ]
}
# A record of files is no proof: pids come again, and files get lost.
mistaken() {
	program vllm <<<"exec /bin/sh -c 'while :; do /bin/sleep 1; done' marker-$$"
	setsid /bin/sh -c 'while :; do /bin/sleep 1; done' "stranger-$$" &
	local stranger=$! dir
	up serve rank no-key 30 vllm serve /m </dev/null
	dir=$(at serve)
	cp -r "$dir" "$ROOM/kept"
	rm -rf "$dir"
	observed
	is "without files: ours by its environment" has "$out" "$(printf 'proc\tserve\t%s\t' "$(cat "$ROOM/kept/instance")")"
	down serve
	is "and ended" [ "$rc:$(left)" = 0: ]
	mkdir -p "$dir"
	cp "$ROOM/kept"/* "$dir"
	echo "$stranger" >"$dir/pid"
	observed
	is "another process has the pid now" has "$out" "$(printf '%s\tdead\t-' "$stranger")"
	echo "$(cut -d' ' -f22 "/proc/$stranger/stat") $(cat /proc/sys/kernel/random/boot_id)" >"$dir/start"
	observed
	is "even begun at the same tick" has "$out" "$(printf '%s\tdead\t-' "$stranger")"
	down serve
	is "it is left alone" [ "$rc" = 0 ]
	is "and lives" kill -0 "$stranger"
	mkdir -p "$dir"
	cp "$ROOM/kept"/* "$dir"
	echo "$$" >"$dir/pid"
	echo "$(cut -d' ' -f22 "/proc/$$/stat") 0000-another-boot" >"$dir/start"
	observed
	is "another boot" has "$out" "$(printf '%s\tdead\tboot' "$$")"
	kill -9 "$stranger"
	wait "$stranger" 2>/dev/null
	rm -rf "$dir"
}
ray() {
	local TEMP=/tmp/dray-test-$$
	program ray <<-END
		[ "\$1" = start ] || exit 1
		echo 'Ray runtime started.'
		exec /bin/sh -c 'while :; do /bin/sleep 1; done' marker-$$
	END
	up 'head[n1]' ray no-key 30 ray start --head --temp-dir="$TEMP" </dev/null
	is "up" [ "$rc:$(stat -c %a "$TEMP")" = 0:700 ]
	down 'head[n1]'
	is "down" [ "$rc:$(left)" = 0: ]
	is "Ray's folder is gone" [ ! -e "$TEMP" ]
	ln -s "$ROOM" "$TEMP"
	up 'head[n1]' ray no-key 30 ray start --head --temp-dir="$TEMP" </dev/null
	is "a trap in /tmp" has "$rc:$err" "1:'$TEMP' belongs to somebody else"
	rm -f "$TEMP"
	program ray <<<'echo "RuntimeError: Version mismatch: The cluster was started with: x"; exit 1'
	up 'worker[n2]' ray no-key 30 ray start --address=x </dev/null
	is "explained" has "$rc:$err" "1:Ray or Python differ between the nodes:"
	down 'worker[n2]'
}
# Images of machines leave /etc/machine-id empty: then it is the name of the host.
nameless() {
	local cat
	case $SH in busybox*) return ;; esac # its cat is its own
	cat=$(command -v cat)
	printf '#!/bin/sh\ncase $1 in */machine-id) exit 0 ;; esac\nexec %s "$@"\n' "$cat" >"$ROOM/bin/cat"
	chmod +x "$ROOM/bin/cat"
	program vllm <<<"exec /bin/sh -c 'while :; do /bin/sleep 1; done' marker-$$"
	up 'rank[n1]' rank no-key 30 vllm serve /m </dev/null
	is "up" [ -s "$ROOM/state/dray/$CLUSTER/$(hostname)/run/rank@n1/pid" ]
	down 'rank[n1]'
	is "down" [ "$rc:$(left)" = 0: ]
}
each serves dies stubborn temp shared again orphaned mistaken ray nameless

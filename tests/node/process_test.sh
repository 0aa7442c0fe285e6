#!/bin/bash
# process-up.sh, process-down.sh and what looks at processes (runtime none)
# shellcheck disable=SC2015,SC2016,SC2143,SC2154,SC2317
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/process_lib.sh"

serves() {
	program vllm <<-END
		echo "key \$VLLM_API_KEY hf \$HF_HOME b \$B token \$HF_TOKEN args \$* "
		ls /proc/\$\$/fd >"$ROOM/fds"
		echo 'Loading safetensors checkpoint shards:  64% Completed | 105/163'
		for i in \$(seq 600); do
			! grep -q 64% "$ROOM/said" || break
			/bin/sleep 0.1
		done
		exec python3 -m http.server $PORT --directory "$ROOM/marker-$$"
	END
	mkdir -p "$ROOM/marker-$$"
	echo poison-7 >"$ROOM/in"
	HF_TOKEN=poison-8 up serve answers key 30 vllm serve /m <"$ROOM/in" 9>"$ROOM/lock"
	is "up" [ $rc = 0 ]
	is "instance" has "$said" "set instance $(cat "$(at serve)/instance")"
	is "progress" has "$said" "progress loading shards 64%"
	is "its environment and words" has "$(cat "$(at serve)/log")" \
		"key poison-7 hf /x y b 2 token  args serve /m "
	is "neither the lock nor the progress line" [ "$(grep -cxE '0|1|2' "$ROOM/fds"):$(grep -xE '3|9' "$ROOM/fds")" = 3: ]
	is "the key is in nobody's words" lacks "$(cat "$(at serve)"/[!l]*)$out$err$said" poison-
	is "inputs" [ "$(cat "$(at serve)/inputs")" = '{"a":"b\\c"}' ]
	one=$(cat "$(at serve)/instance")
	AWAIT=$one up serve answers no 30 vllm serve /m </dev/null
	is "what an earlier apply started is waited for" has "$rc:$said" "0:set instance $one"
	is "it stays the same" [ "$(cat "$(at serve)/instance")" = "$one" ]
	AWAIT=other up serve answers no 30 vllm serve /m </dev/null
	is "but nothing else" has "$rc:$err" "1:serve is not the one that was to be waited for"
	observed $PORT
	is "a look finds it" has "$out" "$(printf 'proc\tserve\t%s\t%s\talive\t-\t{"a":"b\\\\\\\\c"}' \
		"$(cat "$(at serve)/instance")" "$(cat "$(at serve)/pid")")"
	is "and that the port is ours" has "$out" "dray-$CLUSTER-serve"
	if command -v ss >/dev/null; then
		# As where it forked just now, and the child shares its socket or did so until it ended.
		printf '#!/bin/sh\n%s "$@" | sed "s/users:(/&(child,pid=4194300,fd=3),(child,pid=%s,fd=3),/"\n' \
			"$(command -v ss)" $$ >"$ROOM/bin/ss"
		chmod +x "$ROOM/bin/ss"
		observed $PORT
		rm "$ROOM/bin/ss"
		is "also when others have it, too" grep -qE \
			"^port	$PORT	$(cat "$(at serve)/pid")	.*	dray-$CLUSTER-serve\$" <<<"$out"
	fi
	with process process-guard cluster=$CLUSTER step=serve instance="$(cat "$(at serve)/instance")" </dev/null
	is "guarded" [ $rc = 0 ]
	with process process-guard cluster=$CLUSTER step=serve instance=other </dev/null
	is "guarded by identity" has "$rc:$err" "1:serve is not the process this apply started"
	printf '%s\n' 'a:1:2 [0] NCCL INFO NET/Socket : Using [0]eth0:10.0.0.1<0>' 'a:1:2 [0] NCCL INFO Using network Socket' \
		>>"$(at serve)/log"
	with process transport cluster=$CLUSTER step=serve </dev/null
	is "how NCCL talks" has "$rc:$said" "0:set note NCCL talks over TCP sockets: eth0:10.0.0.1"
	with process transport cluster=$CLUSTER step=other </dev/null
	is "nothing of a step that is not there" [ "$rc:$said" = 0: ]
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
	up serve answers no 30 vllm serve /m </dev/null
	is "the first line says what happened" [ "${err%%$'\n'*}" = 'vllm serve ended with status 3' ]
	is "failed" [ $rc = 1 ]
	observed
	is "a look sees it dead" has "$out" "$(printf 'dead\t3\t')"
	with 'process end-of-file' process-diagnose cluster=$CLUSTER step=serve lines=1 bytes=1000 </dev/null
	is "a report" has "$out" 'Z process of serve: ended with status 3'
	is "with the end of its log" has "$out" $'\n|(APIServer pid=1) RuntimeError: Engine core'
	is "and no more of it" lacks "$out" "Cannot find"
	echo yes >"$(at serve)/oom"
	with 'process end-of-file' process-diagnose cluster=$CLUSTER step=serve lines=1 bytes=1000 </dev/null
	is "the kernel killed something" has "$out" 'ended with status 3, out of memory'
	printf 'one\ntwo\nthr' >"$(at serve)/log"
	for row in '0 11 one,two,thr,cut' '4 11 two,thr,cut' '11 11 ' '99 11 one,two,thr,cut' ' 11 one,two,thr,cut'; do
		IFS=' ' read -r from end lines <<<"${row/# /- }"
		with 'process end-of-file' process-diagnose cluster=$CLUSTER step=serve lines=9 bytes=999 from="${from#-}" </dev/null
		is "what was added since '$from'" [ "$(sed '1,/^log serve/d; /^$/d; s/^|//' <<<"$out" | tr '\n' ,)" = "end $end,${lines:+$lines,}" ]
	done
	with 'process end-of-file' process-diagnose cluster=$CLUSTER step=serve lines=9 bytes=4 from=0 </dev/null
	is "no more than so many bytes" [ "$(sed '1,/^log serve/d' <<<"$out")" = $'end 4\n|one' ]
	program vllm <<<'echo one line; exec /bin/sleep 60'
	up serve answers no 2 vllm serve "marker-$$" </dev/null
	is "silence is not endless" has "$rc:$err" "1:vllm serve said nothing for 2s"
	program vllm <<<'exit 0'
	up 'rank[n1]' lives no 2 nonsense serve /m </dev/null
	is "no such program" has "$rc:$err" "1:there is no nonsense in '$ROOM/venv/bin'"
	down serve
	is "and is ended" [ "$rc:$(left)" = 0: ]
	down 'rank[n1]'
}
# What depends on the engine ends with it: children that ignore signals, children of ended
# children, those in their own sessions, those that cleared their environment.
stubborn() {
	program vllm <<-END
		trap '' TERM
		/bin/sh -c 'while :; do /bin/sleep 1; done' marker-$$-child &
		(setsid /bin/sh -c 'while :; do /bin/sleep 1; done' marker-$$-session &)
		env -i setsid /bin/sh -c 'while :; do /bin/sleep 1; done' marker-$$-bare &
		exec python3 -m http.server $PORT --directory "$ROOM/marker-$$"
	END
	mkdir -p "$ROOM/marker-$$"
	up serve answers no 30 vllm serve /m </dev/null
	is "up" [ "$rc:$(many 4)" = 0:4 ]
	# A second one replaces the first.
	up serve answers no 30 vllm serve /m </dev/null
	is "up again: one copy" [ "$rc:$(many 4)" = 0:4 ]
	down serve
	is "killed, all of it" [ "$rc:$(left)" = 0: ]
	is "and told so" has "$said" "progress killing serve"
}
# Files in its own $TMPDIR are removed with it; the login's $TMPDIR is left alone.
temp() {
	local TEMP
	program vllm <<<"echo left >\"\$TMPDIR/socket-$$\"; exec /bin/sh -c 'while :; do /bin/sleep 1; done' marker-$$"
	TMPDIR='' up 'rank[n1]' lives no 30 vllm serve /m </dev/null
	TEMP=$(cat "$(at rank@n1)/temp")
	is "its own folder, that nobody could know" has "$TEMP" /tmp/dray-
	is "holds it" [ "$rc:$(stat -c %a "$TEMP"):$(cat "$TEMP/socket-$$")" = 0:700:left ]
	mkdir -p "$ROOM/kept" && echo "$TEMP" >"$ROOM/kept/first"
	TMPDIR='' up 'rank[n1]' lives no 30 vllm serve /m --other </dev/null
	is "the same rank goes on in it" [ "$(cat "$(at rank@n1)/temp")" = "$TEMP" ]
	echo others >"$(at rank@n1)/inputs"
	TMPDIR='' up 'rank[n1]' lives no 30 vllm serve /m </dev/null
	is "another one has another" [ "$(cat "$(at rank@n1)/temp")" != "$TEMP" ]
	is "and the first one's is gone" [ ! -e "$TEMP" ]
	TEMP=$(cat "$(at rank@n1)/temp")
	down 'rank[n1]'
	is "is gone with it" [ "$rc:$(ls -d "$TEMP" 2>&1)" = "0:ls: cannot access '$TEMP': No such file or directory" ]
	# If all records of it are lost, its processes still identify it.
	TMPDIR='' up 'rank[n1]' lives no 30 vllm serve /m </dev/null
	TEMP=$(cat "$(at rank@n1)/temp")
	rm -rf "$(at rank@n1)"
	down 'rank[n1]'
	is "is gone with it, records or not" [ "$rc:$(ls -d "$TEMP" 2>&1)" = "0:ls: cannot access '$TEMP': No such file or directory" ]
	mkdir "$ROOM/scratch"
	TMPDIR=$ROOM/scratch up 'rank[n1]' lives no 30 vllm serve /m </dev/null
	is "the login's" [ "$(cat "$ROOM/scratch/socket-$$")" = left ]
	down 'rank[n1]'
	is "stays" [ "$rc:$(cat "$ROOM/scratch/socket-$$")" = 0:left ]
}
# Shared memory that it does not remove itself is removed, except what others use.
shared() {
	local shm other # (Each shell is tried in a pid namespace of its own, where $$ is the same.)
	shm=$(mktemp -u /dev/shm/dray-test-XXXXXXXX)
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
	up 'rank[n1]' lives no 30 vllm serve /m </dev/null
	for _ in {1..300}; do [ -e "$ROOM/mapped" ] && [ -e "$ROOM/other" ] && break; sleep 0.2; done
	is "both are there" [ "$rc:$(echo "$shm"*)" = "0:$shm-other $shm-tp:0-[0-1] own" ]
	down 'rank[n1]'
	is "its own is gone" [ "$rc:$(echo "$shm"*)" = "0:$shm-other" ]
	kill "$other"
	rm -f "$shm"*
}
# After a lost connection: a rank that is up is waited for, everything else starts again.
again() {
	program vllm <<<"exec /bin/sh -c 'while :; do /bin/sleep 1; done' marker-$$"
	up 'rank[n1]' lives no 30 vllm serve /m </dev/null
	local first
	first=$(cat "$(at rank@n1)/instance")
	up 'rank[n1]' lives no 30 vllm serve /m </dev/null
	is "the same rank" [ "$rc:$(cat "$(at rank@n1)/instance"):$(left | wc -l)" = "0:$first:1" ]
	is "and told so" has "$said" "set instance $first"
	printf 'others\n' >"$(at rank@n1)/inputs"
	up 'rank[n1]' lives no 30 vllm serve /m </dev/null
	is "with other inputs: another one" [ "$(cat "$(at rank@n1)/instance")" != "$first" ]
	is "one copy" [ "$rc:$(left | wc -l)" = 0:1 ]
	down 'rank[n1]'
}
# The process that keeps the status is killed: the engine lives on, and is known and ended as
# before.
orphaned() {
	local pid
	program vllm <<-END
		/bin/sh -c 'while :; do /bin/sleep 1; done' marker-$$-child &
		exec /bin/sh -c 'while :; do /bin/sleep 1; done' marker-$$
	END
	up 'rank[n1]' lives no 30 vllm serve /m </dev/null
	is "up" [ "$rc:$(many 2)" = 0:2 ]
	kill -9 "$(cat "$(at rank@n1)/keeper")"
	observed
	is "still alive" has "$out" "$(printf 'proc\trank[n1]\t%s\t%s\talive' "$(cat "$(at rank@n1)/instance")" "$(cat "$(at rank@n1)/pid")")"
	pid=$(cat "$(at rank@n1)/pid")
	kill -9 "$pid"
	for _ in {1..300}; do
		[ -e "/proc/$pid" ] || break
		sleep 0.1
	done
	observed
	is "dead, no status" has "$out" "$(printf 'dead\t-\t')"
	down 'rank[n1]'
	is "its children are ended" [ "$rc:$(left)" = 0: ]
}
# Its first process is killed, and what is left has no mark: one of it has another environment, one
# has none, one is in a session of its own. A down that comes at once ends all of it, with the
# keeper or without.
bereft() {
	local keeper=$1 pid
	program vllm <<-END
		env -i A=1 /bin/sh -c 'while :; do /bin/sleep 1; done' marker-$$-bare &
		env -i /bin/sh -c 'while :; do /bin/sleep 1; done' marker-$$-title &
		env -i setsid /bin/sh -c 'while :; do /bin/sleep 1; done' marker-$$-session &
		exec python3 -m http.server $PORT --directory "$ROOM/marker-$$"
	END
	mkdir -p "$ROOM/marker-$$"
	up serve answers no 30 vllm serve /m </dev/null
	is "up" [ "$rc:$(many 4)" = 0:4 ]
	pid=$(cat "$(at serve)/pid")
	# shellcheck disable=SC2046
	kill -9 "$pid" $([ -z "$keeper" ] || cat "$(at serve)/keeper")
	down serve
	is "all of it is ended${keeper:+, without a keeper}" [ "$rc:$(left)" = 0: ]
	pkill -9 -f "[m]arker-$$"
}
bereft_all() {
	bereft ''
	bereft yes
}
# Of what runs below the first process of a step that is up, a look tells how much has a title of
# the engine.
looked() {
	local step
	cat >"$ROOM/titles.py" <<-'END'
		import subprocess, sys, time
		first, *rest = sys.argv[1:]
		for title in rest:
		    subprocess.Popen([title, "-c", "import time; time.sleep(600)"], executable=sys.executable, env={})
		open(first, "w").close()
		time.sleep(600)
	END
	program vllm <<<"exec python3 '$ROOM/titles.py' '$ROOM/there' VLLM::EngineCore VLLM::Worker_TP0 VLLM::Worker_TP1 other marker-$$"
	up 'rank[n1]' lives no 30 vllm serve /m </dev/null
	for _ in {1..300}; do [ ! -e "$ROOM/there" ] || break; sleep 0.1; done
	see() {
		with 'net container-look gpus-look process' observe cluster=$CLUSTER head=dray-$CLUSTER-head runtime=none \
			venv="$ROOM/venv" worker_title=VLLM::Worker core_title=VLLM::EngineCore </dev/null
	}
	see
	is "nothing of one that no apply saw up" lacks "$out" $'\ntree\t'
	step=$(dirname "$(dirname "$(at rank@n1)")")/steps
	mkdir -p "$step" && echo '{"phase":"done"}' >"$step/rank@n1.json"
	see
	is "all of it" has "$out" $'\ntree\trank[n1]\t5\t2\t1\n'
	# shellcheck disable=SC2046
	kill -9 $(pgrep -P "$(cat "$(at rank@n1)/pid")" -f '^VLLM::Worker_TP1')
	see
	is "without a worker" has "$out" $'\ntree\trank[n1]\t4\t1\t1\n'
	: >"$(at rank@n1)/parts"
	# shellcheck disable=SC2046
	kill -9 $(pgrep -P "$(cat "$(at rank@n1)/pid")")
	see
	is "nothing of one that never had any" lacks "$out" $'\ntree\t'
	echo 1 >"$(at rank@n1)/parts"
	see
	is "without all that it had" has "$out" $'\ntree\trank[n1]\t0\t0\t0\n'
	down 'rank[n1]'
	is "down" [ "$rc:$(left)" = 0: ]
}
# Without containers the coordinator is asked where the server found it.
coordinator() {
	local inputs='{"a":"b","env.RAY_ADDRESS":"10.0.0.1:6379"}'
	program vllm <<<"exec /bin/sh -c 'while :; do /bin/sleep 1; done' marker-$$"
	program ray <<<"[ \"\$1 \$RAY_ADDRESS\" = 'status 10.0.0.1:6379' ] && cat '$ROOM/status'"
	printf '======== Autoscaler status: x\nActive:\n 1 node_a\nUsage:\n 1.0/2.0 GPU\n' >"$ROOM/status"
	up serve lives no 30 vllm serve /m </dev/null
	mkdir -p "$(dirname "$(dirname "$(at serve)")")/steps"
	echo '{"phase":"done"}' >"$(dirname "$(dirname "$(at serve)")")/steps/serve.json"
	see() {
		with 'net container-look gpus-look process' observe cluster=$CLUSTER head=dray-$CLUSTER-head runtime=none \
			venv="$ROOM/venv" status_command='ray status' status_sh="$STATUS" </dev/null
	}
	see
	is "nowhere to ask" lacks "$out" $'\ncoordinator\t'
	echo "$inputs" >"$(at serve)/inputs"
	see
	is "it is asked" has "$out" $'\ncoordinator\t1\t1\t2\nend'
	is "and the server's processes are counted" has "$out" $'\ntree\tserve\t'
	echo "${inputs/10.0.0.1/10.0.0.1 x}" >"$(at serve)/inputs"
	see
	is "nowhere that is no address" lacks "$out" $'\ncoordinator\t'
	down serve
}
# A file with a pid is no proof: pids are reused, and files get lost.
mistaken() {
	program vllm <<<"exec /bin/sh -c 'while :; do /bin/sleep 1; done' marker-$$"
	setsid /bin/sh -c 'while :; do /bin/sleep 1; done' "stranger-$$" &
	local stranger=$! dir
	up serve lives no 30 vllm serve /m </dev/null
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
	local temp FORMER
	FORMER=$(mktemp -u /tmp/dray-formerXXXXXXXX)
	program ray <<-END
		[ "\$1" = start ] || exit 1
		for w; do case \$w in --temp-dir=*) : >"\${w#*=}/session" ;; esac; done
		echo 'Ray runtime started.'
		exec /bin/sh -c 'while :; do /bin/sleep 1; done' marker-$$
	END
	# What an earlier version left there is removed; what is not a folder of this login
	# stays.
	mkdir "$FORMER"
	up 'head[n1]' joined no 30 ray start --head --temp-dir= --x </dev/null
	temp=$(cat "$(at head@n1)/temp")
	is "up" [ "$rc:$(stat -c %a "$temp"):$(ls "$temp")" = 0:700:session ]
	down 'head[n1]'
	is "down" [ "$rc:$(left)" = 0: ]
	is "Ray's folder is gone" [ ! -e "$temp" ]
	is "and that of an earlier version" [ ! -e "$FORMER" ]
	ln -s "$ROOM" "$FORMER"
	up 'head[n1]' joined no 30 ray start --head --temp-dir= </dev/null
	down 'head[n1]'
	is "nobody can be there first" [ "$rc:$(readlink "$FORMER")" = "0:$ROOM" ]
	rm -f "$FORMER"
	# A worker's Ray has its files where the head's has them: its own arguments tell
	# where.
	temp=$(mktemp -d /tmp/dray-XXXXXXXX)
	program ray <<-END
		echo 'Ray runtime started.'
		/bin/sh -c 'while :; do /bin/sleep 1; done' marker-$$ --session_dir=$temp/session_1 &
		exec /bin/sh -c 'while :; do /bin/sleep 1; done' marker-$$
	END
	up 'worker[n2]' joined no 30 ray start --address=x </dev/null
	down 'worker[n2]'
	is "the worker's too" [ "$rc:$(ls -d "$temp" 2>/dev/null)" = 0: ]
	program ray <<<'echo "RuntimeError: Version mismatch: The cluster was started with: x"; exit 1'
	up 'worker[n2]' joined no 30 ray start --address=x </dev/null
	is "explained" has "$rc:$err" "1:Ray or Python differ between the nodes:"
	down 'worker[n2]'
}
# Machine images leave /etc/machine-id empty: then the name of the host is used.
nameless() {
	local NAMELESS=yes
	: >"$ROOM/machine-id"
	program vllm <<<"exec /bin/sh -c 'while :; do /bin/sleep 1; done' marker-$$"
	up 'rank[n1]' lives no 30 vllm serve /m </dev/null
	is "up" [ -s "$ROOM/state/dray/$CLUSTER/$(hostname)/run/rank@n1/pid" ]
	down 'rank[n1]'
	is "down" [ "$rc:$(left)" = 0: ]
}
each serves dies stubborn temp shared again orphaned bereft_all looked coordinator mistaken ray nameless

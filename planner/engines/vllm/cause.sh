# cause.sh - reads a log of vLLM, Ray or docker on stdin, and prints the first lines that name a
# cause, at most three: the last line of a log is never the cause. A line that begins with its
# time, as `docker logs -t` writes it, keeps it.
# shellcheck shell=sh
exec awk '
{
	at = ""
	if (match($0, /^20[0-9]+-[0-9]+-[0-9]+T[0-9:.]+Z /)) {
		at = substr($0, 1, RLENGTH)
		$0 = substr($0, RLENGTH + 1)
	}
	gsub(/\033\[[0-9;]*[A-Za-z]/, "")
	sub(/\r$/, "")
	line = $0
	sub(/.*\r/, "", line)
	# Prefixes of ranks and loggers: "(Worker_TP1 pid=34, ip=...) ERROR 11-22
	# 20:30:53 [core.py:1510] ", and what multi-line messages add.
	while (sub(/^\([A-Za-z_]+[A-Za-z0-9_ ]* pid=[0-9]+[^)]*\) */, "", line)) {}
	level = ""
	if (match(line, /^(ERROR|WARNING|INFO|CRITICAL) [0-9]+-[0-9]+ [0-9:]+ \[[^]]*\] ?/)) {
		level = substr(line, 1, index(line, " ") - 1)
		line = substr(line, RLENGTH + 1)
	}
	text = line
	sub(/^[ |]+/, "", text)
}
function say(what) {
	if (what in told || count >= 3) return
	told[what] = 1
	count++
	print at substr(what, 1, 600)
}
# Processes that only report that another one failed.
text ~ /Engine core initialization failed|EngineDeadError|See stack trace above|See root cause above|WorkerProc initialization failed due to an exception|EngineCore encountered|EngineCore failed to start|please check the stack trace above|ActorDiedError|leaked (shared_memory|semaphore)|The actor died unexpectedly/ { next }
level == "INFO" { next }
# An exception without a message in its own line has it in the next one.
bare != "" && text == "" { next }
bare != "" { text = bare " " text; bare = "" }
text ~ /^[A-Za-z]+(Error|Exception): *$/ { bare = text; sub(/ *$/, "", bare); next }
text ~ /^Value error, / { say(text); next }
text ~ /^(vllm|api_server\.py|usage)[a-z ]*: error: / { say(text); next }
text ~ /^assert / { assertion = text }
text ~ /^([A-Za-z_][A-Za-z0-9_]*\.)*[A-Z][A-Za-z0-9]*(Error|Exception|Exit|NotFound)(: |:$|$)/ {
	if (text ~ /^([a-z_.]*)?(AssertionError|Exception)$/) {
		if (assertion != "") say(assertion)
		next
	}
	if (text ~ /ValidationError: [0-9]+ validation error/) next
	say(text)
	next
}
text ~ /^Error parsing config/ { say(text); next }
text ~ /^(docker: )?Error(:| response from daemon)|^docker: |^permission denied|^Cannot connect to the Docker|^Usage: .*docker_image/ { say(text); next }
text ~ /command not found$|: not found$/ { say(text); next }
text ~ /A worker died or was killed while executing|died unexpectedly|Out of memory|out of memory|No space left|Not enough free disk space/ { say(text); next }
text ~ /Failed to connect to GCS|client socket has (failed|timed out)|Failed to get cluster ID|thrown while requesting|Tried to connect|No available node types|is bigger than the total number of available|less than the (total )?number|The number of required GPUs exceeds/ { say(text); next }
level == "ERROR" && text ~ /(Errno|[Ee]rror|failed|Failed)/ && text !~ /^ *File |Traceback/ { later[++nlater] = text; times[nlater] = at }
END {
	if (bare != "") say(bare)
	for (i = 1; i <= nlater && count == 0; i++) { at = times[i]; say(later[i]) }
}'

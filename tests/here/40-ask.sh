# 40-ask.sh - ask, open, exec
# shellcheck shell=bash disable=SC2016,SC2034,SC2153,SC2154

t_ask() {
	up
	dray ask 'Say "hello".'
	wants 0
	# The answer alone is on stdout, with its line end, and its escape is shown, not sent.
	printf 'Nothing thinks\nin here.\\x1b[2J!\n' | cmp - out || fail "the answer is not what the model said"
	says 'first token after [0-9.]* s; 8 tokens in'
	says 'cut at the limit of tokens'
	echo 'a long question' >question
	rc=0
	timeout 120 "$DRAY" ask -max-tokens 2 -system 'Be brief.' - <question >out 2>err || rc=$?
	wants 0
	says '^Nothing thinks$'
	says '; 2 tokens in'
	dray ask
	wants 64
	# The answer is shown as it comes; Ctrl-C ends the wait for the rest.
	demands stall-stream
	start ask hello
	wait_for "the first words" grep -q 'Nothing thinks' bg.out
	kill -INT "$bg"
	finish
	wants 130
	no_demands
	dray stop -auto-approve
	wants 0
	dray ask hello
	wants 1
	says 'it is stopped (rank\[here\]: it was stopped by'
	says "'dray apply' starts it"
	dray open
	wants 1
}

t_open() {
	local port pids='' i
	up
	start open
	wait_for "the port" grep -q '^API .*/v1' bg.out
	port=$(sed -n 's|^API  *http://127.0.0.1:\([0-9]*\)/v1.*|\1|p' bg.out)
	[ "$port" != "$PORT" ] || fail "it says the API's own port, which is taken here"
	grep -q "^try .*curl http://127.0.0.1:$port/v1/chat/completions" bg.out || fail "no curl line"
	# Connections that say nothing are in nobody's way.
	exec {idle1}<>"/dev/tcp/127.0.0.1/$port" {idle2}<>"/dev/tcp/127.0.0.1/$port"
	for i in 1 2 3 4; do
		curl -fsS -m 60 "http://127.0.0.1:$port/v1/chat/completions" -H 'Content-Type: application/json' \
			-d '{"model": "tiny", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 3}' \
			-o "chat.$i" &
		pids="$pids $!"
	done
	for i in $pids; do wait "$i" || fail "a request through the port failed"; done
	for i in 1 2 3 4; do grep -q '"completion_tokens":3' "chat.$i" || fail "answer $i has no tokens"; done
	dray open -port "$port"
	wants 1
	says "listen on 127.0.0.1:$port: Address already in use"
	says 'choose another one with -port'
	exec {idle1}>&- {idle2}>&-
	kill -INT "$bg"
	finish
	wants 0
	! curl -fs -m 5 "http://127.0.0.1:$port/v1/models" >/dev/null || fail "the port is still open"
	dray open -port 70000
	wants 64
}

t_exec() {
	spec
	dray exec here 'echo out; echo no line end | tr -d "\n" >&2; exit 41'
	wants 41
	[ "$(cat out)" = out ] || fail "stdout is not the command's"
	printf 'no line end' | cmp - err || fail "stderr is not the command's"
	dray exec here ls -d '/a b;c'
	wants 2
	says '/a b;c'
	rc=0
	head -c 300000 "$DRAY" | timeout 120 "$DRAY" exec here sh -c 'cat; echo "$1" >&2' name "it's \$HOME" >out 2>err || rc=$?
	wants 0
	head -c 300000 "$DRAY" | cmp - out || fail "the bytes are not the same"
	[ "$(cat err)" = "it's \$HOME" ] || fail "the word is not the same"
	# A file as stdin is no pipe, and its end comes, too.
	rc=0
	timeout 120 "$DRAY" exec here wc -c <nv/query.csv >out 2>err || rc=$?
	wants 0
	[ "$(cat out)" = "$(wc -c <nv/query.csv)" ] || fail "a file as stdin is not the same"
	# Output comes while it runs, to the last byte; Ctrl-C ends the command.
	start exec here 'echo begun >&2; echo $$; exec sleep 7411'
	wait_for "its output" grep -q begun bg.err
	wait_for "its pid" test -s bg.out
	kill -0 "$(cat bg.out)" || fail "it does not run"
	kill -INT "$bg"
	finish
	wants 130
	wait_for "its end" eval '! kill -0 "$(cat bg.out)"'
	dray exec nowhere true
	wants 64
	says "no node 'nowhere'"
	dray exec
	wants 64
}

check "ask streams an answer" t_ask
check "open gives a local port to the API" t_open
check "exec runs a command" t_exec

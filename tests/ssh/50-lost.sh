# 50-lost.sh - servers that misbehave, connections that break, shutdowns at any moment.
# shellcheck shell=bash disable=SC2154

need plain rekey silent
id=(-c none -i "$T/ed25519")
for mode in close banner http full lines noise ignore; do start_server $mode; done
try "nobody listens" 1 'failed after [0-9]+ ms: connect 127.0.0.1:1: Connection refused' -- "${id[@]}" -p 1 127.0.0.1
try "a name that does not exist" 1 "connect nowhere.invalid:22: find 'nowhere.invalid':" -- "${id[@]}" nowhere.invalid
try "a host that does not answer" 1 "connect 127.0.0.1:$port_full: timed out after 1 s" -- "${id[@]}" -t 1 -p "$port_full" 127.0.0.1
try "a server that says nothing" 1 'exchange keys: timed out after 1 s: the server accepted the connection but sends nothing' \
	-- "${id[@]}" -t 1 -p "$port_silent" 127.0.0.1
try "a server that stops after its banner" 1 'exchange keys: timed out after 2 s$' -- "${id[@]}" -t 2 -p "$port_banner" 127.0.0.1
try "a server that hangs up" 1 'exchange keys: (the server closed the connection|connection lost)' \
	'hint: is an SSH server at this port' -- "${id[@]}" -p "$port_close" 127.0.0.1
try "a server of another protocol" 1 "exchange keys: this is not an SSH server: it said 'HTTP/1.1 400 What\\?'" \
	-- "${id[@]}" -p "$port_http" 127.0.0.1
try "lines without end instead of a banner" 1 "exchange keys: this is not an SSH server: it said 'Welcome'; it sends data without end" \
	-- "${id[@]}" -p "$port_lines" 127.0.0.1
try "bytes without end instead of a banner" 1 "exchange keys: this is not an SSH server: it said 'noise.*it sends data without end" \
	-- "${id[@]}" -p "$port_noise" 127.0.0.1
try "packets without end before the keys" 1 'exchange keys: it sends data without end that dray did not ask for' \
	-- "${id[@]}" -p "$port_ignore" 127.0.0.1

# commands: the pids of what runs in the sessions of the server that is the victim.
commands() { for session in $(pgrep -P "$(cat "$T/victim.pid")"); do pgrep -P "$session"; done; }
# during NAME SIGNAL RC PATTERN ... -- ARGS: a signal to the server of our connection, when
# its command runs.
during() {
	local name=$1 signal=$2 listener session
	shift 2
	listener=$(cat "$T/victim.pid")
	(
		for _ in $(seq 500); do
			[ -z "$(commands)" ] || break
			sleep 0.02
		done
		for session in $(pgrep -P "$listener"); do kill "-$signal" "$session"; done
	) &
	try "$name" "$@"
	wait $!
	for session in $(pgrep -P "$listener"); do kill -KILL "$session"; done
}
start_sshd victim
at=("${id[@]}" -p "$port_victim")
during "sshd is killed while data flows" KILL 1 'stream 0: (connection lost|the server closed)' \
	'drive: failed after [0-9]+ ms: (connection lost|the server closed)' '!' 'nothing heard' -- "${at[@]}" -b 400000000 127.0.0.1 'sleep 20; cat'
during "sshd is killed while nothing flows" KILL 1 'stream 0: (connection lost|the server closed)' \
	'drive: failed after [0-9]+ ms: (connection lost|the server closed)' '!' 'nothing heard' -- "${at[@]}" 127.0.0.1 'sleep 20'
during "sshd stops in mid-connection" STOP 1 'stream 0: connection lost: nothing heard for 2 s' \
	'drive: failed after [0-9]+ ms: connection lost: nothing heard' -- "${at[@]}" -K 1,2 127.0.0.1 'sleep 20'
(
	for _ in $(seq 1000); do
		p=$(pgrep -f "^$T/drive .*sleep 11")
		[ -z "$p" ] || [ -z "$(commands)" ] || break
		sleep 0.02
	done
	kill -STOP "$p"
	sleep 8
	kill -CONT "$p"
) &
try "we stop, and the server is not to blame" 0 'stream 0 ended' -- "${at[@]}" -K 1,6 127.0.0.1 'sleep 11'
wait $!
try "keepalives hold a quiet connection" 0 'stream 0 ended' -- "${at[@]}" -K 1,9 127.0.0.1 'sleep 12'
start_sshd quiet "ChannelTimeout session:*=1s"
try "a channel that the server times out ends" 0 'stream 0 ended' -- "${id[@]}" -p "$port_quiet" 127.0.0.1 'sleep 3'

for event in ready opened data closed 1 3 6 10 15 20 30 50 100; do
	try "shut in '$event'" 0 'drive: shut' -- "${id[@]}" -p "$port_plain" -n 3 -b 300000 -x "$event" 127.0.0.1 'cat; sleep 1'
	try "shut in '$event' while keys are exchanged" 0 'drive: shut' -- "${id[@]}" -p "$port_rekey" -n 3 -b 3000000 -x "$event" 127.0.0.1 'cat; sleep 1'
done
try "shut in 'failed'" 1 'drive: shut' -- "${id[@]}" -p 1 -x failed 127.0.0.1
try "shut 20 links at once, some of them waiting" 0 -- "${id[@]}" -p "$port_plain" -l 20 -x 40 127.0.0.1 'sleep 5'

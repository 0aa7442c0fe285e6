# 30-streams.sh - data through a connection: much, both ways, on many channels.
# shellcheck shell=bash disable=SC2154

need plain
id=(-c none -i "$T/ed25519")
at=("${id[@]}" -p "$port_plain")
try "stdin, stdout and stderr" 0 '^out$' '^err$' '^in$' -- "${at[@]}" -s in 127.0.0.1 'echo out; echo err >&2; cat; echo'
try "8 MB there and back" 0 -- "${at[@]}" -b 8000000 127.0.0.1 cat
try "8 channels, 2 MB each there and back" 0 -- "${at[@]}" -n 8 -b 2000000 127.0.0.1 cat
try "20 streams share 8 channels" 0 'stream 19 ended' -- "${at[@]}" -n 20 -b 10000 127.0.0.1 cat
# shellcheck disable=SC2016
try "8 MB on stderr alone" 0 'stream 0 ended' -- "${at[@]}" 127.0.0.1 'head -c 8000000 /dev/zero | tr "\0" "\n" >&2'
try "the command fails: the stream still ends" 0 'stream 0 ended' -- "${at[@]}" 127.0.0.1 'exit 3'
try "a command that reads nothing of 4 MB" 0 'stream 0 ended' -- "${at[@]}" -s "$(head -c 100000 /dev/zero | tr '\0' x)" 127.0.0.1 'true'

need rekey
try "new keys every 256 KB, 8 MB there and back" 0 -- "${id[@]}" -p "$port_rekey" -b 8000000 127.0.0.1 cat
try "new keys every 256 KB, 4 channels, 8 MB each" 0 -- "${id[@]}" -p "$port_rekey" -n 4 -b 8000000 127.0.0.1 cat
start_sshd one "MaxSessions 1"
try "MaxSessions 1: three streams one after the other" 0 'stream 2 ended' -- "${id[@]}" -p "$port_one" -n 3 -b 5000 127.0.0.1 cat
start_sshd none "MaxSessions 0"
try "MaxSessions 0: refused, not waited for" 1 'stream 0: open a session: Channel open failure' \
	-- "${id[@]}" -p "$port_none" 127.0.0.1
start_sshd startups "MaxStartups 4:50:8"
try "40 connections where sshd drops at random" 0 -- "${id[@]}" -p "$port_startups" -l 40 -n 2 -b 1000 127.0.0.1 cat

need echo
try "a tunnel, 4 MB there and back" 0 -- "${at[@]}" -T "127.0.0.1:$port_echo" -b 4000000 127.0.0.1
try "6 tunnels at once" 0 'stream 5 ended' -- "${at[@]}" -T "127.0.0.1:$port_echo" -n 6 -b 300000 127.0.0.1
try "a tunnel to a closed port" 1 'stream 0: reach 127.0.0.1:1 from the node: .*connect failed' \
	-- "${at[@]}" -T 127.0.0.1:1 127.0.0.1
need noforward
try "tunnels are forbidden there" 1 'reach .*administratively prohibited' \
	-- "${id[@]}" -p "$port_noforward" -T "127.0.0.1:$port_echo" 127.0.0.1

x=local
try "$x: stdin, stdout and stderr" 0 '^out$' '^err$' '^in$' -- -e $x -s in here 'echo out; echo err >&2; cat; echo'
try "$x: 8 streams, 2 MB each there and back" 0 -- -e $x -n 8 -b 2000000 here cat
try "$x: a tunnel, 4 MB there and back" 0 -- -e $x -T "127.0.0.1:$port_echo" -b 4000000 here
try "$x: a tunnel to a closed port" 1 'stream 0: connect: Connection refused' -- -e $x -T 127.0.0.1:1 here
# shellcheck disable=SC2016
try "$x: a daemon keeps the pipes" 0 'stream 0 ended' -- -e $x here 'sleep 5 & echo started'
SECRET_THING=1 try "$x: a small environment" 0 '^HOME=' '!' SECRET_THING -- -e $x here env
for event in ready opened data closed 5; do
	try "$x: shut in '$event'" 0 'drive: shut' -- -e $x -n 3 -b 100000 -x "$event" here 'cat; sleep 1'
done

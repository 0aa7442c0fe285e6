# 60-config.sh - ~/.ssh/config and jump hosts.
# shellcheck shell=bash disable=SC2154

need plain echo silent noforward
for hop in a b; do start_sshd "$hop" "RekeyLimit 256K none"; done
# One server is all the nodes behind the jump host.
start_sshd c "RekeyLimit 256K none" "MaxStartups 100"
start_sshd stranger
sed -i "/:$port_stranger /d" "$HOME/.ssh/known_hosts"
mkdir -p "$HOME/.ssh/conf.d"
cat >"$HOME/.ssh/config" <<END
Include conf.d/*.conf
Host alias
	HostName 127.0.0.1
	Port $port_plain
	User "$me"
	IdentityFile=$T/%n.key
Match host 127.0.0.1 user $me
	IdentityFile ~/.ssh/matched
Match host * exec "touch $T/executed"
	User nobody
Host direct
	ProxyCommand nc %h %p
END
cp "$T/ed25519" "$T/alias.key"
cat >"$HOME/.ssh/conf.d/jumps.conf" <<END
Host hop-a
	HostName 127.0.0.1
	Port $port_a
	IdentityFile $T/ecdsa
Host hop-b
	HostName 127.0.0.1
	Port $port_b
	IdentityFile $T/rsa
Host behind-a
	HostName 127.0.0.1
	Port $port_c
	IdentityFile $T/ed25519
	ProxyJump hop-a
Host behind-ab
	HostName 127.0.0.1
	Port $port_c
	IdentityFile $T/ed25519
	ProxyJump hop-a,$me@hop-b
Host behind-behind
	HostName 127.0.0.1
	Port $port_c
	IdentityFile $T/ed25519
	ProxyJump behind-a,hop-b
Host round
	ProxyJump round
Host behind-wall
	HostName 127.0.0.1
	Port 1
	ProxyJump hop-a
Host behind-nobody
	HostName 127.0.0.1
	Port $port_silent
	ProxyJump hop-a
Host behind-forbidden
	HostName 127.0.0.1
	Port $port_c
	ProxyJump 127.0.0.1:$port_noforward
Host behind-unknown
	HostName 127.0.0.1
	Port $port_c
	ProxyJump 127.0.0.1:$port_stranger
END
cp "$T/ed25519" "$HOME/.ssh/matched"
try "an alias with name, port, user and identity" 0 '^hello$' -- alias 'echo hello'
try "Match host" 0 '^hello$' -- -p "$port_plain" 127.0.0.1 'echo hello'
[ -e "$T/executed" ] && { failed=$((failed + 1)); echo "not ok Match exec was run"; }
try "the spec wins over the file; what was left out is said" 1 'connect 127.0.0.1:1: Connection refused .*config:[0-9]+: .Match exec. is not evaluated' -- -p 1 alias
try "a file that is named must be there" 1 "read '$T/no.conf': No such file" -- -c "$T/no.conf" alias
try "ProxyCommand is refused, not ignored" 1 "has ProxyCommand for 'direct'" 'hint: .*executor: auto' -- direct
cp "$T/ecdsa" "$HOME/.ssh/id_ecdsa"
try "one jump host" 0 '^hello$' -- behind-a 'echo hello'
try "one jump host, 4 channels, 2 MB each, new keys every 256 KB" 0 -- -n 4 -b 2000000 behind-a cat
try "two jump hosts" 0 '^hello$' -- behind-ab 'echo hello'
try "two jump hosts, 4 channels, 2 MB each, new keys every 256 KB" 0 -- -n 4 -b 2000000 behind-ab cat
try "three jump hosts, one of them behind another" 0 '^hello$' -- behind-behind 'echo hello'
try "a tunnel through two jump hosts" 0 -- -T "127.0.0.1:$port_echo" -b 500000 behind-ab
try "20 links through one jump host" 0 -- -l 20 -b 1000 behind-a cat
try "a jump host behind itself" 1 'more than 3 jump hosts' -- round
try "the jump host cannot reach it" 1 "connect 127.0.0.1:1: the jump host 'hop-a' cannot reach it: .*connect failed" -- behind-wall
try "the host behind it says nothing" 1 'exchange keys: timed out after 1 s' -- -t 1 behind-nobody
try "the jump host forbids it" 1 "the jump host '127.0.0.1' cannot reach it: .*administratively prohibited" -- behind-forbidden
try "an unknown key of the jump host" 1 "jump host '127.0.0.1': verify host key: the key of .* is not known" -- behind-unknown
sed "/:$port_c /d" "$HOME/.ssh/known_hosts" >"$T/kh" && cp "$T/kh" "$HOME/.ssh/known_hosts"
try "an unknown key behind the jump host" 1 "failed after [0-9]+ ms: verify host key: the key of '\\[127.0.0.1\\]:$port_c' is not known" \
	"hint: .*ssh .*-J hop-a" -- behind-a
kill -STOP "$(cat "$T/a.pid")"
try "a jump host that hangs" 1 "jump host 'hop-a': exchange keys: timed out after 1 s" -- -t 1 behind-a
kill -CONT "$(cat "$T/a.pid")"
for event in 5 15 25 40 60 80; do
	try "two jump hosts, shut after $event ms" 0 'drive: shut' -- -n 2 -b 100000 -x "$event" behind-ab 'cat; sleep 1'
done

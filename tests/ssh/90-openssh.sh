# 90-openssh.sh - the executor openssh, which runs the user's own ssh, beside what dray's own client
# says of the same host; and auto, which chooses.
# shellcheck shell=bash disable=SC2154

need plain echo silent
unset SSH_ASKPASS SSH_ASKPASS_REQUIRE DISPLAY
export XDG_RUNTIME_DIR=$T/run
mkdir -m 700 "$XDG_RUNTIME_DIR"
o=(-e openssh)
# ssh takes the home of the passwd entry, not $HOME: every file is named.
kh=$HOME/.ssh/known_hosts
id=(-c none -k "$kh" -i "$T/ed25519")
at=("${id[@]}" -p "$port_plain")
check() { # NAME COMMAND...
	local name=$1
	shift
	if "$@"; then passed=$((passed + 1)); echo "ok $name"
	else failed=$((failed + 1)); echo "not ok $name"; fi
}
masters() { pgrep -f "ControlPath=$XDG_RUNTIME_DIR/dray-.* -- "; }
# Nothing is left: no process, no socket, no folder. (A connection needs a moment to end.)
gone() {
	local i
	for ((i = 0; i < 250; i++)); do
		[ -n "$(masters)$(ls "$XDG_RUNTIME_DIR")" ] || return 0
		sleep 0.02
	done
	masters; ls -R "$XDG_RUNTIME_DIR"
	return 1
}
clean() { check "$1: nothing is left of it" gone; }

# ---- streams ----
try "openssh: a command" 0 '^hello$' 'drive: stream 0 ended' -- "${o[@]}" "${at[@]}" 127.0.0.1 'echo hello'
try "openssh: stdin, stdout, stderr" 0 '^out$' '^err$' '^in$' -- "${o[@]}" "${at[@]}" -s in 127.0.0.1 'echo out; echo err >&2; cat; echo'
try "openssh: the status of a command is not an error" 0 'stream 0 ended' -- "${o[@]}" "${at[@]}" 127.0.0.1 'exit 3'
try "openssh: 4 streams, 2 MB each there and back" 0 -- "${o[@]}" "${at[@]}" -n 4 -b 2000000 127.0.0.1 cat
try "openssh: 20 links at once" 0 -- "${o[@]}" "${at[@]}" -l 20 -b 1000 127.0.0.1 cat
try "openssh: a tunnel" 0 'stream 0 ended' -- "${o[@]}" "${at[@]}" -T "127.0.0.1:$port_echo" -b 1000000 127.0.0.1
try "openssh: a tunnel to a closed port" 1 'stream 0: .*(refused|open failed)' -- "${o[@]}" "${at[@]}" -T 127.0.0.1:1 127.0.0.1
try "openssh: quotes and words pass as they are" 0 "^a 'b  c \\\$HOME\$" -- "${o[@]}" "${at[@]}" 127.0.0.1 "echo \"a 'b  c \\\$HOME\""
for event in ready opened data closed 1 10 30 60 100 200; do
	try "openssh: shut in '$event'" 0 'drive: shut' -- "${o[@]}" "${at[@]}" -n 3 -b 300000 -x "$event" 127.0.0.1 'cat; sleep 1'
done
clean "after all of these"

# ---- whom it trusts ----
good=$(cut -d' ' -f1,2 "$T/host_ed25519.pub") other=$(cut -d' ' -f1,2 "$T/host_other.pub")
name="[127.0.0.1]:$port_plain"
: >"$T/none"
try "openssh: an unknown host key" 1 "verify host key: the key of '\\[127.0.0.1\\]:$port_plain' is not known \\(ssh saw its ED25519 key\\)" \
	'hint: dray trust 127.0.0.1 ' -- "${o[@]}" "${at[@]}" -k "$T/none" 127.0.0.1
check "openssh: an unknown key is not written down" test ! -s "$T/none"
printf 'Host *\n\tStrictHostKeyChecking no\n\tIdentityFile %s\n\tUserKnownHostsFile %s\n' "$T/ed25519" "$T/none" >"$T/loose.conf"
try "openssh: StrictHostKeyChecking no does not make it known" 1 'is not known' -- "${o[@]}" -c "$T/loose.conf" -p "$port_plain" 127.0.0.1
printf '# a line\n%s %s\n' "$name" "$other" >"$T/changed"
print=$(ssh-keygen -lf "$T/host_ed25519.pub" | cut -d' ' -f2 | sed 's/[+.]/\\&/g')
try "openssh: a host key that changed" 1 "verify host key: the key changed \\(ED25519 $print is not the one in $T/changed:2\\)" \
	"hint: somebody .*: ssh-keygen -f $T/changed -R '\\[127.0.0.1\\]:$port_plain'" -- "${o[@]}" "${at[@]}" -k "$T/changed" 127.0.0.1
mkdir "$T/a b"
echo "$name $good" >"$T/a b/known"
try "openssh: a file of known hosts with a blank in its name" 0 '^hello$' -- "${o[@]}" "${at[@]}" -k "$T/a b/known" 127.0.0.1 'echo hello'
key ca -t ed25519
cp "$T/host_ed25519" "$T/host_signed" && cp "$T/host_ed25519.pub" "$T/host_signed.pub"
ssh-keygen -q -s "$T/ca" -I host -h -n 127.0.0.1 "$T/host_signed.pub" 2>/dev/null
start_sshd signed "HostKey $T/host_signed" "HostCertificate $T/host_signed-cert.pub"
echo "@cert-authority * $(cut -d' ' -f1,2 "$T/ca.pub")" >"$T/authority"
by=(-c none -i "$T/ed25519" -p "$port_signed" -k "$T/authority")
try "ssh: a host's certificate is refused, and the way is named" 1 'is a @cert-authority line' 'hint: .*executor: openssh' -- "${by[@]}" 127.0.0.1
try "openssh: a host's certificate" 0 '^hello$' -- "${o[@]}" "${by[@]}" 127.0.0.1 'echo hello'
try "auto: a host's certificate" 0 'auto takes openssh: .*authority:1 is a @cert-authority line' '^hello$' -- -e auto "${by[@]}" 127.0.0.1 'echo hello'

# ---- who logs in ----
key user -t ed25519
ssh-keygen -q -s "$T/ca" -I user -n "$me" "$T/user.pub" 2>/dev/null
start_sshd users "TrustedUserCAKeys $T/ca.pub"
by=(-c none -k "$kh" -i "$T/user" -p "$port_users")
try "ssh: a user's certificate is not used" 1 'no key was accepted' -- "${by[@]}" 127.0.0.1
try "openssh: a user's certificate" 0 '^hello$' -- "${o[@]}" "${by[@]}" 127.0.0.1 'echo hello'
try "auto: a user's certificate" 0 "auto takes openssh: '$T/user-cert.pub' is a certificate" '^hello$' -- -e auto "${by[@]}" 127.0.0.1 'echo hello'
try "openssh: a key that the host does not know" 1 'failed .*log in: .*Permission denied' "hint: try by hand: ssh -F none -p $port_plain -i $T/stranger -o " \
	-- "${o[@]}" -c none -k "$kh" -i "$T/stranger" -p "$port_plain" 127.0.0.1
cp "$T/ed25519" "$T/open" && chmod 644 "$T/open"
try "openssh: a key that others can read" 1 'log in: UNPROTECTED PRIVATE KEY' 'hint: .*chmod 600' -- "${o[@]}" -c none -k "$kh" -i "$T/open" -p "$port_plain" 127.0.0.1
printf 'sk-ssh-ed25519@openssh.com %s touch\n' "$(python3 -c '
import base64, struct
s = lambda b: struct.pack(">I", len(b)) + b
print(base64.b64encode(s(b"sk-ssh-ed25519@openssh.com") + s(b"k" * 32) + s(b"ssh:")).decode())')" >"$T/touch.pub"
cp "$T/stranger" "$T/touch"
try "auto: a key that is on a security key" 1 "auto takes openssh: '$T/touch' is on a security key" -- -e auto -c none -k "$kh" -i "$T/touch" -p "$port_plain" 127.0.0.1

# ---- algorithms, words, programs ----
start_sshd gcm "MACs hmac-sha2-256-etm@openssh.com" "Ciphers aes128-gcm@openssh.com"
try "ssh: a cipher that libssh2 lacks, and the way is named" 1 'no algorithm in common' 'hint: .*executor: openssh' -- "${id[@]}" -p "$port_gcm" 127.0.0.1
try "openssh: a cipher that libssh2 lacks" 0 '^hello$' -- "${o[@]}" "${id[@]}" -p "$port_gcm" 127.0.0.1 'echo hello'
printf 'Host *\n\tIdentityFile %s\n\tUserKnownHostsFile %s\n\tCiphers 3des-cbc\n' "$T/ed25519" "$HOME/.ssh/known_hosts" >"$T/old.conf"
try "openssh: nothing in common" 1 'exchange keys: Unable to negotiate .*no matching cipher' -- "${o[@]}" -c "$T/old.conf" -p "$port_gcm" 127.0.0.1
cat >"$T/dial.py" <<'END'
import os, socket, sys, threading
s = socket.create_connection((sys.argv[1], int(sys.argv[2])))
def back():
    while data := s.recv(65536):
        os.write(1, data)
    os._exit(0)
threading.Thread(target=back).start()
while data := os.read(0, 65536):
    s.sendall(data)
os._exit(0)
END
cat >"$T/ways.conf" <<END
Host *
	IdentityFile $T/ed25519
	UserKnownHostsFile $HOME/.ssh/known_hosts
Host proxied
	HostName 127.0.0.1
	Port $port_plain
	ProxyCommand python3 $T/dial.py %h %p
Host broken
	HostName 127.0.0.1
	ProxyCommand sh -c "echo the tunnel says no >&2; sleep 0.3; exit 3"
Host jumped
	HostName 127.0.0.1
	Port $port_plain
	ProxyJump 127.0.0.1:$port_gcm
Host badly-jumped
	HostName 127.0.0.1
	Port $port_plain
	ProxyJump 127.0.0.1:1
Host word
	HostName 127.0.0.1
	Port $port_plain
	RekeyLimit 1G
END
way=(-c "$T/ways.conf")
try "ssh: ProxyCommand is refused, and the way is named" 1 "has ProxyCommand for 'proxied'" 'hint: .*executor: openssh' -- "${way[@]}" proxied
try "openssh: ProxyCommand" 0 '^hello$' -- "${o[@]}" "${way[@]}" proxied 'echo hello'
try "auto: ProxyCommand" 0 'auto takes openssh: .*has ProxyCommand' '^hello$' -- -e auto "${way[@]}" proxied 'echo hello'
try "openssh: a ProxyCommand that fails is quoted" 1 'ProxyCommand or ProxyJump .* ended without a connection; it said: the tunnel says no$' -- "${o[@]}" "${way[@]}" broken
try "openssh: ProxyJump" 0 '^hello$' -- "${o[@]}" "${way[@]}" jumped 'echo hello'
try "openssh: a jump host where nobody listens" 1 'connect to host 127.0.0.1 port 1: Connection refused' -- "${o[@]}" "${way[@]}" badly-jumped
try "auto: a word that libssh2 cannot do" 0 'auto takes openssh: .*RekeyLimit' '^hello$' -- -e auto "${way[@]}" word 'echo hello'
try "auto: a host without any of that" 0 'auto takes ssh: $' '^hello$' -- -e auto "${at[@]}" 127.0.0.1 'echo hello'
printf 'Host *\n\tNoSuchWord yes\n' >"$T/bad.conf"
try "openssh: a word that nobody knows" 1 'read the ssh configuration: .*bad.conf.*line 2: Bad configuration option: nosuchword' 'hint: .*IgnoreUnknown' \
	-- "${o[@]}" -c "$T/bad.conf" 127.0.0.1
try "openssh: a configuration that is not there" 1 "read the ssh configuration: Can't open user config file" -- "${o[@]}" -c "$T/no.conf" 127.0.0.1

# ---- hosts that do not answer ----
start_server full
start_server close
try "openssh: nobody listens" 1 'connect to host 127.0.0.1 port 1: Connection refused' -- "${o[@]}" "${id[@]}" -p 1 127.0.0.1
try "openssh: a name that does not exist" 1 'connect: Could not resolve hostname nowhere.invalid' -- "${o[@]}" "${id[@]}" nowhere.invalid
try "openssh: a host that never answers" 1 "connect to host 127.0.0.1 port $port_full: Connection timed out" -- "${o[@]}" "${id[@]}" -t 1 -p "$port_full" 127.0.0.1
try "openssh: a server that says nothing" 1 'exchange keys: .*timed out during banner exchange' -- "${o[@]}" "${id[@]}" -t 1 -p "$port_silent" 127.0.0.1
try "openssh: a server that hangs up" 1 'failed after .*(closed by remote host|reset by peer)' -- "${o[@]}" "${id[@]}" -p "$port_close" 127.0.0.1
start_sshd hangs
kill -STOP "$(cat "$T/hangs.pid")"
try "openssh: no login within the time" 1 '(did not log in within|timed out)' -- "${o[@]}" "${id[@]}" -t 1 -K 1,2,1 -p "$port_hangs" 127.0.0.1
kill -CONT "$(cat "$T/hangs.pid")"
mkdir "$T/bin"
for p in timeout grep sed head; do ln -s "$(command -v $p)" "$T/bin"; done
PATH=$T/bin try "openssh: there is no ssh here" 1 "start 'ssh': No such file" 'hint: .*openssh-client' -- "${o[@]}" "${at[@]}" 127.0.0.1

# ---- limits and ends ----
start_sshd one "MaxSessions 1"
try "openssh: MaxSessions 1, one stream" 0 '^hello$' -- "${o[@]}" "${id[@]}" -p "$port_one" 127.0.0.1 'echo hello'
try "openssh: MaxSessions 1, three streams" 1 'open another session: .*MaxSessions|Session open refused' -- "${o[@]}" "${id[@]}" -p "$port_one" -n 3 127.0.0.1 'sleep 1'
start_sshd few "MaxStartups 3:100:3"
try "openssh: 20 links to a server that takes three logins at a time" 0 -- "${o[@]}" "${id[@]}" -p "$port_few" -l 20 -b 1000 127.0.0.1 cat
# while NAME EVENT-COMMAND RC PATTERN... -- ARGS: do it when the stream runs.
whenup() {
	local what=$1 act=$2
	shift 2
	( for _ in $(seq 500); do [ -z "$(pgrep -f "^sleep 2[1-9]\$")" ] || break; sleep 0.02; done; eval "$act" ) &
	try "$what" "$@"
	wait $!
}
start_sshd victim
v=("${id[@]}" -p "$port_victim")
# shellcheck disable=SC2016
whenup "openssh: the shared connection is killed" 'kill -KILL $(masters)' 1 'stream 0: (connection lost|ssh was killed)' 'failed after .*connection lost' \
	-- "${o[@]}" "${v[@]}" 127.0.0.1 'sleep 21'
pkill -f '^sleep 21$'
# shellcheck disable=SC2016
whenup "openssh: the server is killed" 'kill -KILL $(pgrep -P "$(cat "$T/victim.pid")")' 1 'stream 0: connection lost' \
	'failed after .*connection lost' -- "${o[@]}" "${v[@]}" 127.0.0.1 'sleep 22'
pkill -f '^sleep 22$'
# shellcheck disable=SC2016
whenup "openssh: the server stops" 'kill -STOP $(pgrep -P "$(cat "$T/victim.pid")")' 1 'stream 0: connection lost' \
	-- "${o[@]}" "${v[@]}" -K 1,3 127.0.0.1 'sleep 23'
# shellcheck disable=SC2046
kill -KILL $(pgrep -P "$(cat "$T/victim.pid")")
pkill -f '^sleep 23$'
clean "after all of these"
# Killed with -9, dray cannot end the connection: ssh does.
"$T/drive" "${o[@]}" "${at[@]}" -P 2 127.0.0.1 'cat' <&- >"$T/out" 2>&1 &
pid=$!
"$T/drive" "${o[@]}" "${at[@]}" -P 2 -T "127.0.0.1:$port_echo" 127.0.0.1 >"$T/out2" 2>&1 &
tunnel=$!
# A connection has its socket for as long as it lives. Its process is another one after the login, and in
# between, pgrep may see neither.
sockets() { find "$XDG_RUNTIME_DIR" -type s; }
for _ in $(seq 500); do [ "$(sockets | wc -l)" -ge 2 ] && break; sleep 0.02; done
kill -KILL $tunnel $pid 2>/dev/null
wait $tunnel $pid 2>/dev/null
left() {
	local i
	for ((i = 0; i < 400; i++)); do [ -n "$(sockets)" ] || return 0; sleep 0.02; done
	masters
	sockets
	return 1
}
check "openssh: after kill -9 its connections end by themselves" left
try "openssh: the next one removes the folder of the one that was killed" 0 -- "${o[@]}" "${at[@]}" 127.0.0.1
clean "after a kill"

# ---- dray trust, and dray exec without a command ----
dray=${DRAY:-$PWD/$B/dray}
start_sshd other "HostKey $T/host_other"
port_away=$port_full
mkdir "$T/trust"
cat >"$T/trust/config" <<END
Host away
	HostName 127.0.0.1
	Port $port_away
Host proxied
	HostName 127.0.0.1
	Port $port_signed
	ProxyCommand python3 $T/dial.py %h %p
Host *
	IdentityFile $T/ed25519
	ConnectTimeout 1
END
spec() { # NODE...
	printf '%s\n' "cluster: t" "ssh: {config: $T/trust/config, known_hosts: $T/trust/known}" "shared_dir: /srv/share" \
		"model: {path: /srv/share/m}" "parallelism: {tensor: 1, pipeline: $#}" "engine: {image: 'vllm/vllm-openai:v0.20.2'}" "nodes:"
	printf '  - %s\n' "$@"
}
one="{name: one, host: 127.0.0.1, ssh: {port: $port_plain}}"
two="{name: two, host: 127.0.0.1, executor: openssh, ssh: {port: $port_other}}"
three="{name: three, host: proxied, executor: auto}"
spec "$one" "$two" "$three" >"$T/trust/cluster.yaml"
# says NAME RC PATTERN... -- ARGS: dray with this spec; as try.
says() {
	local name=$1 rc=$2 want=() not='' p why='' got
	shift 2
	while [ "$1" != -- ]; do want+=("$1"); shift; done
	shift
	( cd "$T/trust" && XDG_CACHE_HOME=$T/cache timeout 60 "$dray" "$@" ) >"$T/out" 2>&1 </dev/null
	got=$?
	[ "$got" = "$rc" ] || why="status $got"
	for p in "${want[@]}"; do
		case $p in '!') not=1; continue ;; esac
		if [ -n "$not" ]; then grep -qE -- "$p" "$T/out" && why="found: $p"
		else grep -qE -- "$p" "$T/out" || why="not found: $p"; fi
	done
	if [ -z "$why" ]; then passed=$((passed + 1)); echo "ok $name"
	else failed=$((failed + 1)); echo "not ok $name ($why)"; sed 's/^/    /' "$T/out" | head -n 60; fi
}
says "plan: unknown host keys of several nodes are one block" 1 '! 3 nodes are unreachable: their host keys are not known' \
	"^      one: the key of '\\[127.0.0.1\\]:$port_plain' is not known \\(ssh-ed25519 $print\\)" \
	"^      three: the key of .*$port_signed" 'hint: dray trust shows the fingerprints of all' '!' 'node (one|two|three) is' -- plan
says "trust: without a terminal it adds nothing" 1 "one    ssh-ed25519 $print  \\[127.0.0.1\\]:$port_plain" "two    ssh-ed25519 SHA256:.*:$port_other" \
	"three  ssh-ed25519 $print  \\[127.0.0.1\\]:$port_signed" "use 'dray trust -auto-approve'" -- trust
check "trust: nothing was added" test ! -e "$T/trust/known"
printf '# mine, without a line break at its end' >"$T/trust/known"
says "trust: one node" 0 '^1 host key was added' '!' 'two' -- trust -auto-approve one
check "trust: the line before it is whole" grep -qx '# mine, without a line break at its end' "$T/trust/known"
check "trust: it is hashed where HashKnownHosts says so" sh -c "ssh -G -F '$T/trust/config' proxied | grep -q '^hashknownhosts no' && tail -n 1 '$T/trust/known' | grep -q '^\\[127.0.0.1\\]:$port_plain ssh-ed25519'"
sed -i '$a\	HashKnownHosts yes' "$T/trust/config"
says "trust: the others" 0 '1 host key is known already' '^2 host keys were added' -- trust -auto-approve
check "trust: these are hashed" test "$(grep -c '^|1|' "$T/trust/known")" = 2
check "trust: no name is left in clear" test ! -e "$T/trust/known.old"
says "trust: nothing is left to do" 0 '3 host keys are known already' '!' 'added' -- trust
says "plan: the nodes answer now, and -v says which way" 1 'three: executor auto took openssh: .*ProxyCommand' '!' 'unreachable' -- plan -v
says "exec: over the user's own ssh" 3 '^hello$' -- exec two 'echo hello; exit 3'
says "exec: over the one that auto took" 0 '^hello$' -- exec three 'echo hello'
# shellcheck disable=SC2016
( cd "$T/trust" && echo 'echo shell of $0; exit 5' | XDG_CACHE_HOME=$T/cache timeout 60 "$dray" exec two ) >"$T/out" 2>&1
check "exec: without a command it is a shell" test "$?" = 5
check "exec: that read what was typed" grep -q 'shell of' "$T/out"
printf '[127.0.0.1]:%s %s\n' "$port_plain" "$other" >"$T/trust/known"
cp "$T/trust/known" "$T/trust/before"
away="{name: four, host: away, executor: openssh}"
spec "$one" "$two" "$three" "$away" >"$T/trust/cluster.yaml"
says "trust: a changed key is refused, and so is a host that does not answer" 3 'error: one: the key changed .*trust/known:1' \
	'hint: .*ssh-keygen -f .* -R .*:'"$port_plain" 'error: four: .*timed out' '^2 host keys were added' -- trust -auto-approve
check "trust: the changed key was not replaced" sh -c "head -n 1 '$T/trust/known' | cmp -s - '$T/trust/before'"
says "trust: a name that the spec does not have" 64 "no node 'nine'" -- trust nine
# What only the server shows: it has no algorithm in common with dray's client.
spec "{name: five, host: 127.0.0.1, executor: auto, ssh: {port: $port_gcm}}" >"$T/trust/cluster.yaml"
says "trust: a server that dray's own client cannot talk to" 0 '^1 host key was added' -- trust -auto-approve
says "auto: openssh after dray's own client was refused" 0 '^hello$' -- exec five 'echo hello'
says "auto: plan -v says so" 1 'five: executor auto took openssh: .*no algorithm in common' '!' unreachable -- plan -v
clean "after dray trust"

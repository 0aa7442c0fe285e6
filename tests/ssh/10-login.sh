# 10-login.sh - keys, the agent, and the errors if none of them fits.
# shellcheck shell=bash disable=SC2154

need plain password twice
at=(-p "$port_plain" -c none)
for k in ed25519 ecdsa ecdsa384 ecdsa521 rsa ecdsa.pem ecdsa384.pem rsa.pem ecdsa.pkcs8 rsa.pkcs8; do
	try "login with the key file $k" 0 '^hello$' -- "${at[@]}" -i "$T/$k" 127.0.0.1 'echo hello'
done

# agent KEY...: start an agent that has these keys.
agent() {
	[ -z "${SSH_AGENT_PID:-}" ] || kill "$SSH_AGENT_PID"
	eval "$(ssh-agent -s)" >/dev/null
	ssh_pids+=("$SSH_AGENT_PID")
	ssh-add -q "$@" 2>/dev/null
}
for k in ed25519 ecdsa ecdsa521 rsa; do
	agent "$T/$k"
	try "login with the agent's $k" 0 '^hello$' -- "${at[@]}" 127.0.0.1 'echo hello'
done
agent "$T/stranger" "$T/rsa"
try "the agent's second key is the right one" 0 '^hello$' -- "${at[@]}" 127.0.0.1 'echo hello'
python3 tests/ssh/busy_agent.py "$T/busy" >"$T/busy.out" 2>/dev/null &
ssh_pids+=($!)
for _ in $(seq 500); do ! grep -qs full "$T/busy.out" || break; sleep 0.02; done
SSH_AUTH_SOCK=$T/busy try "an agent with too many at its door" 0 '^hello$' -- "${at[@]}" 127.0.0.1 'echo hello'
cp "$T/ed25519" "$HOME/.ssh/id_ed25519"
agent "$T/stranger"
try "defaults come after the agent" 0 '^hello$' -- "${at[@]}" 127.0.0.1 'echo hello'
rm "$HOME/.ssh/id_ed25519"

# If the agent has the key of an encrypted file, it is offered first, whatever else the agent
# has.
cp "$T/locked" "$T/unlocked" && cp "$T/locked.pub" "$T/unlocked.pub" && ssh-keygen -q -p -P secret -N '' -f "$T/unlocked" >/dev/null
strangers=()
for i in 1 2 3 4 5 6 7; do key "s$i" -t ed25519; strangers+=("$T/s$i"); done
agent "${strangers[@]}" "$T/unlocked"
try "an encrypted file that the agent has" 0 '^hello$' -- "${at[@]}" -i "$T/locked" 127.0.0.1 'echo hello'
try "a public file that the agent has" 0 '^hello$' -- "${at[@]}" -i "$T/unlocked.pub" 127.0.0.1 'echo hello'
try "no more than five keys are tried" 1 'the first 5 keys were refused' 'hint: name the right one' \
	-- "${at[@]}" 127.0.0.1
cat >"$T/only.conf" <<END
Host only
	HostName 127.0.0.1
	IdentityFile $T/ed25519
	IdentitiesOnly yes
Host nothing
	HostName 127.0.0.1
	IdentityFile $T/stranger
	IdentitiesOnly yes
Host noagent
	HostName 127.0.0.1
	IdentityAgent none
END
try "IdentitiesOnly keeps the agent out" 1 'no key was accepted' 'stranger: refused by the server' \
	'!' "'s1'" -- -p "$port_plain" -c "$T/only.conf" nothing
try "IdentitiesOnly with the right file" 0 '^hello$' -- -p "$port_plain" -c "$T/only.conf" only 'echo hello'
try "IdentityAgent none" 1 'no key to offer' 'none is running' -- -p "$port_plain" -c "$T/only.conf" noagent
kill "$SSH_AGENT_PID"
unset SSH_AUTH_SOCK SSH_AGENT_PID

try "encrypted, no agent" 1 "log in as $me@127.0.0.1: no key to offer .*locked: encrypted, and not in an ssh-agent" \
	"hint: .*ssh-add $T/locked" -- "${at[@]}" -i "$T/locked" 127.0.0.1
try "encrypted PEM, no agent" 1 'lockedpem: encrypted' 'ssh-add' -- "${at[@]}" -i "$T/lockedpem" 127.0.0.1
try "a key the server does not know" 1 "log in as $me@127.0.0.1: no key was accepted .*stranger: refused by the server" \
	"hint: is the public key in .*authorized_keys of '$me'" -- "${at[@]}" -i "$T/stranger" 127.0.0.1
try "a key file that is not there" 1 'missing: No such file' 'ssh-agent: none is running' \
	-- "${at[@]}" -i "$T/missing" 127.0.0.1
echo rubbish >"$T/rubbish"
try "a key file that is no key" 1 'rubbish: not a key' -- "${at[@]}" -i "$T/rubbish" 127.0.0.1
head -c 200 "$T/ed25519" >"$T/half"
try "half a key file" 1 'half: the key file is damaged' -- "${at[@]}" -i "$T/half" 127.0.0.1
try "nothing to offer" 1 'no key to offer' 'id_ed25519: No such file' 'hint: set ssh: ' -- "${at[@]}" 127.0.0.1
try "another user" 1 "log in as nobody@127.0.0.1: no key was accepted" -- "${at[@]}" -u nobody -i "$T/ed25519" 127.0.0.1
SSH_AUTH_SOCK=$T/nowhere try "an agent that is gone" 0 '^hello$' -- "${at[@]}" -i "$T/ed25519" 127.0.0.1 'echo hello'
SSH_AUTH_SOCK=$T/nowhere try "an agent that is gone, and no other key" 1 "ssh-agent: connect to '.*nowhere'" \
	-- "${at[@]}" 127.0.0.1
start_server agent "$T/mute"
SSH_AUTH_SOCK=$T/mute try "an agent that says nothing" 1 'log in as .*: timed out after 1 s' \
	-- "${at[@]}" -t 1 -K 15,45,1 127.0.0.1

# A server that asks a person: by a password alone, or after the key.
try "a password alone" 1 "logs '[^']*' in by .*password" 'keys only' 'hint: if it takes keys as well, ssh-copy-id' \
	-- -p "$port_password" -c none -i "$T/ed25519" 127.0.0.1
try "a key, then a password" 1 "logs '[^']*' in by .*password" 'hint: .*ssh-wrapper.lua' \
	-- -p "$port_twice" -c none -i "$T/ed25519" 127.0.0.1

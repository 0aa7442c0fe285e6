# 70-lua.sh - executors that are Lua files: the examples with a real ssh, a real network
# namespace, and programs that stand in for kubectl and srun; tunnels by any means.
# shellcheck shell=bash disable=SC2154,SC2016

need plain echo silent
ex=examples/executors
lua() { printf 'return {connect = function(node) return {%s} end}\n' "$2" >"$T/$1.lua"; }
lua sh "'sh'"
x=(-e "$T/sh.lua")
try "lua: stdin, stdout and stderr" 0 '^out$' '^err$' '^in$' -- "${x[@]}" -s in here 'echo out; echo err >&2; cat; echo'
for sh in dash bash busybox; do
	command -v $sh >/dev/null || { skip "lua: the far shell $sh" "it is not installed"; continue; }
	lua far "'$sh'$([ $sh != busybox ] || echo ", 'sh'")"
	try "lua: 8 MB there and back by $sh" 0 'stream 0 ended' -- -e "$T/far.lua" -b 8000000 here cat
	try "lua: what follows the line is the command's, by $sh" 0 '^echo never' -- -e "$T/far.lua" -s 'echo never' here cat
done
try "lua: 8 streams, 2 MB each there and back" 0 -- "${x[@]}" -n 8 -b 2000000 here cat
SECRET_THING=1 try "lua: the whole environment" 0 '^SECRET_THING=1' -- "${x[@]}" here env
try "lua: the program's end is told" 1 "'sh' ended with status 3" -- "${x[@]}" here 'exit 3'
for event in ready opened data closed 1 5 20; do
	try "lua: shut in '$event'" 0 'drive: shut' -- "${x[@]}" -n 3 -b 100000 -x "$event" here 'cat; sleep 1'
done
lua slow "'sh', '-c', 'sleep 1; exec sh'"
try "lua: shut while it connects" 0 'drive: shut' -- -e "$T/slow.lua" -x 300 here cat
try "lua: 40 links at once" 0 -- "${x[@]}" -l 40 -n 2 -b 1000 here cat

# ---- tunnels through the shell, by each thing that can ----
# only NAME TOOL...: a shell with these programs and no others.
only() {
	local dir=$T/only-$1 tool
	mkdir -p "$dir"
	for tool in sh "${@:2}"; do ln -sf "$(command -v "$tool")" "$dir/$tool"; done
	lua "$1" "'env', 'PATH=$dir', '$dir/sh'"
}
tunnel() { # NAME: both ways, and a closed port
	try "lua: a tunnel by $1, 4 MB there and back" 0 'stream 0 ended' -- -e "$T/$1.lua" -T "127.0.0.1:$port_echo" -b 4000000 here
	try "lua: a tunnel by $1 to a closed port" 1 "stream 0: .*ended with status .*[Rr]efused" -- -e "$T/$1.lua" -T 127.0.0.1:1 here
}
if command -v nc >/dev/null; then
	only nc nc grep
	tunnel nc
else skip "lua: a tunnel by nc" "it is not installed"
fi
# python3 may be a script that looks for the real one.
mkdir -p "$T/only-python3"
ln -sf "$(python3 -c 'import sys; print(sys.executable)')" "$T/only-python3/python3"
only python3
tunnel python3
only busybox busybox
tunnel busybox
only none true
try "lua: nothing that could make a tunnel" 1 'the node has neither python3 nor nc' \
	-- -e "$T/none.lua" -T "127.0.0.1:$port_echo" here

# ---- the user's own ssh ----
cat >"$T/own.conf" <<END
Host gpu-1
	HostName 127.0.0.1
	Port $port_plain
	IdentityFile $T/ed25519
	UserKnownHostsFile $HOME/.ssh/known_hosts
	IdentitiesOnly yes
END
x=(-e "$ex/ssh-wrapper.lua" -L "ssh_config=$T/own.conf")
try "ssh-wrapper: streams" 0 '^out$' '^err$' '^in$' -- "${x[@]}" -s in gpu-1 'echo out; echo err >&2; cat; echo'
try "ssh-wrapper: 4 streams, 2 MB each there and back" 0 -- "${x[@]}" -n 4 -b 2000000 gpu-1 cat
try "ssh-wrapper: a tunnel by ssh -W" 0 'stream 0 ended' -- "${x[@]}" -T "127.0.0.1:$port_echo" -b 1000000 gpu-1
try "ssh-wrapper: a tunnel to a closed port" 1 "stream 0: 'ssh' ended with status .*refused" -- "${x[@]}" -T 127.0.0.1:1 gpu-1
try "ssh-wrapper: a host that it does not know" 1 "failed .*'ssh' ended with status 255 before the shell started; it said: .*nowhere" \
	'hint: .*by hand: echo hostname \| ssh -T' -- "${x[@]}" nowhere.invalid
sed "s/gpu-1/mute/; s/Port .*/Port $port_silent/" "$T/own.conf" >"$T/mute.conf"
try "ssh-wrapper: a server that says nothing" 1 "'ssh' did not start a shell within 1 s" \
	-- -e $ex/ssh-wrapper.lua -L "ssh_config=$T/mute.conf" -t 1 mute
# What dray's own client cannot do.
start_sshd gcm "MACs hmac-sha2-256-etm@openssh.com" "Ciphers aes128-gcm@openssh.com"
sed "s/Port .*/Port $port_gcm/" "$T/own.conf" >"$T/gcm.conf"
try "ssh-wrapper: ciphers that libssh2 has not" 0 '^hello$' -- -e $ex/ssh-wrapper.lua -L "ssh_config=$T/gcm.conf" gpu-1 'echo hello'

# ---- namespaces ----
ns=dray-test-$$
if ip netns add $ns 2>/dev/null; then
	ip -n $ns link set lo up
	try "netns: a shell in the namespace" 0 '^lo:$' -- -e $ex/netns.lua $ns 'ls /sys/class/net | grep -vx lo; echo lo:'
	try "netns: 2 MB there and back" 0 -- -e $ex/netns.lua -b 2000000 $ns cat
	ip netns exec $ns "$T/server" echo "$port_echo" >"$T/ns.out" &
	ssh_pids+=($!)
	for _ in $(seq 500); do ! grep -qs listening "$T/ns.out" || break; sleep 0.02; done
	try "netns: a tunnel is dialled there" 0 'stream 0 ended' -- -e $ex/netns.lua -T "127.0.0.1:$port_echo" -b 100000 $ns
	try "netns: a port of this machine is not there" 1 'stream 0: .*refused' -- -e $ex/netns.lua -T "127.0.0.1:$port_plain" $ns
	try "netns: by a process of it" 0 "^$(ip netns exec $ns readlink /proc/self/ns/net | sed 's/[][]/\\&/g')$" \
		-- -e $ex/netns.lua -L "pid=${ssh_pids[-1]}" box 'readlink /proc/self/ns/net'
	ip netns del $ns
	try "netns: a namespace that is gone" 1 "failed .*'ip' ended with status 255 before the shell started; it said: .*$ns" -- -e $ex/netns.lua $ns
else
	skip netns "no network namespace can be made"
fi

# ---- stand-ins: they take what the real ones would, and are a shell then ----
mkdir "$T/bin"
# stand_in NAME FILE: its arguments must be the lines of FILE.
stand_in() {
	cat >"$T/bin/$1" <<END
#!/bin/sh
printf '%s\n' "\$@" | cmp -s - "$T/$1.argv" || { echo "error: what is \$*?" >&2; exit 1; }
[ "\$${2%%=*}" = "${2#*=}" ] || { echo "error: where is $2?" >&2; exit 1; }
$3
END
	chmod +x "$T/bin/$1"
}
old=$PATH PATH=$T/bin:$PATH
printf '%s\n' --context=lab --namespace=ml exec -i vllm-0 --container=main -- sh >"$T/kubectl.argv"
stand_in kubectl KUBECONFIG=/a/b 'echo "Defaulted container \"main\" out of: main, side" >&2; exec sh'
x=(-e "$ex"/kubectl-exec.lua -L namespace=ml -L container=main -L context=lab)
KUBECONFIG=/a/b try "kubectl: its argv, environment and streams" 0 '^in$' -- "${x[@]}" -s in vllm-0 'cat; echo'
KUBECONFIG=/a/b try "kubectl: 2 MB there and back" 0 -- "${x[@]}" -n 2 -b 2000000 vllm-0 cat
KUBECONFIG=/a/b try "kubectl: a pod that is not there" 1 "'kubectl' ended with status 1 .*it said: error: what is .*vllm-9" -- "${x[@]}" vllm-9
printf '%s\n' --jobid=7 --nodelist=gpu02 --nodes=1 --ntasks=1 --overlap --unbuffered --quiet sh >"$T/srun.argv"
# As srun does it: stdout is a terminal that changes nothing.
stand_in srun SLURM_CONF=/c 'exec python3 -c "
import os, pty, sys, termios
m, s = os.openpty()
t = termios.tcgetattr(s); t[1] &= ~termios.OPOST; termios.tcsetattr(s, termios.TCSANOW, t)
if os.fork() == 0:
    os.close(m); os.dup2(s, 1); os.close(s); os.execvp(\"sh\", [\"sh\"])
os.close(s)
while True:
    try: b = os.read(m, 4096)
    except OSError: break
    if not b: break
    while b: b = b[os.write(1, b):]
os._exit(os.WEXITSTATUS(os.wait()[1]))
"'
x=(-e "$ex"/srun.lua -L job=7)
SLURM_CONF=/c try "srun: its argv, environment and streams" 0 '^in$' -- "${x[@]}" -s in gpu02 'cat; echo'
SLURM_CONF=/c try "srun: 2 MB there and back" 0 -- "${x[@]}" -b 2000000 gpu02 cat
SLURM_CONF=/c try "srun: another node" 1 "'srun' ended with status 1 .*it said: error: what is .*gpu03" -- "${x[@]}" gpu03
PATH=$old
if ! command -v srun >/dev/null; then
	try "srun: it is not installed" 1 "failed .*start 'srun': No such file or directory" -- "${x[@]}" gpu02
fi

#!/bin/bash
# run.sh - the ssh, local and Lua executors against a private sshd on 127.0.0.1. Prints one line
# per case and ends with "N passed, N failed, N skipped". Touches nobody's ~/.ssh: HOME is
# a temporary folder, and the servers are ours, with keys of ours.
# Functions and names here are for the parts that are sourced at the end.
# shellcheck disable=SC2317,SC2329,SC2034,SC2015
set -u
cd "$(dirname "$0")/../.." || exit 1
passed=0 failed=0 skipped=0
skip() { skipped=$((skipped + 1)); echo "SKIP $1: $2"; }
finish() { echo "$passed passed, $failed failed, $skipped skipped"; [ "$failed" = 0 ]; exit; }
for tool in /usr/sbin/sshd ssh-keygen ssh-agent ssh-keyscan cc; do
	command -v "$tool" >/dev/null || { skip ssh "there is no $tool"; finish; }
done
[ "$(id -u)" = 0 ] || { skip ssh "a private sshd that logs in needs root"; finish; }

T=$(mktemp -d)
me=$(id -un) ssh_pids=()
cleanup() {
	local p
	for p in "$T"/*.pid; do [ -f "$p" ] && kill "$(cat "$p")" 2>/dev/null; done
	[ ${#ssh_pids[@]} = 0 ] || kill "${ssh_pids[@]}" 2>/dev/null
	rm -rf "$T"
}
trap cleanup EXIT
mkdir -p "$T/home/.ssh" /run/sshd
export HOME=$T/home
unset SSH_AUTH_SOCK

# The executors alone, with the sanitizers: what they say counts as a failure.
flags='-g -O1 -std=c11 -D_GNU_SOURCE -I. -fsanitize=address,undefined -fno-sanitize-recover=all'
src='executors/loop.c executors/local.c executors/child.c executors/executor.c executors/transport.c
	executors/known_hosts.c executors/lua.c executors/lua_file.c executors/gate.c planner/script.c planner/value.c'
libs='libssh2 libcurl libcrypto lua5.4 jansson'
make -s "${B:-build}/gen/scripts.inc" || { failed=1; finish; }
mkdir "$T/o"
# shellcheck disable=SC2086
printf '%s\n' tests/ssh/drive.c $src executors/ssh*.c executors/near*.c lua/*.c planner/base/*.c |
	xargs -P "$(nproc)" -I{} sh -c "cc $flags -I${B:-build}/gen \$(pkg-config --cflags $libs) \
		-c {} -o $T/o/\$(echo {} | tr / _).o" || { failed=1; finish; }
# shellcheck disable=SC2046,SC2086
cc $flags "$T"/o/*.o -o "$T/drive" $(pkg-config --libs $libs) &&
	cc -O1 -std=c11 -D_GNU_SOURCE tests/ssh/server.c -o "$T/server" || { failed=1; finish; }
# libssh2 1.10 loses the host key's 51 bytes at every new key exchange.
echo 'leak:libssh2.so' >"$T/lsan"
export LSAN_OPTIONS=suppressions=$T/lsan:print_suppressions=0

free_port() {
	port=$((20000 + RANDOM % 20000))
	while (: <>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do port=$((port + 1)); done
}

# sshd NAME [LINE...]: a server with more lines of configuration; its port is $port_NAME.
start_sshd() {
	local name=$1 host="$T/host_ed25519" line i
	shift
	free_port
	printf -v "port_$name" %s "$port"
	for line in "$@"; do case $line in HostKey*) host= ;; esac; done
	{
		printf '%s\n' "Port $port" "ListenAddress 127.0.0.1" "PidFile $T/$name.pid" \
			"AuthorizedKeysFile $T/authorized" "StrictModes no" "UsePAM no" \
			"PermitRootLogin yes" "$@"
		[ -z "$host" ] || echo "HostKey $host"
		# A home without rc files, so that the machine's own do not matter.
		case $* in *SetEnv*) ;; *) echo "SetEnv HOME=$T/empty" ;; esac
	} >"$T/$name.conf"
	/usr/sbin/sshd -f "$T/$name.conf" -E "$T/$name.log"
	for ((i = 0; i < 100; i++)); do
		(: <>"/dev/tcp/127.0.0.1/$port") 2>/dev/null && break
		sleep 0.02
	done
	[ -n "$host" ] && echo "[127.0.0.1]:$port $(cut -d' ' -f1,2 "$host.pub")" >>"$HOME/.ssh/known_hosts"
}

# server MODE: one of ours that misbehaves; its port is $port_MODE.
start_server() {
	free_port
	printf -v "port_$1" %s "$port"
	"$T/server" "$1" "${2:-$port}" >"$T/$1.out" &
	ssh_pids+=($!)
	for _ in $(seq 500); do ! grep -qs listening "$T/$1.out" || break; sleep 0.02; done
}

# try NAME RC PATTERN... -- ARGS: run drive; its status is RC, each PATTERN (a regular
# expression) is in what it printed, those after "!" are not.
try() {
	local name=$1 rc=$2 want=() not='' p why='' got
	shift 2
	while [ "$1" != -- ]; do want+=("$1"); shift; done
	shift
	timeout 60 "$T/drive" "$@" >"$T/out" 2>&1
	got=$?
	[ "$got" = "$rc" ] || why="status $got"
	for p in "${want[@]}"; do
		case $p in '!') not=1; continue ;; esac
		if [ -n "$not" ]; then grep -qE -- "$p" "$T/out" && why="found: $p"
		else grep -qE -- "$p" "$T/out" || why="not found: $p"; fi
	done
	grep -qE 'Sanitizer|runtime error' "$T/out" && why=sanitizer
	if [ -z "$why" ]; then passed=$((passed + 1)); echo "ok $name"
	else failed=$((failed + 1)); echo "not ok $name ($why)"; sed 's/^/    /' "$T/out" | head -n 40; fi
}

key() { local n=$1; shift; ssh-keygen -q -f "$T/$n" -N '' -C "$n" "$@"; }
mkdir "$T/empty"
key host_ed25519 -t ed25519
key host_other -t ed25519
key host_rsa -t rsa
key host_ecdsa -t ecdsa
for k in 'ed25519 -t ed25519' 'ecdsa -t ecdsa' 'ecdsa384 -t ecdsa -b 384' \
	'ecdsa521 -t ecdsa -b 521' 'rsa -t rsa' 'stranger -t ed25519'; do
	# shellcheck disable=SC2086
	key $k
done
for k in ecdsa ecdsa384 rsa; do
	cp "$T/$k" "$T/$k.pem"; ssh-keygen -q -p -m PEM -N '' -f "$T/$k.pem" >/dev/null
	cp "$T/$k" "$T/$k.pkcs8"; ssh-keygen -q -p -m PKCS8 -N '' -f "$T/$k.pkcs8" >/dev/null
done
ssh-keygen -q -t ed25519 -N secret -f "$T/locked"
ssh-keygen -q -t rsa -m PEM -N secret -f "$T/lockedpem"
cat "$T"/{ed25519,ecdsa,ecdsa384,ecdsa521,rsa,locked,lockedpem}.pub >"$T/authorized"

[ $# -gt 0 ] || set -- tests/ssh/[0-9]*.sh
for part; do
	# shellcheck disable=SC1090
	. "$part"
done
finish

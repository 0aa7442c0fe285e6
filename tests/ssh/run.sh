#!/bin/bash
# run.sh [FILE...] - the ssh, local and Lua executors against private servers on 127.0.0.1.
# Prints one line per case and ends with "N passed, N failed, N skipped". Several files run side
# by side, each in a folder of its own; without FILE all of them, with TIER=more those that take
# longest, with TIER=check the others. Touches nobody's ~/.ssh: HOME is in that folder, and the
# servers are ours, with keys of ours.
# Functions and names here are for the parts that are sourced at the end.
# shellcheck disable=SC2317,SC2329,SC2034,SC2015
set -u
cd "$(dirname "$0")/../.." || exit 1
passed=0 failed=0 skipped=0
skip() { skipped=$((skipped + 1)); echo "SKIP $1: $2"; }
finish() { echo "$passed passed, $failed failed, $skipped skipped"; [ "$failed" = 0 ]; exit; }
for tool in /usr/sbin/sshd ssh ssh-keygen ssh-agent ssh-keyscan cc; do
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
B=${B:-build}
make -s "$B/tests/ssh/drive" "$B/tests/ssh/server" >&2 || { failed=1; finish; }
ln -s "$PWD/$B/tests/ssh/drive" "$PWD/$B/tests/ssh/server" "$T"
# libssh2 1.10 loses the host key's 51 bytes at every new key exchange.
echo 'leak:libssh2.so' >"$T/lsan"
export LSAN_OPTIONS=suppressions=$T/lsan:print_suppressions=0

# beside FILE...: a process for each, three at a time, the longest first.
beside() {
	local file line
	# shellcheck disable=SC2016
	printf '%s\n' "$@" | KEYS=$T xargs -P 3 -I '{}' \
		sh -c 'tests/ssh/run.sh "$1" >"$2/${1##*/}.out" 2>&1' each '{}' "$T"
	for file; do
		cat "$T/${file##*/}.out"
		line=$(tail -n 1 "$T/${file##*/}.out")
		if [[ $line =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed,\ ([0-9]+)\ skipped ]]; then
			passed=$((passed + BASH_REMATCH[1])) failed=$((failed + BASH_REMATCH[2]))
			skipped=$((skipped + BASH_REMATCH[3]))
		else
			failed=$((failed + 1))
			echo "not ok $file: it did not say what it tested"
		fi
	done
}

# A port of 127.0.0.1 where nobody listens, below those that the kernel lends to clients.
free_port() {
	port=$((20000 + RANDOM % 10000))
	while (: <>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do port=$((port + 1)); done
}

# sshd_config NAME PORT LINE...: its file.
sshd_config() {
	local name=$1 port=$2 host="HostKey $T/host_ed25519" home="SetEnv HOME=$T/empty"
	shift 2
	case $* in *HostKey*) host= ;; esac
	# A home without rc files, so that the machine's own have no effect.
	case $* in *SetEnv*) home= ;; esac
	printf '%s\n' "Port $port" "ListenAddress 127.0.0.1" "PidFile $T/$name.pid" \
		"AuthorizedKeysFile $T/authorized" "StrictModes no" "UsePAM no" \
		"PermitRootLogin yes" "$@" ${host:+"$host"} ${home:+"$home"} >"$T/$name.conf"
}

# need NAME...: servers that several files use.
need() {
	local name
	for name; do
		case $name in
		plain) start_sshd plain ;;
		rekey) start_sshd rekey "RekeyLimit 256K none" ;;
		noforward) start_sshd noforward "AllowTcpForwarding no" ;;
		password) start_sshd password "PubkeyAuthentication no" "PasswordAuthentication yes" ;;
		twice) start_sshd twice "PasswordAuthentication yes" "AuthenticationMethods publickey,password" ;;
		echo | silent) start_server "$name" ;;
		esac
	done
}

# start_sshd NAME [LINE...]: a server with more lines of configuration; its port is
# $port_NAME. It is up when its log says so: another one may have the port.
start_sshd() {
	local name=$1 tries i
	shift
	for tries in 1 2 3 4 5; do
		free_port
		sshd_config "$name" "$port" "$@"
		: >"$T/$name.log"
		/usr/sbin/sshd -f "$T/$name.conf" -E "$T/$name.log"
		for ((i = 0; i < 500; i++)); do
			grep -q "^Server listening on 127.0.0.1 port $port" "$T/$name.log" && break 2
			grep -q '^Cannot bind' "$T/$name.log" && break
			sleep 0.02
		done
		echo "sshd $name, try $tries, port $port: $(tail -n 2 "$T/$name.log")"
	done
	printf -v "port_$name" %s "$port"
	case $* in *HostKey*) ;; *) echo "[127.0.0.1]:$port $(cut -d' ' -f1,2 "$T/host_ed25519.pub")" >>"$HOME/.ssh/known_hosts" ;; esac
}

# server MODE: start one of our servers that misbehave; its port is $port_MODE.
start_server() {
	local tries i pid
	for tries in 1 2 3 4 5; do
		free_port
		"$T/server" "$1" "${2:-$port}" >"$T/$1.out" &
		pid=$!
		for ((i = 0; i < 500; i++)); do
			grep -qs listening "$T/$1.out" && break 2
			kill -0 "$pid" 2>/dev/null || break
			sleep 0.02
		done
		echo "server $1, try $tries, port $port: it does not listen"
	done
	ssh_pids+=("$pid")
	printf -v "port_$1" %s "$port"
}

# try NAME RC PATTERN... -- ARGS: run drive; its status must be RC, each PATTERN (a regular
# expression) must be in its output, those after "!" must not.
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
# Made once: those of a part are copies.
keys() {
	key host_ed25519 -t ed25519
	key host_other -t ed25519
	key host_rsa -t rsa -b 2048
	key host_ecdsa -t ecdsa
	for k in 'ed25519 -t ed25519' 'ecdsa -t ecdsa' 'ecdsa384 -t ecdsa -b 384' \
		'ecdsa521 -t ecdsa -b 521' 'rsa -t rsa -b 2048' 'stranger -t ed25519'; do
		# shellcheck disable=SC2086
		key $k
	done
	for k in ecdsa ecdsa384 rsa; do
		cp "$T/$k" "$T/$k.pem"; ssh-keygen -q -p -m PEM -N '' -f "$T/$k.pem" >/dev/null
		cp "$T/$k" "$T/$k.pkcs8"; ssh-keygen -q -p -m PKCS8 -N '' -f "$T/$k.pkcs8" >/dev/null
	done
	ssh-keygen -q -t ed25519 -N secret -f "$T/locked"
	ssh-keygen -q -t rsa -b 2048 -m PEM -N secret -f "$T/lockedpem"
	cat "$T"/{ed25519,ecdsa,ecdsa384,ecdsa521,rsa,locked,lockedpem}.pub >"$T/authorized"
}
mkdir "$T/empty"
if [ -n "${KEYS-}" ]; then cp -p "$KEYS"/{host_*,ed25519*,ecdsa*,rsa*,stranger*,locked*,authorized} "$T"; else keys; fi

few='tests/ssh/50-lost.sh tests/ssh/60-config.sh tests/ssh/30-streams.sh tests/ssh/10-login.sh
	tests/ssh/20-hostkey.sh tests/ssh/40-shells.sh'
many='tests/ssh/80-strict.sh tests/ssh/90-openssh.sh tests/ssh/70-lua.sh'
# shellcheck disable=SC2086
[ $# -gt 0 ] || case ${TIER-} in
check) set -- $few ;;
more) set -- $many ;;
*) set -- $many $few ;;
esac
if [ $# -gt 1 ]; then
	beside "$@"
else
	# shellcheck disable=SC1090
	. "$1"
fi
finish

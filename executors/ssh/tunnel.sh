# tunnel.sh - connect stdin and stdout to a TCP port
#	host, port  where to connect
#
# For executors whose Lua file has no tunnel function. The node provides python3, which every
# engine needs, or the nc of a small container. Python comes first because it passes on the end
# of one direction and keeps the other open.
# shellcheck shell=sh disable=SC2154
args 'host port' '' "$@" || exit
have() { command -v "$1" >/dev/null 2>&1; }

if have python3; then
	exec python3 -c '
import os, socket, sys, threading
try:
    s = socket.create_connection((sys.argv[1], int(sys.argv[2])), int(sys.argv[3]))
except Exception as e:
    sys.exit("connect to %s:%s: %s" % (sys.argv[1], sys.argv[2], e))
s.settimeout(None)
def send():
    try:
        while True:
            b = os.read(0, 65536)
            if not b:
                s.shutdown(socket.SHUT_WR)
                return
            s.sendall(b)
    except Exception:
        pass
t = threading.Thread(target=send)
t.daemon = True
t.start()
while True:
    b = s.recv(65536)
    if not b:
        os._exit(0)
    while b:
        b = b[os.write(1, b):]
' "$host" "$port" "$tunnel_limit"
fi
if have nc; then
	# OpenBSD's nc closes its side at the end of stdin only with -N.
	if nc -h 2>&1 | grep -q -e ' *-[A-Za-z]*N'; then exec nc -N -v "$host" "$port"; fi
	exec nc "$host" "$port"
fi
have busybox && exec busybox nc "$host" "$port"
echo "cannot connect to $host:$port: the node has neither python3 nor nc" >&2
exit 1

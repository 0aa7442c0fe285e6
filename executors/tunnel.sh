# tunnel.sh HOST PORT - stdin and stdout become a TCP connection to HOST:PORT
# shellcheck shell=sh disable=SC2016
#
# For executors whose Lua file says nothing of tunnels: run on the node, with what there
# is. Those come first that pass the end of one side on and leave the other open.
host=$1 port=$2
have() { command -v "$1" >/dev/null 2>&1; }

if have socat; then
	case $host in *:*) host=[$host] ;; esac
	exec socat -t 60 - "TCP:$host:$port"
fi
for python in python3 python; do
	have $python && exec $python -c '
import os, socket, sys, threading
try:
    s = socket.create_connection((sys.argv[1], int(sys.argv[2])), 10)
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
' "$host" "$port"
done
if have perl && perl -MIO::Socket::IP -e 1 2>/dev/null; then
	exec perl -MIO::Socket::IP -e '
$s = IO::Socket::IP->new(PeerHost => $ARGV[0], PeerPort => $ARGV[1], Timeout => 10)
	or die "connect to $ARGV[0]:$ARGV[1]: $@\n";
sub all { my ($from, $to) = @_; my $b;
	while (sysread($from, $b, 65536)) {
		for (my $n = 0; $n < length $b;) {
			my $w = syswrite($to, $b, length($b) - $n, $n) or return;
			$n += $w; } } }
$pid = fork;
if (!$pid) { all(\*STDIN, $s); shutdown($s, 1); exit 0 }
all($s, \*STDOUT);
kill "TERM", $pid;
' "$host" "$port"
fi
if have bash; then
	exec bash -c '
exec 4<&0
exec 3<>"/dev/tcp/$1/$2" || exit 1
cat <&4 >&3 &
writer=$!
cat <&3 4<&- &
reader=$!
exec 3>&- 4<&- </dev/null
wait -n
# It cannot pass on that we are done, so the other side may never be.
for ((i = 0; i < 5; i++)); do kill -0 $reader 2>/dev/null && sleep 1; done
kill $reader $writer 2>/dev/null
exit 0
' tunnel "$host" "$port"
fi
if have nc && nc -h 2>&1 | grep -q -e ' *-[A-Za-z]*N'; then
	exec nc -N -v "$host" "$port"
fi
for nc in nc ncat 'busybox nc'; do
	# shellcheck disable=SC2086
	if have "${nc%% *}" && { [ "$nc" = "${nc#* }" ] || $nc --help >/dev/null 2>&1; }; then
		exec $nc "$host" "$port"
	fi
done
echo "no way to connect to $host:$port: the node has neither socat, python3, perl, bash nor nc" >&2
exit 1

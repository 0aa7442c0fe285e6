# weights-give.sh - lets another node copy the files of a model from here; changes nothing
#	act      read: prints some blocks of a file. open: runs an sshd of its own, which lets one key
#	         read these files and nothing else, until dray is gone or ends this
#	hf_home  the cache of models
#	hub      the model's directory in it
#	commit   its commit
#	key      open: the public key
#	address  open: where to listen
#	send     open: the text of weights-send.sh
#	index, block, count  read: which file of the list, from which block on, how many at most
# stdin: the files, SIZE, TAB, BLOB, TAB, PATH a line. Says "open PORT HOSTKEY". Ends with status 3
# if there is no way to run an sshd. giving.sh comes before this text.
# shellcheck shell=sh disable=SC2034,SC2154
args 'act hf_home hub commit' 'key address send index block count' "$@" || exit
umask 077
cache=$hf_home/hub/$hub
tmp=$(mktemp -d) || exit 1
daemon=
trap 'trap "" HUP TERM; [ -z "$daemon" ] || kill "$daemon" 2>/dev/null; rm -rf "$tmp"' EXIT
trap 'exit 129' HUP
trap 'exit 143' TERM
list=$tmp/list
cat >"$list"
if [ "$act" = read ]; then
	giving "$index" "$block" "$count"
	exit
fi
none() {
	printf '%s\n' "$*" >&2
	exit 3
}
sshd=
for f in "$(command -v sshd)" /usr/sbin/sshd /usr/local/sbin/sshd /usr/lib/ssh/sshd /sbin/sshd; do
	[ -z "$sshd" ] && [ -x "$f" ] && sshd=$f
done
[ -n "$sshd" ] || none "there is no sshd"
ssh-keygen -q -t ed25519 -N '' -C dray -f "$tmp/host" </dev/null >/dev/null 2>&1 ||
	none "there is no ssh-keygen"
printf '%s\n' "$send" >"$tmp/send"
printf '%s\n' "$cache" "$commit" >"$tmp/model"
printf 'restrict %s\n' "$key" >"$tmp/keys"
tries=0
while [ "$tries" -lt 5 ]; do
	tries=$((tries + 1))
	port=$(awk -v s="$$$tries" 'BEGIN { srand(s + srand() % 100000); print 20000 + int(rand() * 12000) }')
	cat >"$tmp/config" <<-END
		Port $port
		ListenAddress $address
		HostKey $tmp/host
		PidFile none
		AuthorizedKeysFile $tmp/keys
		AuthenticationMethods publickey
		PermitRootLogin prohibit-password
		StrictModes no
		UsePAM no
		LoginGraceTime 20
		MaxStartups 10
		ForceCommand /bin/sh $tmp/send
	END
	"$sshd" -D -f "$tmp/config" -E "$tmp/log" </dev/null >/dev/null 2>&1 3>&- 8>&- 9>&- &
	daemon=$!
	naps=0
	while [ "$naps" -lt 50 ] && kill -0 "$daemon" 2>/dev/null; do
		if grep -q 'Server listening' "$tmp/log" 2>/dev/null; then
			read -r kind hostkey _ <"$tmp/host.pub"
			printf 'progress open %s %s %s\n' "$port" "$kind" "$hostkey" >&3
			echo wait >&3
			wait "$daemon"
			none "its sshd ended: $(tail -n 1 "$tmp/log")"
		fi
		naps=$((naps + 1))
		sleep 0.1 2>/dev/null || sleep 1
	done
	kill "$daemon" 2>/dev/null
	daemon=
done
none "no sshd can run there: $(tail -n 1 "$tmp/log" 2>/dev/null)"

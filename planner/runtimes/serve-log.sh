# serve-log.sh - functions of the scripts that wait for a server. What only the engine knows is in
# a script of its folder.
# shellcheck shell=sh disable=SC2154

# Runs in a container: copies stdin to the named pipe $1, once that is there.
# shellcheck disable=SC2016,SC2034
hand_over='n=0 limit='$key_limit'
until [ -p "$1" ]; do
	n=$((n + 1))
	[ $n -le $((10 * limit)) ] || exit 1
	sleep 0.1 || sleep 1
done
cat >"$1"'

# give SECRET: prints it. In some shells printf is a program, whose arguments everybody can see.
give() { GIVEN=$1 awk 'BEGIN { print ENVIRON["GIVEN"] }'; }

# seconds: sets $now, by a clock that nobody can set.
seconds() {
	now=
	read -r now _ </proc/uptime
	now=${now%.*} now=${now:-$(date +%s)}
}

# answers BIND PORT SCHEME: does the API speak HTTP? The node and its container share the network.
# Whose certificate it has does not matter here. Not every wget speaks TLS.
answers() {
	case $1 in 0.0.0.0 | :: | localhost | '') host=127.0.0.1 ;; *:*) host="[$1]" ;; *) host=$1 ;; esac
	if command -v curl >/dev/null; then
		curl -s -k -o /dev/null -m "$health_limit" --noproxy '*' "${3:-http}://$host:$2$ready_path"
	elif [ "${3:-http}" = http ] && command -v wget >/dev/null; then
		wget -q -T "$health_limit" -Y off -O /dev/null "http://$host:$2$ready_path" 2>/dev/null
	else
		awk -v p="$(printf ':%04X' "$2")" '$4 == "0A" && substr($2, length($2) - 4) == p { found = 1 }
			END { exit !found }' /proc/net/tcp /proc/net/tcp6 2>/dev/null
	fi
}

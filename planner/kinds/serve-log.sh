# serve-log.sh - functions of the scripts that wait for vllm serve; script_with() puts
# them before those
# shellcheck shell=sh

# Runs in a container: what comes in goes into the named pipe $1, once somebody made it.
# shellcheck disable=SC2016,SC2034
hand_over='n=0
until [ -p "$1" ]; do
	n=$((n + 1))
	[ $n -le 200 ] || exit 1
	sleep 0.1 || sleep 1
done
cat >"$1"'

# seconds: $now, by a clock that nobody sets.
seconds() {
	now=
	read -r now _ </proc/uptime
	now=${now%.*} now=${now:-$(date +%s)}
}

# answers BIND PORT: does the API speak HTTP? The node and its container share the network.
answers() {
	case $1 in 0.0.0.0 | :: | localhost | '') host=127.0.0.1 ;; *:*) host="[$1]" ;; *) host=$1 ;; esac
	if command -v curl >/dev/null; then
		curl -s -o /dev/null -m 2 --noproxy '*' "http://$host:$2/health"
	elif command -v wget >/dev/null; then
		wget -q -T 2 -Y off -O /dev/null "http://$host:$2/health" 2>/dev/null
	else
		awk -v p="$(printf ':%04X' "$2")" '$4 == "0A" && substr($2, length($2) - 4) == p { found = 1 }
			END { exit !found }' /proc/net/tcp /proc/net/tcp6 2>/dev/null
	fi
}

# What the log says of how far it is, in few words.
far() {
	tr '\r' '\n' | awk '
	/checkpoint shards: +[0-9]+%/ {
		match($0, /shards: +[0-9]+%/); s = substr($0, RSTART, RLENGTH); sub(/: +/, " ", s)
		far = "loading " s }
	/Waiting for creating a placement group/ { far = "waiting for a placement group" }
	/Starting to load model|Loading model weights/ { far = "loading the model" }
	/Loading weights took|Model loading took/ { far = "weights are loaded" }
	/torch.compile|Compiling a graph|Dynamo bytecode/ { far = "compiling" }
	/Capturing CUDA graph|Graph capturing/ { far = "capturing graphs" }
	/GPU KV cache size|CPU KV cache|# GPU blocks/ { far = "making the cache" }
	/Started server process|Waiting for application startup/ { far = "starting the API" }
	END { print far }'
}

# 60-plain.sh - one machine, without root
# shellcheck shell=bash disable=SC2016,SC2034,SC2119,SC2153,SC2154

# One machine, the local executor, a user who is not root and may use neither Docker nor ssh:
# that user does everything below. Two GPUs give tensor parallel 2.
plain_prepare() {
	on node1 sh -c 'id plain >/dev/null 2>&1 || useradd -m -s /bin/sh plain; chmod 711 /root'
	in_node node1 sh -c 'cat >/usr/local/bin/dray && chmod 755 /usr/local/bin/dray' <"$DRAY"
	cat >"$WORK/as-plain" <<END
#!/bin/sh
# Run a dray command on node1 as that user, with the spec in the caller's folder.
cat cluster.yaml >"$BED/node1/disk/home/plain/cluster.yaml"
[ ! -s ca.pem ] || cat ca.pem >"$BED/node1/disk/home/plain/ca.pem"
exec nsenter -t "$(node_pid node1)" -m -u -i -n -p -- setpriv --reuid plain --regid plain \\
	--clear-groups --inh-caps=-all --bounding-set=-all --no-new-privs env -i HOME=/home/plain \\
	USER=plain PATH="$NODE_PATH" sh -c 'cd && exec "\$@"' sh "\${BY_PLAIN:-dray}" "\$@"
END
	chmod 755 "$WORK/as-plain"
}

begin_plain() {
	CLUSTER=here NODES=node1 PORT=8000 LIMIT=240 RUNTIME=none
	DRAY=$WORK/as-plain
	cat >cluster.yaml <<END
cluster: here
nodes: [{name: here, executor: local}]
shared_dir: /home/plain/models
model: {repo: dray/tiny, endpoint: '$HUB'}
parallelism: auto
engine:
  runtime: none
  venv: $VENV
  env: {VLLM_CPU_KVCACHE_SPACE: 1, VLLM_CPU_OMP_THREADS_BIND: nobind, OMP_NUM_THREADS: 1,
    TORCHDYNAMO_DISABLE: 1, VLLM_USE_AOT_COMPILE: 0, VLLM_NO_USAGE_STATS: 1}
  args: {dtype: bfloat16, max-model-len: 512}
serve: {port: 8000, bind: 127.0.0.1, name: tiny}
probe: {timeout: 60}
END
}

# A mirror of the Hub with TLS of its own authority; the real hf downloads from it.
t_plain_ca() {
	local port=$((HUB_PORT + 1)) mirror without
	{
		openssl req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -subj /CN=bed-ca -days 2
		openssl req -newkey rsa:2048 -nodes -keyout mirror.key -out mirror.csr -subj /CN=mirror
		openssl x509 -req -in mirror.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out mirror.pem -days 2 \
			-extfile <(echo "subjectAltName=IP:$HUB_IP")
	} 2>openssl.log || fail "openssl: $(tail -n 1 openssl.log)"
	plain_prepare
	begin_plain
	BY_PLAIN='rm' "$DRAY" -rf models .local/state/dray
	BY_PLAIN='mkdir' "$DRAY" -p models
	sed -i "s|endpoint: '[^']*'|endpoint: 'https://$HUB_IP:$port'|" cluster.yaml
	detach /usr/bin/python3 "$TESTBED/hub.py" "$HUB_ROOT" "$HUB_IP" "$port" "$PWD/mirror.pem" "$PWD/mirror.key" \
		</dev/null >mirror.log 2>&1 &
	mirror=$!
	wait_for 60 "the mirror" curl -fs --cacert ca.pem "https://$HUB_IP:$port/_root" -o /dev/null
	dray apply -auto-approve -target download
	without=$rc$out$err
	sed -i 's|endpoint: |ca: ca.pem, &|' cluster.yaml
	dray apply -auto-approve -target download
	kill "$mirror"
	wants 0
	case $without in [13]*certificate*) ;; *) fail "without model.ca: $without" ;; esac
	grep -q "$NET.1 .*GET /dray/tiny/cdn/.*safetensors" mirror.log || fail "the weights did not come from the mirror"
	dray plan -detailed-exitcode -target download
	wants 0
	BY_PLAIN='rm' "$DRAY" -rf models ca.pem .cache/dray .local/state/dray
}

plain_server() { # pid and birth of the server, as the machine sees it
	on node1 sh -c 'for p in $(pgrep -u plain -f "/vllm serve "); do
		read -r line <"/proc/$p/stat" && set -- ${line##*) } && [ "$4" = "$p" ] && echo "$p@${20}"
	done'
}

t_plain_up() {
	plain_prepare
	begin_plain
	BY_PLAIN='mkdir' "$DRAY" -p models
	! BY_PLAIN='docker' "$DRAY" ps >/dev/null 2>&1 || fail "that user may use Docker"
	dray plan -detailed-exitcode
	wants 2
	says 'layout  TP 2 × PP 1 over 1 node × 2 NVIDIA H200, mp'
	apply
	on node1 curl -fsS -m 20 http://127.0.0.1:8000/v1/chat/completions -H 'Content-Type: application/json' \
		-d '{"model": "tiny", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 3}' |
		grep -q '"completion_tokens":[1-9]' || fail "no completion"
	plain_server >"$WORK/plain-before"
	[ -s "$WORK/plain-before" ] || fail "no server of that user"
	dray apply
	wants 0
	says 'No changes'
}

t_plain_changed() {
	begin_plain
	sed -i 's/max-model-len: 512/max-model-len: 256/' cluster.yaml
	dray plan
	says 'max-model-len = 512 -> 256'
	apply
	plain_server >now
	! cmp -s now "$WORK/plain-before" || fail "the server is the same"
	cp now "$WORK/plain-before"
}

t_plain_killed() {
	begin_plain
	sed -i 's/max-model-len: 512/max-model-len: 256/' cluster.yaml
	on node1 kill -9 "$(cut -d@ -f1 "$WORK/plain-before")"
	dray plan -detailed-exitcode
	wants 2
	says 'rank\[here\] will be restarted (because its process was killed' # with its status, once that is known
	apply
	[ "$(plain_server | wc -l)" = 1 ] || fail "not one server"
}

t_plain_away() {
	begin_plain
	dray destroy -auto-approve
	wants 0
	what=$(on node1 pgrep -u plain -a || :)
	[ -z "$what" ] || fail "processes are left: $what"
	what=$(on node1 sh -c 'find /home/plain/.local/state/dray /tmp /dev/shm -user plain 2>/dev/null' || :)
	[ -z "$what" ] || fail "files are left: $what"
	what=$(on node1 sh -c 'find / -xdev -newer /usr/local/bin/dray -user root -path "*dray*" ! -path "/proc/*" 2>/dev/null' || :)
	[ -z "$what" ] || fail "root has files of it: $what"
}

scenario "one machine, no root: a mirror with an authority of its own" t_plain_ca
scenario "one machine, no root: from nothing to a completion, then nothing to do" t_plain_up
scenario "one machine, no root: a changed argument" t_plain_changed
scenario "one machine, no root: a killed server is seen and repaired" t_plain_killed
scenario "one machine, no root: destroy leaves nothing" t_plain_away

#!/bin/bash
# sources.sh [REGEX] - models that are not on the Hub, from their servers to the stand-in engine: this
# machine is the only node (executor: local, runtime: none). Needs no root. REGEX: only tests of that
# name. Ends with a counting line.
# shellcheck disable=SC2016
set -u
cd "$(dirname "$0")/.." || exit 1
DRAY=${DRAY:-$PWD/build/dray}
tests=$PWD/tests
passed=0 failed=0 skipped=0
skip_all() {
	echo "SKIP sources: $1"
	echo "sources: 0 passed, 0 failed, 1 skipped"
	exit 0
}
for tool in gcc python3 openssl; do command -v $tool >/dev/null || skip_all "no $tool"; done
export CACHE=${DRAY_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/dray-testbed}
tmp=$(mktemp -d)
cd "$tmp" || exit 1
DRAY_CACHE=$CACHE "$tests/testbed/standin/build.sh" >build.log 2>&1 ||
	skip_all "the stand-in cannot be built: $(tail -n 1 build.log)"

mkdir -p bin nv models/tiny/sub shared
cp "$CACHE"/standin/hub/dray/tiny/*.* models/tiny
echo '{}' >"models/tiny/sub/a file.json"
sed "s|^dir=.*|dir=$tmp/nv|" "$tests/testbed/nvidia-smi" >bin/nvidia-smi
chmod +x bin/nvidia-smi
head -n 2 "$tests/fixtures/nvidia-h200-x2/query.csv" >nv/query.csv
echo 'pid, process_name, gpu_uuid, used_gpu_memory [MiB]' >nv/compute-apps.csv
export PATH=$tmp/bin:$PATH XDG_STATE_HOME=$tmp/state XDG_CACHE_HOME=$tmp/cache HOME=$tmp NO_COLOR=1
unset http_proxy https_proxy HTTP_PROXY HTTPS_PROXY all_proxy ALL_PROXY

# An authority of our own, and a certificate of 127.0.0.1 by it.
certs() {
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout ca.key -out ca.pem -subj /CN=test-ca -days 2 &&
		openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout web.key -out web.csr -subj /CN=127.0.0.1 &&
		openssl x509 -req -in web.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out web.pem -days 2 \
			-extfile <(echo 'subjectAltName=IP:127.0.0.1')
}
certs >certs.log 2>&1 || skip_all "openssl makes no certificates: $(tail -n 1 certs.log)"
servers=
# served NAME: waits for the port of a server of this test, and prints it.
served() {
	for _ in $(seq 600); do [ ! -s "$tmp/$1.port" ] || break; sleep 0.1; done
	cat "$tmp/$1.port"
}
free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
PORT=$(free_port)
CLUSTER=sources-$$
# spec MODEL: what is in the braces of model:
spec() {
	cat >cluster.yaml <<-END
		cluster: $CLUSTER
		nodes: [{name: here, executor: local, gpus: 1}]
		shared_dir: $tmp/shared
		model: {$1}
		parallelism: {tensor: 1, pipeline: 1}
		engine: {runtime: none, venv: $CACHE/standin/venv, backend: mp, args: {max-model-len: 300}}
		serve: {port: $PORT, bind: 127.0.0.1, name: tiny}
		probe: {prompt: hello, max_tokens: 4, timeout: 60}
	END
}
dray() {
	rc=0
	timeout -k 5 120 "$DRAY" "$@" >out 2>err </dev/null || rc=$?
	echo "\$ dray $* -> $rc" >>log
	cat out err >>log
}
fail() {
	echo "$*" >why
	exit 1
}
wants() { [ "$rc" = "$1" ] || fail "dray ended with $rc, not $1"; }
says() { grep -q -e "$1" out err || fail "dray did not say: $1"; }
not_says() { ! grep -q -e "$1" out err || fail "dray said: $1"; }
# apply: and the plan after it is empty.
apply() {
	dray apply -auto-approve
	wants 0
	dray plan -detailed-exitcode
	wants 0
}
# identity: what the plan takes the model for, all 40 digits of it.
identity() { dray plan -json && grep -o '"commit": *"[0-9a-f]\{40\}"' out | head -n 1 | grep -o '[0-9a-f]\{40\}'; }
snapshot() { echo "$tmp"/shared/.cache/huggingface/hub/models--*/snapshots/"$1"; }
# away: no model is left.
away() { rm -rf shared/.cache/huggingface/hub; }
demand() { printf '%s\n' "$@" >models/.demands; }

only=${1:-.}
check() {
	local name=$1 fn=$2
	[[ $name =~ $only ]] || return 0
	: >log
	rm -f why models/.demands
	(set -eEu; trap '[ -e why ] || echo "${FUNCNAME[0]:-} line $LINENO: $BASH_COMMAND" >why' ERR; "$fn")
	# shellcheck disable=SC2181
	if [ $? = 0 ]; then
		passed=$((passed + 1))
		echo "ok $name"
	else
		failed=$((failed + 1))
		echo "not ok $name: $(cat why)"
		tail -n 40 log | sed 's/^/    /'
	fi
}
cleanup() {
	timeout 120 "$DRAY" destroy -auto-approve -f "$tmp/cluster.yaml" >/dev/null 2>&1
	# shellcheck disable=SC2086
	[ -z "$servers" ] || kill $servers 2>/dev/null
	rm -rf "$tmp"
}
trap cleanup EXIT
trap 'exit 130' INT TERM HUP

# ---- a folder on a web server, with an authority of its own ----------------------------

# sums: writes the list of models/tiny.
sums() { (cd models/tiny && find . -type f ! -name "SHA256*" -exec sha256sum {} + >SHA256SUMS); }
sums
python3 "$tests/web.py" models web.log web.port web.pem web.key 2>web.err &
servers="$servers $!"
WEB=https://127.0.0.1:$(served web)
: >web.log

t_web() {
	spec "url: '$WEB/tiny/', ca: ca.pem"
	dray plan
	says "model   $WEB/tiny @ latest = [0-9a-f]\{12\}   6 files, 0.0 GB"
	says 'repo *= *'"$WEB/tiny"
	apply
	local dir
	dir=$(snapshot "$(identity)")
	cmp "$dir/model.safetensors" models/tiny/model.safetensors
	cmp "$dir/sub/a file.json" "models/tiny/sub/a file.json"
	[ "$(readlink "$dir/config.json")" = "../../blobs/$(sha256sum <models/tiny/config.json | cut -d' ' -f1)" ]
	[ -z "$(find shared -name '*.incomplete')" ]
	! grep -rq 'PRIVATE KEY' shared
}
t_other_ca() {
	spec "url: '$WEB/tiny'"
	dray plan
	says 'the server cannot be reached: .*certificate'
	spec "url: '$WEB/tiny', ca: web.key"
	dray plan
	wants 1
	says "model.ca: '.*web.key' has no certificate"
	spec "url: '$WEB/tiny', ca: nowhere.pem"
	dray plan
	wants 1
	says 'model.ca: .*nowhere.pem.*No such file'
}
t_pinned() {
	local id
	spec "url: '$WEB/tiny', ca: ca.pem"
	id=$(identity)
	spec "url: '$WEB/tiny', ca: ca.pem, revision: $id"
	apply
	: >web.log
	dray plan -detailed-exitcode
	wants 0
	[ ! -s web.log ] || fail "the server was asked: $(cat web.log)"
	spec "url: '$WEB/tiny', ca: ca.pem, revision: 0123456789012345678901234567890123456789"
	dray plan
	wants 1
	says "what is there now is $id, not what 'revision' pins"
}
t_changed() {
	spec "url: '$WEB/tiny', ca: ca.pem"
	apply
	local old new
	old=$(identity)
	echo '{"x": 1}' >"models/tiny/sub/a file.json"
	dray apply -auto-approve
	wants 3
	says "'sub/a file.json' is not the file that the list says"
	sums
	apply
	new=$(identity)
	[ "$old" != "$new" ]
	[ -d "$(snapshot "$old")" ] && [ -d "$(snapshot "$new")" ]
}
t_drift() {
	spec "url: '$WEB/tiny', ca: ca.pem"
	apply
	local dir
	dir=$(snapshot "$(identity)")
	rm "$dir/tokenizer.json"
	dray plan -detailed-exitcode
	wants 2
	says "1 of 6 files are missing or incomplete, such as 'tokenizer.json'"
	apply
	truncate -s 5 "$(readlink -f "$dir/config.json")"
	dray plan -detailed-exitcode
	wants 2
	apply
	cmp "$dir/config.json" models/tiny/config.json
}
t_half() {
	spec "url: '$WEB/tiny', ca: ca.pem"
	away
	: >web.log
	demand 'cut 1000000'
	apply
	cmp "$(snapshot "$(identity)")/model.safetensors" models/tiny/model.safetensors
	grep -q 'GET /tiny/model.safetensors 206 bytes=1000000-' web.log
	away
	demand norange
	mkdir -p "$(snapshot x)" # (the folder's name)
	apply
}
t_token() {
	spec "url: '$WEB/tiny', ca: ca.pem, token: 'env:WEB_TOKEN'"
	away
	export WEB_TOKEN=POISON-1
	demand 'token POISON-1'
	apply
	! grep -rq POISON-1 shared cache state log || fail "the token is somewhere: $(grep -rl POISON-1 shared cache state log)"
	WEB_TOKEN=other
	dray plan
	says "refuses .*the token of model.token is not valid for it"
}
t_wrong_list() {
	spec "url: '$WEB/tiny', ca: ca.pem"
	cp models/tiny/SHA256SUMS sums
	echo "$(printf '%064d' 0)  ../../etc/passwd" >>models/tiny/SHA256SUMS
	dray plan
	says "its list has a file with an invalid name, '../../etc/passwd'"
	{ cat sums; echo "not a line"; } >models/tiny/SHA256SUMS
	dray plan
	says 'SHA256SUMS: line 7 is not one of sha256sum'
	{ cat sums; echo "$(printf '%064d' 0)  gone.bin"; } >models/tiny/SHA256SUMS
	dray plan
	says "the server has no '$WEB/tiny/gone.bin'"
	cp sums models/tiny/SHA256SUMS
	away
	demand 'away /tiny/tokenizer.json'
	dray apply -auto-approve
	wants 3
	says 'not encrypted'
}
check "a folder on a web server, with a CA of its own" t_web
check "another CA, and files that hold none" t_other_ca
check "what is pinned and there needs no server" t_pinned
check "a file that changes without the list, and with it" t_changed
check "a file that is missing, and one that was cut" t_drift
check "half a file is continued" t_half
check "a token, which stays with its server" t_token
check "a list that is wrong" t_wrong_list

# ---- ModelScope, as its API answers ------------------------------------------------------

mkdir -p models/acme/lora
cp -r models/tiny models/acme/tiny
rm models/acme/tiny/SHA256SUMS
echo '{"r": 8}' >models/acme/lora/adapter_config.json
echo weights >models/acme/lora/adapter_model.safetensors
python3 "$tests/web.py" models ms.log ms.port 2>ms.err &
servers="$servers $!"
MS=http://127.0.0.1:$(served ms)
: >ms.log

t_modelscope() {
	spec "repo: acme/tiny, source: modelscope, endpoint: '$MS'"
	away
	dray plan
	says "model   modelscope:acme/tiny @ master = [0-9a-f]\{12\}   6 files, 0.0 GB"
	apply
	local dir
	dir=$(snapshot "$(identity)")
	case $dir in */models--modelscope--acme--tiny/*) ;; *) fail "it is in $dir" ;; esac
	cmp "$dir/model.safetensors" models/acme/tiny/model.safetensors
	cmp "$dir/sub/a file.json" "models/acme/tiny/sub/a file.json"
	# A commit is what it is.
	spec "repo: acme/tiny, source: modelscope, endpoint: '$MS', revision: $(printf '5%.0s' $(seq 40))"
	apply
	: >ms.log
	dray plan -detailed-exitcode
	wants 0
	[ ! -s ms.log ] || fail "ModelScope was asked: $(cat ms.log)"
}
t_modelscope_says() {
	away
	spec "repo: acme/nothing, source: modelscope, endpoint: '$MS'"
	dray plan
	wants 1
	says 'ModelScope has no .*The model does not exist'
	spec "repo: acme/tiny, source: modelscope, endpoint: '$MS', revision: v9"
	dray plan
	says 'git revision v9 not found'
}
t_modelscope_token() {
	away
	spec "repo: acme/tiny, source: modelscope, endpoint: '$MS', token: 'env:MS_TOKEN'"
	export MS_TOKEN=POISON-3
	demand 'session POISON-3'
	: >ms.log
	apply
	# The large file comes from another host, which gets no cookie.
	grep -q 'GET /acme/tiny/model.safetensors 200 - - -$' ms.log
	grep -q 'GET /api/v1/models/acme/tiny/repo?Revision=master&FilePath=model.safetensors 302 - - m_session_id=POISON-3$' ms.log
	! grep -rq POISON-3 shared cache state log || fail "the token is somewhere"
}
t_modelscope_others() {
	away
	spec "repo: acme/tiny, source: modelscope, endpoint: '$MS', extra: [{repo: acme/lora, for: lora}]"
	apply
	says 'lora    modelscope:acme/lora @ master = [0-9a-f]*   2 files'
	grep -q weights shared/.cache/huggingface/hub/models--modelscope--acme--lora/snapshots/*/adapter_model.safetensors
}
check "a repository on ModelScope, by branch and by commit" t_modelscope
check "what ModelScope says is said" t_modelscope_says
check "a token for ModelScope" t_modelscope_token
check "other repositories come from there, too" t_modelscope_others

# ---- a bucket, as moto serves it ---------------------------------------------------------

# moto (from PyPI) checks signatures once there were so many requests as it takes to make a user.
moto_here() {
	[ ! -e "$CACHE/moto/done" ] || return 0
	mkdir -p "$CACHE" && exec 9>"$CACHE/moto.lock" && flock 9
	[ ! -e "$CACHE/moto/done" ] || return 0
	rm -rf "$CACHE/moto"
	timeout 300 python3 -m venv "$CACHE/moto" &&
		timeout 900 "$CACHE/moto/bin/pip" install -q 'moto[server,s3,iam]==5.2.*' && touch "$CACHE/moto/done"
}
if ! moto_here >moto.log 2>&1; then
	echo "SKIP sources: buckets: no moto: $(tail -n 1 moto.log)"
	skipped=$((skipped + 1))
else
	# It and the client that fills it are one process, since each start of boto3 takes a second of CPU.
	# A list of more than one page is put into the server itself: a request for each object takes long.
	cat >bucket.py <<-'END'
		# bucket.py PORT: a server, with a user and a role for an hour, whose keys go into `keys`. What comes
		# from `ask` is Python for a client `s3` of that user; `answer` gets what went wrong.
		import boto3, os, socket, sys, textwrap, threading, time, traceback
		from botocore.config import Config
		from moto.s3.models import s3_backends
		from moto.server import main

		def client(name, key, secret):
		    return boto3.client(name, endpoint_url="http://127.0.0.1:" + sys.argv[1], region_name="eu-central-1",
		                        aws_access_key_id=key, aws_secret_access_key=secret,
		                        config=Config(retries={"total_max_attempts": 1}))

		def users():
		    iam, sts = client("iam", "x", "x"), client("sts", "x", "x")
		    may = '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}'
		    iam.create_user(UserName="dray")
		    key = iam.create_access_key(UserName="dray")["AccessKey"]
		    iam.put_user_policy(UserName="dray", PolicyName="all", PolicyDocument=may)
		    role = iam.create_role(RoleName="hour", AssumeRolePolicyDocument="{}")["Role"]
		    iam.put_role_policy(RoleName="hour", PolicyName="all", PolicyDocument=may)
		    hour = sts.assume_role(RoleArn=role["Arn"], RoleSessionName="dray")["Credentials"]
		    with open("keys", "w") as f:
		        print(key["AccessKeyId"], key["SecretAccessKey"], hour["AccessKeyId"], hour["SecretAccessKey"],
		              hour["SessionToken"], file=f)
		    return client("s3", key["AccessKeyId"], key["SecretAccessKey"])

		def listens():
		    with socket.socket() as s:
		        return s.connect_ex(("127.0.0.1", int(sys.argv[1]))) == 0

		def ask():
		    while not listens():
		        time.sleep(0.1)
		    s3 = users()
		    while True:
		        with open("ask") as f:
		            text = f.read()
		        wrong = ""
		        try:
		            exec(textwrap.dedent(text), {"s3": s3, "os": os})
		        except Exception:
		            wrong = traceback.format_exc()
		        with open("answer", "w") as f:
		            f.write(wrong)

		s3 = s3_backends["123456789012"]["aws"]
		s3.create_bucket("pages", "eu-central-1")
		for i in range(1003):
		    s3.put_object("pages", "many/part-%05d.json" % i, b"{}")
		threading.Thread(target=ask, daemon=True).start()
		main(["-p", sys.argv[1]])
	END
	MOTO=$(free_port)
	mkfifo keys ask answer
	INITIAL_NO_AUTH_ACTION_COUNT=6 "$CACHE/moto/bin/python" bucket.py "$MOTO" >moto.out 2>&1 &
	servers="$servers $!"
	read -r AWS_KEY AWS_SECRET HOUR_KEY HOUR_SECRET HOUR_TOKEN < <(timeout 120 cat keys)
	export AWS_KEY AWS_SECRET HOUR_KEY HOUR_SECRET HOUR_TOKEN
	# s3 CODE: Python with a client `s3` of that user.
	s3() {
		local wrong
		wrong=$(timeout 60 sh -c 'printf "%s\n" "$1" >ask; cat answer' s3 "$1") || fail "the bucket's server does not answer"
		[ -z "$wrong" ] || fail "$wrong"
	}
	KEYS="access_key: 'env:AWS_KEY', secret_key: 'env:AWS_SECRET', region: eu-central-1"
	bucket_spec() { spec "url: 's3://models/llm/tiny', endpoint: 'http://127.0.0.1:$MOTO', ${1-$KEYS}"; }
fi
t_bucket() {
	s3 "
		s3.create_bucket(Bucket='models', CreateBucketConfiguration={'LocationConstraint': 'eu-central-1'})
		s3.put_object(Bucket='models', Key='llm/tiny/', Body=b'')
		s3.put_object(Bucket='models', Key='llm/tiny2/config.json', Body=b'{}')
		s3.put_object(Bucket='models', Key='llm/tiny/odd +&%~(1).txt', Body=b'odd')
		for d, _, names in os.walk('models/tiny'):
		    for n in names:
		        if not n.startswith('SHA'):
		            s3.put_object(Bucket='models', Key='llm/' + os.path.join(d, n)[7:], Body=open(os.path.join(d, n), 'rb'))
	"
	bucket_spec
	away
	apply
	local dir
	dir=$(snapshot "$(identity)")
	cmp "$dir/model.safetensors" models/tiny/model.safetensors
	[ "$(cat "$dir/odd +&%~(1).txt")" = odd ]
	# Of what was not written in parts the ETag is the MD5.
	[ "$(readlink "$dir/config.json")" = "../../blobs/$(md5sum <models/tiny/config.json | cut -d' ' -f1)" ]
	! grep -rqF "$AWS_SECRET" shared cache state log || fail "the secret is somewhere"
	dray plan -json
	! grep -qF "$AWS_SECRET" out
}
t_bucket_refuses() {
	away
	AWS_SECRET=POISON-2 bucket_spec
	AWS_SECRET=POISON-2 dray plan
	says "the bucket refuses .*SignatureDoesNotMatch.*keys (model.access_key, secret_key) are not valid"
	not_says POISON-2
	bucket_spec "$KEYS, revision: 0123456789012345678901234567890123456789"
	dray plan
	wants 1
	says "what is there now is [0-9a-f]*, not what 'revision' pins"
	sed -i 's|s3://models|s3://nomodels|' cluster.yaml
	dray plan
	wants 1
	says "the bucket has no .*NoSuchBucket"
}
# Keys for an hour count only together with their token, which moto asks for.
t_bucket_session() {
	local hour="access_key: 'env:HOUR_KEY', secret_key: 'env:HOUR_SECRET', region: eu-central-1"
	away
	bucket_spec "$hour"
	dray plan
	says 'the bucket refuses .*InvalidAccessKeyId.*set model.session_token'
	bucket_spec "$hour, session_token: 'env:HOUR_TOKEN'"
	apply
	cmp "$(snapshot "$(identity)")/model.safetensors" models/tiny/model.safetensors
	! grep -rqF -e "$HOUR_SECRET" -e "$HOUR_TOKEN" shared cache state log || fail "a secret is somewhere"
}
t_bucket_hashes() {
	local dir one two
	bucket_spec
	away
	# In parts, and with a SHA-256 of its own.
	s3 "
		k = dict(Bucket='models', Key='llm/tiny/model.safetensors')
		u = s3.create_multipart_upload(**k)['UploadId']
		b = open('models/tiny/model.safetensors', 'rb').read() * 3
		parts = [dict(PartNumber=i + 1, ETag=s3.upload_part(**k, UploadId=u, PartNumber=i + 1, Body=x)['ETag'])
		         for i, x in enumerate((b[:5 << 20], b[5 << 20:]))]
		s3.complete_multipart_upload(**k, UploadId=u, MultipartUpload={'Parts': parts})
		s3.put_object(Bucket='models', Key='llm/tiny/tokenizer.json', ChecksumAlgorithm='SHA256',
		              Body=open('models/tiny/tokenizer.json', 'rb'))
	"
	apply
	one=$(identity)
	dir=$(snapshot "$one")
	[ "$(stat -c %s "$dir/model.safetensors")" = 9000000 ]
	[ ! -L "$dir/model.safetensors" ] || fail "a hash of it is known: $(readlink "$dir/model.safetensors")"
	[ "$(readlink "$dir/tokenizer.json")" = "../../blobs/$(sha256sum <models/tiny/tokenizer.json | cut -d' ' -f1)" ]
	# A file with all hashes counts more.
	s3 "
		import hashlib
		names = [o['Key'][9:] for o in s3.list_objects_v2(Bucket='models', Prefix='llm/tiny/')['Contents']][1:]
		sums = ''.join(hashlib.sha256(s3.get_object(Bucket='models', Key='llm/tiny/' + n)['Body'].read()).hexdigest()
		               + '  ' + n + '\\n' for n in names)
		s3.put_object(Bucket='models', Key='llm/tiny/SHA256SUMS', Body=sums.encode())
	"
	apply
	two=$(identity)
	[ "$one" != "$two" ]
	[ -L "$(snapshot "$two")/model.safetensors" ]
	# Another object of that name, with the same size: by the hashes it is not the one that is meant.
	away
	s3 "
		s3.put_object(Bucket='models', Key='llm/tiny/tokenizer.json', Body=b'x' * 72)
	"
	dray apply -auto-approve
	wants 3
	says "'tokenizer.json' is not the file that the list says"
	s3 "
		s3.delete_object(Bucket='models', Key='llm/tiny/SHA256SUMS')
	"
	apply
}
t_bucket_pages() {
	s3 "
		s3.put_object(Bucket='models', Key='odd/../../etc/passwd', Body=b'{}')
	"
	bucket_spec
	sed -i 's|models/llm/tiny|pages/many|' cluster.yaml
	dray plan
	says 'model   s3://pages/many @ latest = [0-9a-f]*   1003 files'
	sed -i 's|pages/many|models/odd|' cluster.yaml
	dray plan
	says "its list has a file with an invalid name, '../../etc/passwd'"
	sed -i 's|models/odd|models/nothing|' cluster.yaml
	dray plan
	says 'it has no files'
}
if [ -n "${MOTO-}" ]; then
	check "a bucket, with signed requests" t_bucket
	check "keys and buckets that are wrong" t_bucket_refuses
	check "keys for an hour, with their token" t_bucket_session
	check "hashes of objects" t_bucket_hashes
	check "a list of several pages, and odd ones" t_bucket_pages
fi

echo "sources: $passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]

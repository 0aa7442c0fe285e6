# 30-bucket.sh - a bucket, as moto serves it
# shellcheck shell=bash disable=SC2016,SC2034,SC2154

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
	MOTO=$(free_port)
	mkfifo keys ask answer
	INITIAL_NO_AUTH_ACTION_COUNT=6 "$CACHE/moto/bin/python" "$tests/sources/bucket.py" "$MOTO" >moto.out 2>&1 &
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

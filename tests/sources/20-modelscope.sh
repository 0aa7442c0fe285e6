# 20-modelscope.sh - ModelScope, as its API answers
# shellcheck shell=bash disable=SC2016,SC2034,SC2154

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

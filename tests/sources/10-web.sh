# 10-web.sh - a folder on a web server, with an authority of its own
# shellcheck shell=bash disable=SC2016,SC2034,SC2154

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

# 20-hostkey.sh - which hosts are trusted, and the errors for the others.
# shellcheck shell=bash disable=SC2154

need plain
kh=$T/kh
name="[127.0.0.1]:$port_plain"
good=$(cut -d' ' -f1,2 "$T/host_ed25519.pub") other=$(cut -d' ' -f1,2 "$T/host_other.pub")
print=$(ssh-keygen -lf "$T/host_ed25519.pub" | cut -d' ' -f2 | sed 's/[+.]/\\&/g')
at=(-p "$port_plain" -c none -i "$T/ed25519" -k "$kh")

# known NAME RC TEXT PATTERN...: known_hosts has this text.
known() {
	local what=$1 rc=$2
	printf '%s\n' "$3" >"$kh"
	shift 3
	try "$what" "$rc" "$@" -- "${at[@]}" 127.0.0.1 'echo hello'
}
known "plain name and port" 0 "$name $good" hello
known "a pattern" 0 "[127.0.0.*]:* $good" hello
known "a pattern that rules it out" 1 "![127.0.0.1]:*,[127.0.0.*]:* $good" 'is not known'
known "the name without its port" 0 "127.0.0.1 $good" hello
known "behind a broken and a long line" 0 \
	"$(printf 'x\n%s ssh-ed25519 !!!\n%s ssh-ed25519 %s\n%s %s' "$name" "$name" \
		"$(head -c 20000 /dev/zero | tr '\0' A)" "$name" "$good")" hello
known "among keys of other types" 0 \
	"$(printf '%s %s\n%s %s' "$name" "$(cut -d' ' -f1,2 "$T/host_rsa.pub")" "$name" "$good")" hello
echo "$name $good" >"$kh" && ssh-keygen -q -H -f "$kh" >/dev/null 2>&1 && rm -f "$kh.old"
try "hashed" 0 hello -- "${at[@]}" 127.0.0.1 'echo hello'
known "unknown" 1 "" "verify host key: the key of '\\[127.0.0.1\\]:$port_plain' is not known \\(ssh-ed25519 $print\\)"
hint=$(sed -n 's/^drive: hint: .*run once: //p' "$T/out")
case $hint in
"ssh-keyscan "*) bash -c "$hint" 2>/dev/null ;;
esac
try "after the hint's command was run" 0 hello -- "${at[@]}" 127.0.0.1 'echo hello'
known "of another type only" 1 "$name $(cut -d' ' -f1,2 "$T/host_rsa.pub")" \
	"is not known .*$kh:1 has only its ssh-rsa key"
known "changed" 1 "$(printf '# a line\n%s %s' "$name" "$other")" \
	"verify host key: the key changed \\(ssh-ed25519 $print is not the one in $kh:2\\)" \
	"hint: .*ssh-keygen -f $kh -R '\\[127.0.0.1\\]:$port_plain'"
known "revoked" 1 "$(printf '%s %s\n@revoked * %s' "$name" "$good" "$good")" "is revoked by $kh:2"
known "a certificate authority" 1 "@cert-authority * $other" "$kh:1 is a @cert-authority line"
cat >"$T/strict.conf" <<END
Host *
	StrictHostKeyChecking no
	UserKnownHostsFile $T/nothing $T/kh2
Host aliased
	HostName 127.0.0.1
	HostKeyAlias some-host
END
at=(-p "$port_plain" -c "$T/strict.conf" -i "$T/ed25519")
try "StrictHostKeyChecking no does not make it known" 1 'is not known' -- "${at[@]}" 127.0.0.1
[ -e "$T/nothing" ] && { failed=$((failed + 1)); echo "not ok known_hosts was written"; }
echo "$name $good" >"$T/kh2"
try "the second of several files" 0 hello -- "${at[@]}" 127.0.0.1 'echo hello'
echo "some-host $good" >"$T/kh2"
try "HostKeyAlias" 0 hello -- "${at[@]}" aliased 'echo hello'

start_sshd rsahost "HostKey $T/host_rsa"
echo "[127.0.0.1]:$port_rsahost $(cut -d' ' -f1,2 "$T/host_rsa.pub")" >>"$HOME/.ssh/known_hosts"
try "a server with an RSA host key only" 1 'exchange keys: the server has no algorithm in common' \
	'hint: dray offers .*SHA-1' -- -p "$port_rsahost" -c none -i "$T/ed25519" 127.0.0.1
start_sshd ecdsahost "HostKey $T/host_ecdsa" "HostKey $T/host_rsa"
echo "[127.0.0.1]:$port_ecdsahost $(cut -d' ' -f1,2 "$T/host_ecdsa.pub")" >>"$HOME/.ssh/known_hosts"
try "a server with an ECDSA host key" 0 hello -- -p "$port_ecdsahost" -c none -i "$T/ed25519" 127.0.0.1 'echo hello'
start_sshd etm "MACs hmac-sha2-256-etm@openssh.com" "Ciphers aes128-ctr"
try "a server with -etm MACs only" 1 'no algorithm in common' 'hint: .*hmac-sha2-256,hmac-sha2-512;.* no -etm' \
	-- -p "$port_etm" -c none -i "$T/ed25519" 127.0.0.1

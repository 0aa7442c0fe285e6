# 80-strict.sh - compares dray with the real ssh: known_hosts, ssh_config, and who logs in.
# dray never logs in where ssh does not; if it is stricter, it says why.
# shellcheck shell=bash disable=SC2154,SC2016,SC2088

S=$T/strict
mkdir -p "$S"
cp /etc/passwd "$S/passwd" && sed -i "s|^$me:\(.*\):[^:]*:\([^:]*\)\$|$me:\1:$HOME:\2|" "$S/passwd"
: >"$S/nothing"
# In its own mount namespace ssh has the same home as dray, and another /etc/ssh/ssh_config.
apart() {
	unshare -m sh -c 'mount --bind "$1" /etc/passwd && mount --bind "$2" /etc/ssh/ssh_config &&
		shift 2 && exec timeout 30 "$@"' apart "$S/passwd" "$S/$system" "$@"
}
here() { timeout 30 "$@"; }
export LETTER=t
system=nothing
apart true 2>/dev/null && can_part=1 || can_part=

start_sshd strict "HostKey $T/host_ed25519" "HostKey $T/host_ecdsa" "HostKey $T/host_rsa"
start_sshd sha1 "HostKey $T/host_rsa" "HostKeyAlgorithms ssh-rsa"
port=$port_strict
at="[127.0.0.1]:$port"
key_of() { cut -d' ' -f1,2 "$T/$1.pub"; }
K=$(key_of host_ed25519) E=$(key_of host_ecdsa) R=$(key_of host_rsa)
key other_ecdsa -t ecdsa
O=$(key_of host_other) P=$(key_of other_ecdsa)
hashed() { echo "$1 $2" >"$S/h"; ssh-keygen -q -H -f "$S/h" >/dev/null 2>&1; cat "$S/h"; }
long=$(printf 'host-%d,' $(seq 3000))
for n in open half mine; do cp "$T/ed25519" "$S/$n" && chmod 600 "$S/$n"; done
chmod 666 "$S/open"
chmod 640 "$S/half"
cp "$T/ed25519.pub" "$S/mine.pub"
ssh-keygen -q -t rsa -b 2048 -N '' -f "$S/rsa2048" && cat "$S/rsa2048.pub" >>"$T/authorized"
echo "$K" >"$S/good.pub" && echo "$O" >"$S/other.pub"
ssh-keygen -q -k -f "$S/good.krl" "$S/good.pub" && ssh-keygen -q -k -f "$S/other.krl" "$S/other.pub"
printf '# one\n\n%s somebody\n%s\n' "$O" "$K" >"$S/revoked"
printf '%s\r\n' "$K" >"$S/revoked-crlf"
printf '%s\nrubbish here\n' "$O" >"$S/revoked-bad"
mkdir -p "$S/inc"
echo "RevokedHostKeys $S/good.pub" >"$S/inc/1.conf"
cp "$S/inc/1.conf" "$S/writable.conf" && chmod 666 "$S/writable.conf"
printf '#!/bin/sh\necho "%s %s"\n' "$at" "$K" >"$S/hosts" && chmod 755 "$S/hosts"
head -c 9000000 /dev/zero | tr '\0' '\n' >"$S/big"

# row VERDICT NAME KNOWN_HOSTS CONFIG [WORDS]: VERDICT is in (both log in), out (neither does)
# or stricter (ssh alone does); WORDS are in what dray says when it does not. Behind CONFIG
# stands what every row has; the first value wins. More of a row is in these variables: mode
# and owner are those of ~/.ssh/config, which is read instead of a file that is named.
table=() target=node identity=$T/ed25519 where=here mode='' owner=$me
row() {
	local verdict=$1 name=$2 words=${5:-.} ssh=in dray=in why='' as_dray=() as_ssh=()
	printf '%b\n' "$3" >"$S/known"
	{
		printf '%b\n' "$4"
		printf '%s\n' "Match all" "HostName 127.0.0.1" "Port $port" "IdentityFile $identity" \
			"UserKnownHostsFile $S/known" "GlobalKnownHostsFile $S/nothing"
	} >"$S/config"
	if [ -n "$mode" ]; then
		cp "$S/config" "$HOME/.ssh/config"
		chmod "$mode" "$HOME/.ssh/config"
		chown "$owner" "$HOME/.ssh/config"
	else
		as_dray=(-c "$S/config") as_ssh=(-F "$S/config")
	fi
	# dray runs first, because ssh may write known_hosts.
	"$where" "$T/drive" "${as_dray[@]}" "$target" true >"$S/dray" 2>&1 || dray=out
	"$where" ssh "${as_ssh[@]}" -o BatchMode=yes "$target" true </dev/null >"$S/ssh" 2>&1 || ssh=out
	case $verdict/$ssh/$dray in
	in/in/in | out/out/out | stricter/in/out) ;;
	*) why="$verdict is wanted" ;;
	esac
	[ "$dray" = in ] || grep -q 'drive: failed' "$S/dray" || why="dray has no words"
	[ "$dray" = in ] || grep -qE -- "$words" "$S/dray" || why="not found: $words"
	grep -qE 'Sanitizer|runtime error' "$S/dray" && why=sanitizer
	[ "$verdict" = stricter ] || verdict=
	table+=("$(printf '%-62s %-4s %-4s %s' "$name" "$ssh" "$dray" "$verdict")")
	if [ -z "$why" ]; then
		passed=$((passed + 1))
		echo "ok strict: $name (ssh $ssh, dray $dray)"
	else
		failed=$((failed + 1))
		echo "not ok strict: $name (ssh $ssh, dray $dray: $why)"
		sed 's/^/    /' "$S/config" "$S/known" "$S/ssh" "$S/dray" | cut -c1-300 | head -n 40
	fi
}
# A row with files below ~, or in /etc.
home_row() {
	[ -n "$can_part" ] || { skip "strict: $2" "no mount namespaces"; return; }
	where=apart
	row "$@"
	where=here
}
section() { table+=("" "$1"); }

section 'known_hosts'
row in 'the line with the port' "$at $K" ''
row in 'the line without a port, nothing of the port' "127.0.0.1 $K" ''
row out 'another key at the port, the right one without' "$at $O\n127.0.0.1 $K" '' 'the key changed'
row out 'the same, the other way round' "127.0.0.1 $K\n$at $O" '' 'the key changed'
row out 'the same, hashed' "$(hashed "$at" "$O")\n$(hashed 127.0.0.1 "$K")" '' 'the key changed'
row out 'the same, a pattern at the port' "[127.*]:* $O\n127.0.0.1 $K" '' 'the key changed'
row out 'a key of another type at the port, the right one without' "$at $P\n127.0.0.1 $K" ''
row in 'another port has another key' "[127.0.0.1]:1 $O\n127.0.0.1 $K" ''
row in 'a negated line at the port, the right one without' "!$at,[*]:* $O\n127.0.0.1 $K" ''
row in 'rubbish at the port, the right one without' "$at ssh-ed25519 AAAA\n127.0.0.1 $K" ''
row in 'an authority at the port, the right one without' "@cert-authority $at $O\n127.0.0.1 $K" ''
row in 'a revoked key at the port, another without' "@revoked $at $O\n127.0.0.1 $K" ''
row in 'hashed, with the port' "$(hashed "$at" "$K")" ''
row in 'hashed, without' "$(hashed 127.0.0.1 "$K")" ''
row in 'a pattern' "[127.0.0.?]:* $K" ''
row in 'a pattern for everything' "* $K" ''
row in 'a name negated at the port' "!$at,* $K" ''
row in 'the same behind' "*,!$at $K" ''
row out 'a negated name without a port' "!127.0.0.1,127.* $K" ''
row in 'a list of names' "a,127.0.0.1,$at $K" ''
row in 'two keys of a type' "$at $O\n$at $K" ''
row out 'unknown' "" '' 'is not known'
row out 'unknown: an empty line only' "\n" '' 'is not known'
row out 'changed' "$at $O" '' 'the key changed'
row in 'an ECDSA key is the one that is known' "$at $E" ''
row out 'an ECDSA key, known without the port' "127.0.0.1 $E" ''
row out 'another ECDSA key' "$at $P" ''
row in 'both types' "$at $E\n$at $K" ''
row in 'one type right, the other wrong' "$at $K\n$at $P" ''
row out 'the best type wrong, another right' "$at $O\n$at $E" '' 'the key changed'
row stricter 'an RSA key is the one that is known' "$at $R" '' "has only its ssh-rsa key"
row out 'revoked' "$at $K\n@revoked $at $K" '' 'is revoked by .*known:2'
row out 'revoked for everybody' "@revoked * $K\n$at $K" '' 'is revoked'
row out 'revoked, hashed' "$at $K\n@revoked $(hashed "$at" "$K")" '' 'is revoked'
row out 'revoked without a port, known without' "127.0.0.1 $K\n@revoked 127.0.0.1 $K" '' 'is revoked'
row stricter 'revoked without a port, known with it' "$at $K\n@revoked 127.0.0.1 $K" '' 'is revoked'
row in 'another key is revoked' "$at $K\n@revoked * $O" ''
row in 'revoked, but not this host' "$at $K\n@revoked !$at,other $K" ''
row stricter 'a revoked line that cannot be read' "$at $K\n@revoked * ssh-ed25519 !!!" '' 'known:2: this @revoked line cannot'
row stricter 'a revoked line with a bad hash' "$at $K\n@revoked |1|x|y $K" '' 'known:2: this @revoked line cannot'
row stricter 'a tab behind @revoked' "$at $K\n@revoked\t$at $K" '' 'is revoked'
row out 'revoked in a line of 30 KB' "$at $K\n@revoked $long$at $K" '' 'is revoked'
row in 'known in a line of 30 KB' "$long$at $K" ''
row in 'an authority beside the key' "@cert-authority * $O\n$at $K" ''
row out 'an authority only' "@cert-authority * $K" '' '@cert-authority line, which dray cannot use'
row stricter 'an authority that is revoked' "@cert-authority * $O\n@revoked * $O\n$at $K" '' 'known:2: the authority of this host is revoked'
row in 'a marker that nobody knows' "@trusted $at $O\n$at $K" ''
row in 'line ends of DOS' "$at $K\r" ''
row in 'line ends of DOS, a comment' "# a\r\n$at $K a comment\r" ''
row out 'revoked, line ends of DOS' "$at $K\r\n@revoked * $K\r" '' 'is revoked'
row in 'blanks in front and behind, tabs' " \t$at\t ${K/ /\\t}  \t" ''
row in 'comments and empty lines' "\n# $at $O\n\n$at $K # here" ''
row out 'a comment sign in the key' "$at # $K" ''

section 'several files'
printf '%s\n' "$at $O" >"$S/wrong"
printf '%s\n' "$at $K" >"$S/right"
printf '%s\n' "127.0.0.1 $K" >"$S/bare"
printf '%s\n' "@revoked * $K" >"$S/revokes"
row in 'the second file' "" "UserKnownHostsFile $S/none $S/right"
row in 'another key in one file, the right one in the next' "" "UserKnownHostsFile $S/wrong $S/right"
row out 'the port in one file, no port in the next' "" "UserKnownHostsFile $S/wrong $S/bare" 'the key changed'
row out 'the port in the global file, no port in the user'\''s' "" \
	"UserKnownHostsFile $S/bare\nGlobalKnownHostsFile $S/wrong" 'the key changed'
row in 'the global file' "" "GlobalKnownHostsFile $S/right\nUserKnownHostsFile none"
row out 'revoked in the global file' "$at $K" "GlobalKnownHostsFile $S/nothing $S/revokes" 'revoked'
row out 'no files' "$at $K" "UserKnownHostsFile none\nGlobalKnownHostsFile none"
row out 'none beside a file' "$at $K" "UserKnownHostsFile none $S/right" "'none' together"
row out 'an empty device' "$at $K" 'UserKnownHostsFile /dev/null'
row in 'quoted, = and blanks' "" "userknownhostsfile = \"$S/none\" '$S/right'"
row in 'tokens' "" "UserKnownHostsFile $S/%n-%r \"$S/ri%%\" ${S%/*}/stric\${LETTER}/right"
row out 'an unknown token' "$at $K" "UserKnownHostsFile $S/%Z $S/right" 'a token or a variable'
row out 'an unknown variable' "$at $K" "UserKnownHostsFile \${NOBODY_SET_IT}/x $S/right" 'a token or a variable'
row stricter 'a file of 9 MB' "$at $K" "UserKnownHostsFile $S/known $S/big" 'more than 8 MiB'
row stricter 'a folder' "$at $K" "UserKnownHostsFile $S/known $S" 'strict: Is a directory'
row in 'HostKeyAlias' "alias $K" 'HostKeyAlias alias'
row out 'HostKeyAlias, a line with the port' "[alias]:$port $K" 'HostKeyAlias alias'
row out 'HostKeyAlias, another key' "alias $O\n$at $K" 'HostKeyAlias alias' 'the key changed'
row out 'HostKeyAlias takes no tokens' "127.0.0.1 $K" 'HostKeyAlias %h'
row in 'HostKeyAlias in another case, hashed' "$(hashed alias "$K")" 'HostKeyAlias ALIAS'
row in 'HostKeyAlias in another case, plain' "alias $K" 'HostKeyAlias ALIAS'
row stricter 'KnownHostsCommand' "$at $K" "KnownHostsCommand $S/hosts" "KnownHostsCommand .*config:1"
row stricter 'unknown, StrictHostKeyChecking no' "" 'StrictHostKeyChecking no' \
	"is not known .*StrictHostKeyChecking no' \\(.*config:1\\)"
row stricter 'unknown, StrictHostKeyChecking accept-new' "" 'StrictHostKeyChecking accept-new' 'not known'
row stricter 'changed, StrictHostKeyChecking off' "$at $O" 'StrictHostKeyChecking off' 'the key changed'
row out 'changed, StrictHostKeyChecking accept-new' "$at $O" 'StrictHostKeyChecking accept-new'
row out 'unknown, StrictHostKeyChecking yes' "" 'StrictHostKeyChecking yes'
row out 'StrictHostKeyChecking sometimes' "$at $K" 'StrictHostKeyChecking sometimes' 'config:1'
row stricter 'unknown, NoHostAuthenticationForLocalhost' "" 'NoHostAuthenticationForLocalhost yes' 'not known'

section 'RevokedHostKeys'
row out 'a file with the key' "$at $K" "RevokedHostKeys $S/revoked" 'revoked by .*revoked:4 \(RevokedHostKeys, .*config:1'
row in 'a file without it' "$at $K" "RevokedHostKeys $S/other.pub"
row in 'an empty file' "$at $K" "RevokedHostKeys $S/nothing"
row out 'no file' "$at $K" "RevokedHostKeys $S/nowhere" 'No such file'
row out 'line ends of DOS in it' "$at $K" "RevokedHostKeys $S/revoked-crlf" 'is revoked'
row out 'a line that is no key' "$at $K" "RevokedHostKeys $S/revoked-bad" 'revoked-bad:2 is not a key'
row out 'a binary list with it' "$at $K" "RevokedHostKeys $S/good.krl" 'binary revocation list'
row stricter 'a binary list without it' "$at $K" "RevokedHostKeys $S/other.krl" 'binary revocation list'
row in 'none' "$at $K" 'RevokedHostKeys none'
row in 'none first' "$at $K" "RevokedHostKeys none\nRevokedHostKeys $S/revoked"
row out 'none later' "$at $K" "RevokedHostKeys $S/revoked\nRevokedHostKeys none" 'is revoked'
row in 'of another host' "$at $K" "Host other\nRevokedHostKeys $S/revoked"
row out '=, upper case, quotes, blanks, DOS' "$at $K" " \tREVOKEDHOSTKEYS = \"$S/revoked\" \r" 'is revoked'
row out 'Match originalhost' "$at $K" "Match originalhost node\nRevokedHostKeys $S/revoked" 'is revoked'
row out 'Match host of what HostName says' "$at $K" "HostName 127.0.0.1\nMatch host 127.*\nRevokedHostKeys $S/revoked" 'is revoked'
row out 'Match user' "$at $K" "Match user $me,nobody\nRevokedHostKeys $S/revoked" 'is revoked'
row in 'Match user of somebody else' "$at $K" "Match user !$me,*\nRevokedHostKeys $S/revoked"
row out 'Match localuser' "$at $K" "Match localuser $me\nRevokedHostKeys $S/revoked" 'is revoked'
row out 'Match not host' "$at $K" "Match !host other\nRevokedHostKeys $S/revoked" 'is revoked'
row out 'Match final' "$at $K" "Match final all\nRevokedHostKeys $S/revoked" 'is revoked'
row out 'Match final host, of what HostName says later' "$at $K" \
	"Match final host 127.0.0.1\nRevokedHostKeys $S/revoked" 'is revoked'
row out 'Host of the second reading' "$at $K" "Match final host x\nHost 127.0.0.1\nRevokedHostKeys $S/revoked" 'is revoked'
row out 'Match exec that holds' "$at $K" "Match exec true\nRevokedHostKeys $S/revoked" "config:2.*'Match exec'"
row stricter 'Match exec that does not' "$at $K" "Match exec false\nRevokedHostKeys $S/revoked" "config:2.*'Match exec'"
row in 'Match exec of another host' "$at $K" "Match host x exec true\nRevokedHostKeys $S/revoked"
row in 'Match exec with a convenience' "$at $K" 'Match exec true\nServerAliveInterval 5'
row out 'Include with a pattern' "$at $K" "Include $S/inc/*.conf" 'inc/1.conf:1'
row out 'Include in a block' "$at $K" "Host node\nInclude $S/inc/1.conf $S/nowhere" 'is revoked'
row in 'Include in a block of another host' "$at $K" "Host other\nInclude $S/inc/1.conf"
row out 'Include of a file that others can write' "$at $K" "Include $S/writable.conf" 'others can write it'
home_row out 'a path with ~' "$at $K" "RevokedHostKeys ~/nowhere" 'write the full path'

section 'algorithms'
row in 'HostKeyAlgorithms with the known type' "$at $K" 'HostKeyAlgorithms ssh-ed25519'
row out 'HostKeyAlgorithms without it' "$at $K" 'HostKeyAlgorithms ecdsa-sha2-nistp256'
row in 'HostKeyAlgorithms with the other known type' "$at $E" 'HostKeyAlgorithms ecdsa-sha2-nistp256'
row out 'HostKeyAlgorithms in an order of its own' "$at $E" 'HostKeyAlgorithms ssh-ed25519,ecdsa-sha2-nistp256'
row in 'HostKeyAlgorithms +' "$at $E" 'HostKeyAlgorithms +ssh-dss'
row out 'HostKeyAlgorithms -' "$at $K" 'HostKeyAlgorithms -ssh-ed25519*'
row in 'HostKeyAlgorithms - another' "$at $E" 'HostKeyAlgorithms -ssh-ed25519*'
row out 'HostKeyAlgorithms ^' "$at $K" 'HostKeyAlgorithms ^ecdsa-sha2-nistp256'
row in 'HostKeyAlgorithms with a pattern' "$at $K" 'HostKeyAlgorithms ssh-ed*'
row out 'HostKeyAlgorithms of certificates' "$at $K" 'HostKeyAlgorithms ssh-ed25519-cert-v01@openssh.com' 'HostKeyAlgorithms .*config:1'
row stricter 'HostKeyAlgorithms rsa-sha2-512' "$at $R" 'HostKeyAlgorithms rsa-sha2-512' 'HostKeyAlgorithms .*config:1'
row out 'HostKeyAlgorithms that nobody knows' "$at $K" 'HostKeyAlgorithms ssh-ed25519,ssh-best' "config:1: .*'ssh-best'"
port=$port_sha1 row out 'a server with SHA-1 signatures only' "[127.0.0.1]:$port_sha1 $R" '' 'no algorithm in common'
port=$port_sha1 row in 'the same, allowed' "[127.0.0.1]:$port_sha1 $R" 'HostKeyAlgorithms +ssh-rsa'
row in 'Ciphers' "$at $K" 'Ciphers aes256-ctr'
row in 'Ciphers ^' "$at $K" 'Ciphers ^aes256-ctr'
row in 'Ciphers -' "$at $K" 'Ciphers -*cbc,chacha20*,*gcm*'
row stricter 'Ciphers without what libssh2 has' "$at $K" 'Ciphers aes256-gcm@openssh.com' 'Ciphers aes256-gcm.*config:1'
row stricter 'Ciphers - all of that' "$at $K" 'Ciphers -*-ctr' 'Ciphers -.-ctr.*config:1'
row out 'Ciphers that nobody knows' "$at $K" 'Ciphers aes128-ctr,rot13' "config:1: .*'rot13'"
row in 'MACs' "$at $K" 'MACs hmac-sha2-512,hmac-sha2-256'
row stricter 'MACs without what libssh2 has' "$at $K" 'Ciphers aes128-ctr\nMACs hmac-sha2-256-etm@openssh.com' 'MACs .*config:2'
row in 'KexAlgorithms' "$at $K" 'KexAlgorithms ecdh-sha2-nistp384'
row stricter 'KexAlgorithms without what dray has' "$at $K" 'KexAlgorithms diffie-hellman-group14-sha256' 'KexAlgorithms .*config:1'
row in 'KexAlgorithms -' "$at $K" 'KexAlgorithms -sntrup761x25519-sha512@openssh.com'
row in 'CASignatureAlgorithms' "$at $K" 'CASignatureAlgorithms ssh-ed25519'
row stricter 'RekeyLimit' "$at $K" 'RekeyLimit 1G' 'RekeyLimit 1G.*config:1'
row in 'RekeyLimit default' "$at $K" 'RekeyLimit default none'

section 'keys of the user'
identity=$S/open
row out 'a key that everybody can read and write' "$at $K" '' "open: others can read it \\(mode 0666"
row in 'the same, and another key' "$at $K" "IdentityFile $S/open\nIdentityFile $S/mine"
identity=$S/half
row out 'a key that the group can read' "$at $K" '' 'hint: .*chmod 600'
identity=$S/mine
row in 'a key that only its owner can read' "$at $K" ''
chmod 400 "$S/mine"
row in 'read-only' "$at $K" ''
chmod 644 "$S/mine"
row out 'world-readable' "$at $K" '' 'mode 0644'
ln -s open "$S/link" && chmod 600 "$S/mine"
identity=$S/link
row out 'a link to an open key' "$at $K" '' 'mode 0666'
identity=$T/ed25519
row in 'PubkeyAcceptedAlgorithms with the key'\''s type' "$at $K" 'PubkeyAcceptedAlgorithms ssh-ed25519'
row out 'PubkeyAcceptedAlgorithms without it' "$at $K" 'PubkeyAcceptedAlgorithms ecdsa-sha2-nistp256' 'PubkeyAcceptedAlgorithms \(.*config:1'
row out 'its former name' "$at $K" 'PubkeyAcceptedKeyTypes -ssh-ed25519*' 'not in PubkeyAccepted'
identity=$S/rsa2048
row in 'an RSA key' "$at $K" 'PubkeyAcceptedAlgorithms rsa-sha2-512'
row stricter 'an RSA key, SHA-256 only' "$at $K" 'PubkeyAcceptedAlgorithms rsa-sha2-256' 'not in PubkeyAccepted'
row out 'RequiredRSASize is more' "$at $K" 'RequiredRSASize 3072' '2048 bits, fewer than 3072'
row in 'RequiredRSASize is less' "$at $K" 'RequiredRSASize 2048'
identity=$T/ed25519
row in 'RequiredRSASize, no RSA' "$at $K" 'RequiredRSASize 16384'
row out 'PubkeyAuthentication no' "$at $K" 'PubkeyAuthentication no' 'PubkeyAuthentication no.*config:1'
row in 'PubkeyAuthentication unbound' "$at $K" 'PubkeyAuthentication unbound'
row stricter 'PubkeyAuthentication host-bound' "$at $K" 'PubkeyAuthentication host-bound' 'host-bound'
row out 'PreferredAuthentications without publickey' "$at $K" 'PreferredAuthentications password' 'config:1'
row in 'PreferredAuthentications with it' "$at $K" 'PreferredAuthentications password,publickey'
identity=none
row out 'IdentityFile none' "$at $K" ''
row in 'IdentityFile none, then one' "$at $K" "IdentityFile $S/mine"
identity=$T/ed25519
row in 'IdentityFile with tokens' "$at $K" "IdentityFile $S/%r-%p\nIdentityFile ${S%/*}/%%"
row out 'IdentityFile with an unknown token' "$at $K" "IdentityFile $S/%Z" 'a token'
home_row in 'IdentityFile with ~' "$at $K" 'IdentityFile ~/.ssh/id_ed25519'

section 'where to, and from where'
row in 'AddressFamily inet' "$at $K" 'AddressFamily inet'
row out 'AddressFamily inet6' "$at $K" 'AddressFamily inet6'
row in 'AddressFamily any' "$at $K" 'AddressFamily any\nAddressFamily inet6'
row stricter 'BindAddress' "$at $K" 'BindAddress 127.0.0.1' 'BindAddress .*config:1'
row stricter 'CanonicalizeHostname' "$at $K" 'CanonicalizeHostname yes' 'CanonicalizeHostname .*config:1'
row in 'CanonicalizeHostname no' "$at $K" 'CanonicalizeHostname no\nCanonicalDomains example.org'
row out 'RemoteCommand' "$at $K" 'RemoteCommand echo' 'RemoteCommand .*config:1'
row in 'what changes nothing' "$at $K" "ForwardAgent no\nSendEnv LANG LC_*\nSetEnv A=B\nGSSAPIAuthentication yes\nHashKnownHosts yes\nControlMaster auto\nControlPath $S/%C\nIPQoS lowdelay throughput\nLogLevel QUIET\nProtocol 2\nUpdateHostKeys no\nVisualHostKey no\nLocalForward 1 localhost:1\nClearAllForwardings yes\nTCPKeepAlive yes\nEscapeChar none\nCompression yes\nAddKeysToAgent no\nRSAAuthentication yes"
row in 'HostName with %h' "$at $K" 'Host 127*\nHostName %h'
row out 'HostName with an unknown token' "$at $K" 'HostName %n' 'a token'
row out 'a jump host that is not known' "$at $K" "Host jump\nUserKnownHostsFile $S/wrong\nHost node\nProxyJump jump" "jump host 'jump': .*the key changed"
row in 'a jump host that is known' "$at $K" 'Host node\nProxyJump jump'

section 'lines and blocks'
no="RevokedHostKeys $S/revoked"
row in 'the first value wins' "$at $K" "Host node\nPort $port\nHost *\nPort 1"
row out 'the first value wins, wrong' "$at $K" "Host node\nPort 1\nHost *\nPort $port"
row out 'Host *' "$at $K" "Host *\n$no" 'is revoked'
row out 'Host of several' "$at $K" "Host a no?e b\n$no" 'is revoked'
row in 'Host with a negation' "$at $K" "Host * !node\n$no"
row in 'Host with a negation in front' "$at $K" "Host !node *\n$no"
row in 'Host with a negation only' "$at $K" "Host !other\n$no"
row in 'Host has no comma lists' "$at $K" "Host node,other\n$no"
row in 'Host in another case' "$at $K" "Host NODE\n$no"
row out 'Host = "quoted"' "$at $K" "Host = \"node\"\n$no" 'is revoked'
row out 'hOsT' "$at $K" "hOsT=node\n$no" 'is revoked'
row out 'Host, line ends of DOS' "$at $K" "Host node\r\n$no\r" 'is revoked'
row out 'Host and a comment' "$at $K" "Host node # here\n$no # there" 'is revoked'
row in 'Host in a comment' "$at $K" "Host other # node\n$no"
row in 'a line that is a comment' "$at $K" "  # $no"
row out 'Match all' "$at $K" "Match all\n$no" 'is revoked'
row out 'Match host = list' "$at $K" "Match host=a,n*\n$no" 'is revoked'
row in 'Match host with a negation' "$at $K" "Match host *,!node\n$no"
row out 'Match host in another case' "$at $K" "Match host NODE\n$no" 'is revoked'
row in 'Match user in another case' "$at $K" "Match user ${me^^}\n$no"
row out 'Match of two conditions' "$at $K" "Match host node user $me\n$no" 'is revoked'
row in 'Match of two conditions, one wrong' "$at $K" "Match host node user nobody\n$no"
row in 'Match !all' "$at $K" "Match !all\n$no"
row in 'Match canonical' "$at $K" "Match canonical all\n$no"
row out 'Match !final' "$at $K" "Match !final host node\n$no" 'is revoked'
row out 'a Match that ssh does not know' "$at $K" 'Match nonsense x' 'config:1: .*nonsense'
row out 'a Match without a value' "$at $K" 'Match host' 'config:1'
row out 'a word that ssh does not know' "$at $K" 'NoSuchWord yes' "config:1: 'NoSuchWord' is not a word"
row out 'the same in a block of another host' "$at $K" 'Host other\nNoSuchWord yes' 'config:2'
row in 'IgnoreUnknown' "$at $K" 'IgnoreUnknown Use*,NoSuch*\nNoSuchWord yes'
row out 'IgnoreUnknown behind it' "$at $K" 'NoSuchWord yes\nIgnoreUnknown NoSuch*' 'config:1'
row out 'a quote that is not closed' "$at $K" 'User "me' 'quote that is not closed'
row out 'two values' "$at $K" 'User me you' 'more than one value'
row out 'no value' "$at $K" 'User' 'has no value'
row out 'a bad port' "$at $K" 'Host other\nPort 99999' 'is not a port'
row out 'a bad value' "$at $K" 'CheckHostIP perhaps' 'config:1'
row in 'ConnectTimeout with a unit' "$at $K" 'ConnectTimeout 1m'
row out 'ConnectTimeout soon' "$at $K" 'ConnectTimeout soon' 'is not a time'
printf 'Include %s/loop\n' "$S" >"$S/loop"
row out 'a file that includes itself' "$at $K" "Include $S/loop" 'too deep'

section 'CheckHostIP'
# A network namespace with an address that is not of the loopback network.
sed "s/^ListenAddress.*/ListenAddress 10.9.9.9/; s|^PidFile.*|PidFile $S/far.pid|" "$T/strict.conf" >"$S/far.conf"
printf '127.0.0.1 localhost\n10.9.9.9 far\n' >"$S/far.hosts"
far() {
	unshare -n -m bash -c 'mount --bind "$1/far.hosts" /etc/hosts && ip addr add 10.9.9.9/32 dev lo &&
		ip link set lo up && exec /usr/sbin/sshd -D -f "$1/far.conf" -E "$1/far.log" & sshd=$!
		until (: <>"/dev/tcp/10.9.9.9/$2") 2>/dev/null; do kill -0 $sshd || exit 1; sleep 0.05; done
		shift 2; timeout 30 "$@"; rc=$?; kill $sshd; exit $rc' far "$S" "$port_strict" "$@"
}
can_far=
if [ -n "$can_part" ] && command -v ip >/dev/null && unshare -n true 2>/dev/null; then can_far=1; fi
far_row() {
	[ -n "$can_far" ] || { skip "strict: $2" "no network namespaces"; return; }
	where=far
	row "$1" "$2" "$3" "HostName far\n$4" "${@:5}"
	where=here
}
is="[far]:$port_strict $K\n"
far_row in 'the address has another key, CheckHostIP no' "${is}[10.9.9.9]:$port_strict $O" 'CheckHostIP no'
far_row out 'the address has another key' "${is}[10.9.9.9]:$port_strict $O" 'CheckHostIP yes' 'CheckHostIP, .*config:2'
far_row out 'the address has a key of another type' "${is}[10.9.9.9]:$port_strict $P" 'CheckHostIP yes' 'of the address'
far_row in 'the address has this key' "${is}[10.9.9.9]:$port_strict $K" 'CheckHostIP yes'
far_row in 'the address is unknown' "${is}" 'CheckHostIP yes'
far_row in 'the address has another key at another port' "${is}10.9.9.9 $O" 'CheckHostIP yes'
far_row out 'name and address without a port, another key' "far $K\n10.9.9.9 $O" 'CheckHostIP yes' 'of the address'
far_row in 'name and address without a port, this key' "far $K\n10.9.9.9 $K" 'CheckHostIP yes'
far_row stricter 'this key is revoked for the address' "${is}@revoked [10.9.9.9]:$port_strict $K" 'CheckHostIP yes' 'of the address'
far_row out 'HostKeyAlias, the address has another key' "alias $K\n[10.9.9.9]:$port_strict $O" 'HostKeyAlias alias\nCheckHostIP yes' 'of the address'

section '~/.ssh/config and /etc/ssh/ssh_config'
cp "$HOME/.ssh/config" "$S/config-of-before" 2>/dev/null
mode=600
home_row in 'mode 0600' "$at $K" ''
home_row out 'mode 0600, read' "$at $K" "$no" 'is revoked'
mode=644
home_row in 'mode 0644' "$at $K" ''
mode=664
home_row in 'mode 0664, a group of its own' "$at $K" ''
owner=$me:nogroup
home_row out 'mode 0664, a group of others' "$at $K" '' 'others can write it'
owner=$me mode=646
home_row out 'mode 0646' "$at $K" '' 'hint: .*chmod 600'
mode=600 owner=nobody
home_row out 'of another user' "$at $K" '' 'others can write it'
owner=$me
echo "$no" >"$S/machine" && echo 'RekeyLimit 1G' >"$S/machine-rekey" && echo "Include $S/inc/*.conf" >"$S/machine-include"
printf 'Host *\n\tSendEnv LANG LC_*\n\tHashKnownHosts yes\n\tGSSAPIAuthentication yes\n' >"$S/machine-debian"
system=machine
home_row out 'the file of the machine' "$at $K" '' 'revoked:4'
home_row in 'the user'\''s file first' "$at $K" 'RevokedHostKeys none'
system=machine-include
home_row out 'its Include' "$at $K" '' 'inc/1.conf:1'
system=machine-rekey
home_row stricter 'RekeyLimit there' "$at $K" '' 'RekeyLimit 1G. \(/etc/ssh/ssh_config:1\)'
system=machine-debian
home_row in 'the file of Debian' "$at $K" ''
mode='' system=nothing
rm -f "$HOME/.ssh/config"
[ ! -f "$S/config-of-before" ] || cp "$S/config-of-before" "$HOME/.ssh/config"

printf '%-62s %-4s %-4s\n' '' ssh dray
printf '%s\n' "${table[@]}"

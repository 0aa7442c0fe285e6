# 40-shells.sh - the lines that boot our loop, and a command of the user, work in every login shell.
# shellcheck shell=bash disable=SC2154,SC2016

# sshd runs `SHELL -c COMMAND`; a forced command can do the same with another shell.
text='echo "a  b" {c,d} * "$((1+2))" \\x'
text=${text%$'\n'}$'\n'
boot="exec sh -c 'IFS=;set -f;eval \$(dd bs=1 count=${#text} 2>/dev/null)'"
loop="exec sh -c 'set -f;while read -r l;do eval \$l;done'"
for sh in sh dash bash zsh fish csh tcsh 'busybox sh' ksh; do
	path=$(command -v "${sh%% *}") || { skip "login shell $sh" "it is not installed"; continue; }
	[ "$sh" = "${sh#* }" ] || path="$path ${sh#* }"
	id=${sh//[^a-z]/}
	start_sshd "shell_$id" "ForceCommand exec $path -c \"\$SSH_ORIGINAL_COMMAND\""
	p=port_shell_$id
	try "login shell $sh passes the word on" 0 '^a  b \{c,d\} \* 3 \\x$' -- -c none -i "$T/ed25519" -p "${!p}" -s "$text" 127.0.0.1 "$boot"
	try "login shell $sh passes the loop on" 0 '^a \{c,d\} \* \\x$' -- -c none -i "$T/ed25519" -p "${!p}" -s 'echo a {c,d} * '"'\\x'"$'; exit\n' 127.0.0.1 "$loop"
done

mkdir "$T/noisy"
printf 'echo noise of .bashrc\necho more noise >&2\nfor i in 1 2 3; do printf "%%1000s\\n" x; done\n' >"$T/noisy/.bashrc"
printf 'Keep out!\n\033[31mred\n' >"$T/banner"
start_sshd noisy "SetEnv HOME=$T/noisy" "Banner $T/banner"
if [ "$(getent passwd "$me" | cut -d: -f7)" = /bin/bash ]; then noise='noise of .bashrc'; else noise=; fi
try "a banner and a noisy .bashrc" 0 "$noise" '^hello$' -- -c none -i "$T/ed25519" -p "$port_noisy" 127.0.0.1 'echo hello'

# argv.sh WORD... - runs one program of a hook or a Lua step: its words are the words,
# its stdin is what the script gave. Its status is ours.
# shellcheck shell=sh
umask 022
# What it leaves running must not hold our pipes or the lock.
exec "$@" 3>&- 9>&-

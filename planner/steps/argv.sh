# argv.sh - runs one program for a hook or a Lua step. The words are the program and its arguments;
# its stdin and its status are ours.
# shellcheck shell=sh
umask 022
# What it leaves running must not hold our pipes or the lock.
exec "$@" 3>&- 8>&- 9>&-

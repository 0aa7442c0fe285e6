# argv.sh WORD... - runs one program of a hook or a Lua step: its words are the words,
# its stdin is what the script gave. Its status is ours.
# shellcheck shell=sh
exec "$@"

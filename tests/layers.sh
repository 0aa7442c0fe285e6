#!/bin/sh
# layers.sh - fails when an include goes against design: cmd -> executors -> lua ->
# planner -> planner/base, and one home for each third-party header.
set -u
bad=0

# rule NAME PATTERN FILES...: no line of FILES may include PATTERN.
rule() {
	name=$1 pattern=$2
	shift 2
	found=$(grep -nE "#include [<\"]($pattern)" "$@" /dev/null) || return 0
	echo "layers: $name" >&2
	echo "$found" >&2
	bad=1
}
# files DIRS...: the C files in them.
files() { find "$@" -name '*.[ch]' 2>/dev/null | sort; }
# except PATTERN: those of stdin whose path does not match.
except() { grep -vE "$1"; }

# shellcheck disable=SC2046
{
rule "planner/base knows nothing of us" 'planner/[a-z_]+\.h|planner/kinds|executors/|lua/|cmd/' $(files planner/base)
rule "planner is pure" 'executors/|lua/|cmd/|poll\.h|sys/socket|time\.h|unistd\.h|spawn\.h' $(files planner)
rule "kinds use kind.h and task.h, no JSON" 'jansson' $(files planner/kinds)
rule "lua is below executors" 'executors/|cmd/' $(files lua)
rule "executors are below cmd" 'cmd/' $(files executors)
rule "yaml.h has one home" 'yaml\.h>' $(files planner executors lua cmd | except '^planner/yaml\.c$')
rule "libssh2.h stays in the ssh files" 'libssh2' $(files planner executors lua cmd | except '^executors/(ssh|transport)')
rule "curl.h stays in loop and http" 'curl/' $(files planner executors lua cmd | except '^executors/(loop|http)')
rule "lua.h stays in lua" 'lua\.h|lauxlib\.h|lualib\.h' $(files planner executors cmd | except '^executors/lua\.c$')
rule "openssl stays in hash and the ssh files" 'openssl/' $(files planner executors lua cmd | except '^(planner/base/hash\.c|executors/(ssh|known_hosts))')
rule "jansson stays where JSON is read and written" 'jansson' $(files planner/base executors lua | except '^executors/run')
}
exit $bad

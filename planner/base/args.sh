# args.sh - reads NAME=VALUE arguments. The build puts this text before every script that has
# a line beginning with "args ".
# shellcheck shell=sh disable=SC2034
#
# args REQUIRED OPTIONAL ARGUMENT...: both lists are names with blanks between them. Each
# argument NAME=VALUE sets the variable NAME; a value is never evaluated. The variables of names
# that are missing are empty. Arguments end at "--", and words for the script may follow:
#	args 'cluster step' 'known' "$@" || exit
#	shift "$args" # "$@" is now the words after "--"
# Fails with status 2 and words on stderr when a name is in neither list, or when a required one
# is missing or empty.
args() {
	args_required=$1 args_optional=$2 args=0
	shift 2
	for args_name in $args_required $args_optional; do eval "$args_name="; done
	for arg; do
		args=$((args + 1))
		[ "$arg" != -- ] || break
		args_name=${arg%%=*}
		case $args_name in
		"$arg" | '' | *[!a-z0-9_]*) args_known= ;;
		*) args_known=" $args_required $args_optional " ;;
		esac
		case $args_known in
		*" $args_name "*) eval "$args_name=\${arg#*=}" ;;
		*)
			printf '%s: it takes no argument "%.60s"\n' "${0##*/}" "$args_name" >&2
			return 2
			;;
		esac
	done
	for args_name in $args_required; do
		eval "arg=\$$args_name"
		if [ -z "$arg" ]; then
			printf '%s: the argument "%s" is missing\n' "${0##*/}" "$args_name" >&2
			return 2
		fi
	done
}

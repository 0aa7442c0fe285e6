#!/bin/bash
# shellcheck disable=SC2154
# args_test.sh - the arguments of scripts: args.sh
. "${BASH_SOURCE%/*}/lib.sh"
mkdir -p "$ROOM/scripts"

# A script that prints what it was given.
script() {
	mkdir -p "$ROOM/scripts"
	cat >"$ROOM/scripts/given.sh" <<-'END'
		args 'cluster step' 'known sha256' "$@" || exit
		shift "$args"
		for value in "$cluster" "$step" "$known" "$sha256" "$@"; do printf '<%s>' "$value"; done
	END
}
given() { known=of-the-login node given "$@" </dev/null; }

values() {
	script
	given cluster=c1 step='head[n1]' known=k sha256=00
	is "all of them" [ "$rc:$out" = '0:<c1><head[n1]><k><00>' ]
	given step=s cluster=c
	is "in any order, and what does not come is empty, whatever the login has" [ "$rc:$out" = '0:<c><s><><>' ]
	given cluster=c step=s known=
	is "an optional one may be empty" [ "$rc:$out" = '0:<c><s><><>' ]
	given cluster=c step=s known=a=b=
	is "a value with =" [ "$rc:$out" = '0:<c><s><a=b=><>' ]
	# shellcheck disable=SC1003,SC2016
	for value in 'a  b ' '"' "'" '$HOME' '${HOME}' '`id`' '$(id)' '*' '?' '[a-z]*' ';touch x' '\' 'a\nb' '#' '-n' '--' \
		'%s' '&' '|' '~' '!!' 'é'; do
		given cluster=c known="$value" step="$value"
		is "the value $value" [ "$rc:$out" = "0:<c><$value><$value><>" ]
	done
	given cluster=c step="one
	two

three"
	is "a value of several lines" [ "$out" = "<c><one
	two

three><><>" ]
	is "nothing was run" [ -z "$err" ]
}

words() {
	script
	given cluster=c step=s -- known=x '' 'a b' -- '*'
	is "words behind --" [ "$rc:$out" = '0:<c><s><><><known=x><><a b><--><*>' ]
	given cluster=c step=s --
	is "no word" [ "$rc:$out" = '0:<c><s><><>' ]
}

refused() {
	script
	given cluster=c step=s kown=k
	is "an unknown name" [ "$rc:$out" = 2: ]
	is "it is named" has "$err" 'given: it takes no argument "kown"'
	given cluster=c
	is "a missing one" [ "$rc:$out" = 2: ]
	is "it is named" has "$err" 'given: the argument "step" is missing'
	given cluster=c step=
	is "a required one that is empty" [ "$rc:$out" = 2: ]
	is "it is named" has "$err" 'the argument "step" is missing'
	given
	is "none at all" [ "$rc" = 2 ]
	# shellcheck disable=SC2016
	for arg in 'cluster step=x' 'c;touch x=1' '' = =x step known PATH=/ '$(touch x)=1' 'known sha256=x' '*=x' 'step'$'\n''known=x'; do
		given cluster=c step=s "$arg"
		is "refused: $arg" [ "$rc:$out" = 2: ]
		is "in words: $arg" has "$err" "it takes no argument"
	done
	is "nothing was run" [ ! -e x ]
}

cd "$ROOM" || exit 1
each values words refused

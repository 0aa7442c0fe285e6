# state.sh - where this node keeps what dray writes down; comes before the scripts that need it
# shellcheck shell=sh disable=SC2034

# state_of CLUSTER [UID]: $machine, and $state, the folder. A home may be shared between nodes.
# $self is the owner of what this login makes: UID@FOLDER, its uid and where its states are.
state_of() {
	machine=
	[ ! -r /etc/machine-id ] || read -r machine </etc/machine-id
	[ -n "$machine" ] || [ ! -r /var/lib/dbus/machine-id ] || read -r machine </var/lib/dbus/machine-id
	machine=${machine:-$(hostname)}
	self=${XDG_STATE_HOME:-$HOME/.local/state}/dray
	state=$self/$1/$machine
	self=${2:-$(id -u)}@$self
}
# born PID: $born, when it began in ticks since the boot; fails when it is no more. (One that has
# ended stays for as long as its parent does not ask for it: in a container, maybe for ever.)
born() {
	read -r stat 2>/dev/null <"/proc/$1/stat" || return 1
	# shellcheck disable=SC2086
	set -- ${stat##*) }
	case $1 in Z | X) return 1 ;; esac
	born=${20}
}

# state.sh - where this node keeps what dray writes down; comes before the scripts that need it
# shellcheck shell=sh disable=SC2034

# state_of CLUSTER: $machine, and $state, the folder. A home may be shared between nodes.
state_of() {
	machine=$(cat /etc/machine-id 2>/dev/null)
	machine=${machine:-$(cat /var/lib/dbus/machine-id 2>/dev/null)}
	machine=${machine:-$(hostname)}
	state=${XDG_STATE_HOME:-$HOME/.local/state}/dray/$1/$machine
}

# net.sh - functions that come before observe.sh, discover.sh and reach.sh: facts as lines,
# network cards and RDMA ports out of sysfs, dialling other nodes
# shellcheck shell=sh disable=SC2154
tab='	'
nl='
'

# fact WORD...: one line; tabs, newlines and backslashes inside a word are escaped.
fact() {
	line=
	for word; do
		case $word in
		*["$tab$nl\\"]*)
			word=$(printf '%s\n' "$word" | sed "s/\\\\/\\\\\\\\/g; s/$tab/\\\\t/g" |
				awk 'NR > 1 { printf "%s", "\\n" } { printf "%s", $0 }')
			;;
		esac
		line=$line$tab$word
	done
	printf '%s\n' "${line#"$tab"}"
}
# lost FILE: $lost, why a file that is not there cannot be seen, "" if there is none of that name. A
# mount whose server is gone says so.
lost() {
	lost=$(ls -d "$1" 2>&1 >/dev/null)
	case $lost in
	*'No such file'* | *'Not a directory'* | '') lost= ;;
	*) lost=${lost##*: } ;;
	esac
}
have() { command -v "$1" >/dev/null 2>&1; }

# of FILE: its first line as $got, "-" when it is empty or cannot be read (the speed of a
# card that is down, the index of an empty GID).
of() {
	got=
	[ -r "$1" ] && IFS= read -r got 2>/dev/null <"$1"
	[ -n "$got" ] || got=-
}

# nic_kind DIR: what sort of interface that is.
nic_kind() {
	kind=virtual
	if [ -e "$1/bonding" ]; then kind=bond
	elif [ -e "$1/bridge" ]; then kind=bridge
	elif [ -e "/proc/net/vlan/${1##*/}" ]; then kind=vlan
	elif [ -e "$1/wireless" ] || [ -e "$1/phy80211" ]; then kind=wifi
	elif [ -e "$1/device" ]; then kind=physical
	fi
}

# netdev_of PORT-DIR DEVICE-DIR: the interface of an RDMA port as $netdev. The GID table
# names it (several ports may share one PCI function), else the device's own folder.
netdev_of() {
	netdev=-
	for ndev in "$1"/gid_attrs/ndevs/*; do
		of "$ndev"
		[ "$got" = - ] || { netdev=$got; return; }
	done
	for ndev in "$2"/device/net/*; do
		[ -e "$ndev" ] || continue
		# Two ports of one card are told apart by dev_port, which counts from 0.
		of "$ndev/dev_port"
		case $got in
		- | "$((${1##*/} - 1))") netdev=${ndev##*/}; return ;;
		esac
	done
}

# net_facts SYS DEV: "nic" and "rdma" lines out of the sysfs tree at SYS; DEV/infiniband is
# what a process opens to use a port. Ends of pairs that belong to containers are left
# out: there may be hundreds.
net_facts() {
	verbs=no
	[ ! -d "$2/infiniband" ] || verbs=yes
	for dir in "$1"/class/net/*; do
		name=${dir##*/}
		case $name in lo | veth* | cali* | lxc* | tap*) continue ;; esac
		[ -e "$dir/operstate" ] || continue
		of "$dir/operstate"; state=$got
		of "$dir/speed"; speed=$got
		of "$dir/mtu"; mtu=$got
		nic_kind "$dir"
		below=
		[ "$kind" != vlan ] || for lower in "$dir"/lower_*; do
			[ ! -e "$lower" ] || below=${lower##*/lower_}
		done
		fact nic "$name" "$state" "$speed" "$mtu" "$kind" ${below:+"$below"}
	done
	for dir in "$1"/class/infiniband/*; do
		of "$dir/node_type"; type=$got
		for port in "$dir"/ports/*; do
			[ -e "$port/state" ] || continue
			of "$port/state"; state=$got
			of "$port/rate"; rate=$got
			of "$port/link_layer"; layer=$got
			case $type in *RNIC*) layer=iWARP ;; esac
			netdev_of "$port" "$dir"
			fact rdma "${dir##*/}" "${port##*/}" "$state" "$rate" "$layer" "$netdev" $verbs
		done
	done
}

# gid_facts PORT-DIR DEVICE: the first GIDs of a port that are not empty.
gid_facts() {
	gids=0
	for gid in "$1"/gids/*; do
		of "$gid"
		case $got in - | 0000:0000:0000:0000:0000:0000:0000:0000 | fe80:0000:0000:0000:0000:0000:0000:0000) continue ;; esac
		gids=$((gids + 1))
		[ $gids -le 16 ] || break
		value=$got
		of "$1/gid_attrs/types/${gid##*/}"; type=$got
		of "$1/gid_attrs/ndevs/${gid##*/}"
		fact gid "$2" "${1##*/}" "${gid##*/}" "$value" "$type" "$got"
	done
}

# addr_facts PROC SYS [$SSH_CONNECTION]: "addr" lines. The address that our own connection
# came to is the first; without one, that of the default route. An address on lo says nothing of
# the cards, so "uplink" lines name those that routes lead over. Hosts without the ip tool,
# or where it may not ask the kernel, are read from the files at PROC and SYS.
addr_facts() {
	told=
	! have ip || told=$(exec ip -o addr show 2>/dev/null)
	if [ -z "$told" ]; then
		addr_files "$1" "$2" "${5:-}"
		return
	fi
	mine=${5:-}
	if [ -z "$mine" ]; then
		mine=$(exec ip -4 route get 192.0.2.1 2>/dev/null)
		case $mine in *' src '*) mine=${mine#*' src '} mine=${mine%% *} ;; *) mine= ;; esac
	fi
	rest='' on_lo=''
	while read -r _ interface family address _; do
		case $family in inet*) ;; *) continue ;; esac
		case $interface:$address in lo:127.* | lo:::1/*) ;; lo:*) on_lo=yes ;; esac
		case $address in */*) bits=${address#*/} ;; *) bits= ;; esac
		line="addr$tab${interface%%@*}$tab${address%%/*}$tab$bits"
		if [ "${address%%/*}" = "$mine" ]; then printf '%s\n' "$line"; else rest=$rest$line$nl; fi
	done <<-END
		$told
	END
	printf %s "$rest"
	[ -z "$on_lo" ] || ip route show 2>/dev/null | awk '
	/via/ {
		for (i = 1; i < NF; i++) if ($i == "dev" && !seen[$(i + 1)]++) print "uplink\t" $(i + 1)
	}'
}

# addr_files PROC SYS MINE: the same out of /proc and /sys. The routing tree has the
# addresses of this host, the routes say which networks lie behind which interface: where
# two share a network, the one that the kernel sends by. An address in no network (pods have
# such) belongs to the default route, or to the only interface there is.
addr_files() {
	only=
	for dir in "$2"/class/net/*; do
		[ -e "$dir/operstate" ] && [ "${dir##*/}" != lo ] && only="$only ${dir##*/}"
	done
	set -- "$1" "$2" "$3" "${only# }"
	case $4 in *' '*) set -- "$1" "$2" "$3" '' ;; esac
	told=
	# (A sandbox has no tree.)
	[ -r "$1/net/fib_trie" ] || told=$(hostname -I 2>/dev/null)
	files=
	for file in route fib_trie if_inet6; do
		[ ! -r "$1/net/$file" ] || files="$files $file"
	done
	[ -n "$files" ] || [ -n "$told" ] || return
	# shellcheck disable=SC2086
	(cd "$1/net" 2>/dev/null || cd /; awk -v mine="$3" -v only="$4" -v own="$told" '
	function hex(s,   i, v) {
		for (i = 1; i <= length(s); i++) v = v * 16 + index("0123456789abcdef", tolower(substr(s, i, 1))) - 1
		return v
	}
	function swap(h) { return substr(h, 7, 2) substr(h, 5, 2) substr(h, 3, 2) substr(h, 1, 2) }
	# The longest run of zeros, of two groups or more, is written as ::
	function six(h,   i, g, at, run, best, from, out) {
		for (i = 1; i <= 8; i++) {
			g[i] = substr(h, 4 * i - 3, 4)
			sub(/^0+/, "", g[i])
			if (g[i] != "") { run = 0; g[i] = tolower(g[i]); continue }
			g[i] = "0"
			if (!run++) at = i
			if (run > best) { best = run; from = at }
		}
		if (best < 2) from = 9
		for (i = 1; i <= 8; i++) {
			if (i == from) { out = out "::"; i += best - 1; continue }
			out = out (out == "" || out ~ /:$/ ? "" : ":") g[i]
		}
		return out
	}
	function put(name, address, bits) {
		line = "addr\t" name "\t" address "\t" bits
		if (mine != "" ? address == mine : name == first && !told++) print line
		else rest = rest line "\n"
	}
	function four(at) {
		if (at !~ /^[0-9.]+$/ || seen[at]++) return
		split(at, b, "."); v = ((b[1] * 256 + b[2]) * 256 + b[3]) * 256 + b[4]
		name = ""; least = 4294967297
		for (i = 1; i <= n; i++)
			if (v >= base[i] && v < base[i] + size[i] && size[i] < least) {
				name = iface[i]; least = size[i]
			}
		bits = 32
		for (k = 1; least < 4294967297 && k < least; k *= 2) bits--
		if (b[1] == 127) { name = "lo"; bits = 8 }
		if (name == "") name = first != "" ? first : only
		if (name != "") put(name, at, bits)
	}
	FILENAME == "route" {
		if (FNR == 1 || NF < 8) next
		if ($8 == "00000000") { if (first == "") first = $1; next }
		n++; iface[n] = $1; base[n] = hex(swap($2)); size[n] = 4294967296 - hex(swap($8))
		next
	}
	FILENAME == "if_inet6" { if (NF >= 6) put($6, six($1), hex($3)); next }
	/^ *\|--/ { at = $2 }
	/32 host LOCAL/ { four(at) }
	END {
		many = split(own, list, " ")
		for (j = 1; j <= many; j++) four(list[j])
		printf "%s", rest
	}' $files </dev/null 2>/dev/null)
}

# dial "ADDRESS PORT"...: a "reach" line for each. A refusal is an answer too: somebody is
# there. So one bash first tries a port where nobody listens, of all peers in turn: that takes a
# moment, and starts nothing there, as a connection to sshd does. Whoever does not answer that, as
# behind a firewall, is tried at its own port, all at once and by a process each. With $walls an
# "open" line says whether more than ssh gets through.
walls=
dial() {
	if [ $# -eq 0 ]; then
		return
	elif have bash && have timeout; then
		again='' alone='' port=$open_port
		dial_read "$(exec timeout "$dial_all_limit" bash -c "$dial_all" dial "$port" "$@" 2>&1)"
		shift "$dialled"
		for peer; do
			again=$again$peer$nl
			if [ -n "$walls" ]; then dial_wall "$peer" & fi
		done
		while [ -n "$again" ]; do
			dial_alone "${again%%"$nl"*}" &
			again=${again#*"$nl"}
		done
	else
		for peer; do dial_else "$peer" & done
	fi
	wait
}
# shellcheck disable=SC2016
dial_all='port=$1; shift
for peer; do
	echo "peer $peer"
	true 3<>"/dev/tcp/${peer% *}/$port"
	echo "status $?"
done'
# dial_read TEXT: what that printed. $dialled is how many of them were tried, $peer the one
# that it was at, or nothing.
dial_read() {
	peer='' dialled=0
	IFS=$nl
	for line in $1; do
		case $line in
		"peer "*) peer=${line#peer } said= ;;
		"status "*)
			dial_said "${line#status }"
			dialled=$((dialled + 1)) peer=
			;;
		*) said=${said:-$line} ;;
		esac
	done
	unset IFS
}
# dial_said STATUS: the lines about $peer and $port, of which bash said $said. $alone: nothing else is
# tried ("reach"), or only that port ("open").
dial_said() {
	case $1:$said in
	0:* | *refused* | *reset*)
		[ -z "$walls" ] || [ "$alone" = reach ] || fact open "${peer% *}" yes "port $port"
		[ "$alone" = open ] || fact reach "${peer% *}" yes "port $port"
		return
		;;
	*: | *"No such file"*) ;;
	*)
		# A firewall's REJECT has many words: no route, not permitted, network unreachable.
		[ -z "$walls" ] || [ "$alone" = reach ] || dial_walled "${said##*: }"
		;;
	esac
	case $alone:$said in
	open:*) ;;
	*:*"No such file"*) dial_else "$peer" ;; # this bash cannot dial
	reach:*) fact reach "${peer% *}" no "${said##*: }" ;;
	*) again=$again$peer$nl ;;
	esac
}
dial_walled() { fact open "${peer% *}" no "port $port: $1"; }
# dial_alone PEER: its own port, for as long as a SYN that was lost needs to be sent again.
dial_alone() {
	alone=reach port=${1#* }
	dial_read "$(exec timeout "$dial_limit" bash -c "$dial_all" dial "$port" "$1" 2>&1)"
	[ -z "$peer" ] || fact reach "${1% *}" no "no answer from port $port within $dial_limit seconds"
}
# dial_wall PEER: the same of the port where nobody listens.
dial_wall() {
	alone=open port=$open_port
	dial_read "$(exec timeout "$dial_limit" bash -c "$dial_all" dial "$port" "$1" 2>&1)"
	[ -z "$peer" ] || dial_walled "no answer within $dial_limit seconds"
}
# dial_else PEER: without bash.
dial_else() {
	if have nc && nc -z -w "$dial_limit" "${1% *}" "${1#* }" 2>/dev/null; then
		fact reach "${1% *}" yes "port ${1#* }"
	elif have ping && ping -c 1 -W "$dial_limit" "${1% *}" >/dev/null 2>&1; then
		fact reach "${1% *}" yes ping
	else
		fact reach "${1% *}" unknown "no bash with timeout to dial with"
	fi
}
# version_of PACKAGE: $version, that in the environment, or "-". Any prefix will do, such as a
# pod's /usr/local with Debian's dist-packages. Where the package lies elsewhere, the Python of its
# command knows; the command itself would take seconds to say.
version_of() {
	version=-
	for f in "$venv"/lib*/python3*/*-packages/"$1"-*.dist-info; do
		[ ! -d "$f" ] || { version=${f##*/"$1"-} version=${version%.dist-info}; }
	done
	[ "$version" = - ] && [ -x "$venv/bin/$1" ] || return
	read -r python _ <"$venv/bin/$1"
	case $python in
	'#!/'*python*) python=${python#??} ;;
	*) python=$venv/bin/python3 ;;
	esac
	[ -x "$python" ] || python=python3
	version=$(in_time "$driver_limit" "$python" -c 'import sys
from importlib import metadata
print(metadata.version(sys.argv[1]))' "$1" </dev/null)
	case $version in *[!0-9A-Za-z.+_-]* | '') version=- ;; esac
}
# venv_fact PACKAGE NEEDS: what the virtual environment $venv has of the engine.
venv_fact() {
	hf=no of_needs=- there=ok
	[ -z "$2" ] || [ ! -x "$venv/bin/$2" ] || {
		version_of "$2"
		of_needs=$version
		[ "$version" != - ] || of_needs='?' # it is there, all the same
	}
	{ [ ! -x "$venv/bin/hf" ] && [ ! -x "$venv/bin/huggingface-cli" ]; } || hf=yes
	[ -x "$venv/bin/$1" ] || there=broken
	[ -d "$venv" ] || there=missing
	version_of "$1"
	fact venv "$venv" $there "$version" "$of_needs" $hf
	for f in "$venv"/lib*/python3*/*-packages/nvidia_nccl_cu*-*.dist-info; do
		[ ! -d "$f" ] || { f=${f##*/} f=${f#*-} && fact nccl "${f%.dist-info}"; break; }
	done
}

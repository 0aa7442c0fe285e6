# trust.sh - a node that is not to be trusted; run.sh sources it after here.sh. Nodes are
# shells of this machine with their own homes.
# shellcheck shell=bash disable=SC2016,SC2034,SC2154

there=$here/there
mkdir -p "$there"
cat >"$here/way.lua" <<'END'
return {connect = function(node) return {"env", "HOME=" .. node.labels.home, "sh"} end}
END
cat >"$here/bare.lua" <<END
return {connect = function() return {"env", "HOME=$there", "sh"} end}
END
# state_at HOME: the folder where dray keeps its state there.
state_at() { (HOME=$1 XDG_STATE_HOME='' && . planner/steps/state.sh && state_of here && echo "$state"); }
# left_behind HOME: what a step of an earlier apply left there, with an undo that can be
# noticed.
left_behind() {
	mkdir -p "$(state_at "$1")/steps"
	printf '%s' '{"v":1,"step":"command.mine[me]","node":"me","kind":"command","phase":"done",' \
		'"apply_id":"1","at":"x","instance":"i","inputs":{"run":"true",' \
		'"undo":"touch '"$here"'/UNDONE"},"bound":{},"down":{}}' \
		>"$(state_at "$1")/steps/command.mine@me.json"
}
# named EXECUTOR-OF-a ENTRY: a spec of one node whose members.json has that entry.
named() {
	rm -rf "$there" && mkdir -p "$there"
	here_spec <<<"steps: [{command: hello, nodes: all, run: 'true'}]"
	sed -i "s#^nodes:.*#nodes: [{name: a, host: a, executor: $1, gpus: 1, address: 127.0.0.1}]#" \
		"$here/cluster.yaml"
	mkdir -p "$(state_at "$there")"
	printf '{"v":1,"cluster":"here","nodes":[%s]}\n' "$2" >"$(state_at "$there")/members.json"
}
# untouched NAME: neither a plan nor an apply used the entry.
untouched() {
	rm -f "$here/UNDONE"
	rm -rf "$(state_at "$here/home")" && left_behind "$here/home"
	at_here plan -target command
	check "$1: plan" 1 'node z is not contacted' 'members.json of a names it' 'gone for good, use -forget z'
	true_that "$1: nothing of it is planned" not grep -q 'command.mine' "$tmp/out"
	at_here apply -target command -auto-approve
	check "$1: apply" 1 'z'
	true_that "$1: nothing is undone" not test -e "$here/UNDONE"
	true_that "$1: no lock" not test -e "$(state_at "$here/home")/lock"
}
not() { ! "$@"; }

way="way.lua, labels: {home: '$there'}"
for says in '"executor":"local"' '"way":"local"' '"executor":"way.lua","labels":{"home":"'"$here/home"'"}' \
	'"way":"lua"' '"executor":"./bare.lua"'; do
	named "$way" '{"name":"z","host":"z",'"$says"'}'
	untouched "a member with $says"
done

# A way that the spec has and that needs no labels is used; this machine never is, whatever
# its name.
named bare.lua '{"name":"z","host":"z","way":"lua"}'
at_here plan -target command
if [ -s /etc/machine-id ]; then
	check "a member that is this machine" 1 'node z is not contacted: it is this machine'
else
	check "a member by the spec's own Lua file" 0 '2 nodes observed'
fi

# What the operator lists under left is used.
named "$way" '{"name":"z","host":"z","way":"local"}'
left_behind "$here/home"
echo "left: [{name: z, executor: way.lua, labels: {home: '$here/home'}}]" >>"$here/cluster.yaml"
at_here plan -target command
check "a node under left" 0 'command.mine.me. will be destroyed'

# A saved plan of one cluster is not carried out for another.
here_spec <<<"steps: [{command: hello, nodes: all, run: 'true'}]"
at_here plan -target command -out saved
sed -i 's/"cluster": "here"/"cluster": "there"/' "$here/saved"
at_here apply saved
check "the cluster of a saved plan" 5 "the plan is for cluster 'there', but the spec in it for 'here'"

# 70-history.sh - the history, and the way back
# shellcheck shell=bash disable=SC2016,SC2034,SC2153,SC2154

t_history() {
	local first second
	down
	ARGS='max-model-len: 301'
	up
	cp cluster.yaml first.yaml
	dray history
	wants 0
	says ' apply  *done '
	says '^ *create rank\[here\] (it does not exist)'
	first=$(sed -n 2p out | cut -d' ' -f1)
	ARGS='max-model-len: 302'
	up
	demands die-loading
	dray restart -auto-approve
	wants 3
	no_demands
	dray history
	says '^[0-9a-f]*  20.* restart  *partial .* not back$'
	[ "$(grep -cE '^[0-9a-f]{8}  ' out)" = 3 ] || fail "there are not three applies"
	second=$(grep -E '^[0-9a-f]{8}  .* apply ' out | sed -n '1s/ .*//p')
	says 'restart rank\[here\] (args.max-model-len changed)'
	dray history -json
	says '"has_spec": true'
	python3 -c 'import json; assert [e["command"] for e in json.load(open("out"))] == ["restart", "apply", "apply"]'
	dray history show "$first"
	wants 0
	cmp first.yaml out || fail "the spec is not the one that was applied"
	dray history show 0000
	wants 1
	says "no apply '0000' is in the history"
	# Back to the first one, by a plan that is saved and approved.
	dray plan -from "$first" -out back.plan
	wants 0
	says 'args.max-model-len'
	says "spec apply-$first"
	dray apply back.plan
	wants 0
	cp first.yaml cluster.yaml
	dray plan -detailed-exitcode
	wants 0
	# A spec that was applied elsewhere, or that the node has changed, is only shown.
	sed -i 's/max-model-len: 302/max-model-len: 303/' state/dray/"$CLUSTER"/*/history/*-"$second"*.json
	dray plan -from "$second"
	wants 1
	says 'it was not applied by you from here'
	says "dray history show $second >old.yaml"
	# Of an apply that was killed there is the beginning.
	ARGS='max-model-len: 304'
	spec
	demands slow-load=30
	start apply -auto-approve
	wait_for "the start" grep -q 'Starting' bg.out
	kill -9 "$bg"
	finish
	no_demands
	dray history
	says ' did not end '
	ARGS='max-model-len: 300'
	spec
}

# A plan back to an earlier spec has the files as they are now, and says so.
t_history_files() {
	local id
	down
	spec
	echo one >note.txt
	sed -i 's|engine: {|engine: {env: {NOTE: /dray/files/note.txt}, |' cluster.yaml
	echo 'files: [{from: note.txt}]' >>cluster.yaml
	apply
	dray history
	id=$(sed -n 2p out | cut -d' ' -f1)
	dray plan -from "$id"
	wants 0
	not_says 'is not the one of apply'
	echo two >note.txt
	dray plan -from "$id"
	wants 0
	says "the file 'note.txt' is not the one of apply $id: sha256:[0-9a-f]*… then, sha256:[0-9a-f]*… now"
	dray destroy -auto-approve
	spec
}

check "history lists applies, and a plan goes back to one" t_history
more "a plan back to an earlier apply says which files are others now" t_history_files

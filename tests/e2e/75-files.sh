# 75-files.sh - files of the operator: carried to every node, seen by the engine, part of the diff.
# Takes 100 s.
# shellcheck shell=bash disable=SC2016,SC2034,SC2153,SC2154

# files_spec: the spec, with a template and a configuration that a variable names.
files_spec() {
	ENV='VLLM_LOGGING_CONFIG_PATH: /dray/files/log.json'
	spec
	cat >>cluster.yaml <<-'END'
		files:
		  - {from: templates/tools.jinja, as: chat-template}
		  - {from: log.json}
		  - {from: notes.txt, as: secret.txt, mode: 0600}
	END
}
files_write() {
	mkdir -p templates
	echo '{{ first template }}' >templates/tools.jinja
	echo '{"version": 1}' >log.json
	echo 'poison-of-a-file' >notes.txt
}
# files_of NODE: its carried files, below the folder that has the keys; files_on: one of them.
files_of() { (cd "$BED/$1/disk/root/.local/state/dray/$CLUSTER"/*/files && find . -type f | sort); }
files_on() { echo "$BED/$1/disk/root/.local/state/dray/$CLUSTER"/*/files/*/"$2"; }
# The engine has read that template.
engine_read() {
	case $BACKEND$RUNTIME in
	*none) on node1 sh -c 'cat /root/.local/state/dray/e2e/*/run/*/log' ;;
	ray*) on node1 "$(engine)" exec dray-e2e-head cat /tmp/dray/serve.log ;;
	*) on node1 "$(engine)" logs dray-e2e-rank ;;
	esac >"$S/log.engine" 2>&1
	grep -q "Using supplied chat template: $1" "$S/log.engine" || fail "the engine did not read '$1'"
}

files_carried() {
	files_write
	files_spec
	dray apply -auto-approve
	wants 0
	says 'files\[node2\] will be created'
	says 'nothing uses this file'
	plan_is_empty
	engine_read '{{ first template }}'
	chat
	[ "$(stat -c %a "$(files_on node2 secret.txt)" "$(files_on node2 tools.jinja)")" = $'600\n644' ] ||
		fail "other modes"
	! grep -rq poison-of-a-file "$S/out" "$S/err" || fail "what is in a file was printed"
	! state_of node2 | grep -q poison-of-a-file || fail "what is in a file is in a record"
}
files_changed() {
	before
	echo '{{ second template }}' >templates/tools.jinja
	dray plan -detailed-exitcode
	wants 2
	says 'file.tools.jinja *= sha256:.* -> sha256:'
	says 'files.tools.jinja *= sha256:.* -> sha256:'
	apply
	engine_read '{{ second template }}'
	[ "$(files_of node2 | wc -l)" = 3 ] || fail "there is more than the three files: $(files_of node2)"
	after
}
# A saved plan is for the files that it was made with.
files_saved() {
	echo '{{ third template }}' >templates/tools.jinja
	dray plan -out plan.json
	wants 0
	echo '{{ fourth template }}' >templates/tools.jinja
	dray apply plan.json
	wants 5
	says 'templates/tools.jinja: the file has changed since'
	echo '{{ second template }}' >templates/tools.jinja
	plan_is_empty
}
# What somebody did on a node is seen and mended; what runs has read them, and goes on.
files_mended() {
	before
	rm "$(files_on node2 tools.jinja)"
	echo other >"$(files_on node1 log.json)"
	chmod 644 "$(files_on node1 secret.txt)"
	dray plan -detailed-exitcode
	wants 2
	says "files\[node2\] will be created (because 'tools.jinja' is gone"
	says "files\[node1\] will be created (because 'log.json' was changed on the node"
	dray apply -auto-approve
	wants 0
	says ' 0 to restart'
	plan_is_empty
	cmp log.json "$(files_on node1 log.json)"
	[ "$(stat -c %a "$(files_on node1 secret.txt)")" = 600 ] || fail "the mode is not mended"
	chat
	after
}

t_files_mp() {
	down
	BACKEND=mp
	files_carried
	files_changed
	differs 'rank[node1]' 'rank[node2]'
	files_saved
	files_mended
	same 'rank[node1]' 'rank[node2]'
	dray destroy -auto-approve
	wants 0
	nothing_left
}

t_files_ray_script() {
	spec_defaults
	LAUNCHER=script
	files_carried
	files_changed
	same 'head[node1]' 'worker[node2]'
	differs serve
	files_mended
	same 'head[node1]' 'worker[node2]' serve
	# Of the whole folder a container has the old one, which is said before a server starts there.
	rm -r "$BED/node1/disk/root/.local/state/dray/e2e"/*/files
	apply
	dray restart -auto-approve
	wants_failure
	says "does not see '/dray/files/.*/tools.jinja' any more"
	says 'dray apply -replace head'
	apply -replace head
	chat
	# What the spec no longer has goes.
	ENV=''
	spec
	dray apply -auto-approve
	wants 0
	says 'files\[node1\] will be destroyed'
	plan_is_empty
	[ -z "$(find "$BED/node1/disk/root/.local/state/dray/e2e" -name files)" ] || fail "the files are there still"
	dray destroy -auto-approve
	wants 0
	nothing_left
}

t_files_none() {
	spec_defaults
	BACKEND=mp RUNTIME=none
	files_carried
	files_changed
	files_mended
	dray destroy -auto-approve
	wants 0
	nothing_left
}

t_files_podman() {
	down
	BACKEND=mp RUNTIME=podman
	files_carried
	# Nobody writes into them from inside.
	! on node1 podman exec dray-e2e-rank sh -c 'echo x >"$(ls -d /dray/files/*/log.json)"' ||
		fail "the engine can write into what was carried"
	dray destroy -auto-approve
	wants 0
	nothing_left
}

# A template that no node has is told before anything stops.
t_files_wrong() {
	up
	before
	files_write
	ARGS="$ARGS, chat-template: /srv/nowhere.jinja"
	spec
	dray apply -auto-approve
	wants 1
	says "there is no '/srv/nowhere.jinja'.*carry it with 'files'"
	after
	same serve
}

scenario 'files: carried, changed, mended, with mp' t_files_mp
more 'files: the same with run_cluster.sh' t_files_ray_script
more 'files: the same without containers' t_files_none
more 'files: carried with podman, read-only' t_files_podman
more 'files: an argument that names none is refused' t_files_wrong

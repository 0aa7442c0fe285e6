/*
 * What each kind wants, and the exact command that it would run, from facts written by hand.
 * No secret may be in a command.
 */
#include "tests/unit/kinds_by_hand.h"

static void
test_head_words(void **state)
{
	struct tasks tasks;
	const struct task *t;

	(void)state;
	build("engine: {backend: ray, image: img:1, env: {A: x y}, docker_args: [--ipc, host]}\n",
	      "image\timg:1\tsha256:11\timg@sha256:22\n", "image\timg:1\tsha256:11\t-\n");
	tasks = up("head[n1]");
	t = &tasks.v[0].task;
	assert_int_equal(tasks.n, 1);
	assert_true(t->changes);
	assert_string_equal(t->script->name, "join-up");
	assert_null(argument(t, "worker"));
	assert_string_equal(argument(t, "name"), "dray-c1-head");
	assert_string_equal(argument(t, "cluster"), "c1");
	assert_null(argument(t, "launcher"));
	assert_string_equal(argument(t, "image"), "img:1");
	assert_string_equal(argument(t, "image_id"), "sha256:11");
	assert_string_equal(argument(t, "hf_home"), "/srv/.cache/huggingface");
	assert_non_null(strstr(words(t, first_word(t)),
		"docker run -d --restart no --entrypoint /bin/sh --network host --shm-size 10.24g "
		"-v /srv/.cache/huggingface:/root/.cache/huggingface --gpus all -e A=x y "
		"-e GLOO_SOCKET_IFNAME=eth0 -e HF_HUB_OFFLINE=1 -e NCCL_SOCKET_IFNAME==eth0 "
		"-e VLLM_HOST_IP=192.0.2.1 --ipc host --name dray-c1-head "
		"--label dray.cluster=c1 --label dray.step=head[n1] --label dray.digest="));
	assert_string_equal(words(t, t->argc - 10), "img:1 -c exec \"$@\" dray-node ray start --block "
			    "--head --port=6379 --node-ip-address=192.0.2.1");
	tasks = up("worker[n2]");
	t = &tasks.v[0].task;
	assert_string_equal(words(t, t->argc - 6), "dray-node ray start --block "
			    "--address=192.0.2.1:6379 --node-ip-address=192.0.2.2");
	assert_non_null(strstr(words(t, first_word(t)), "-e VLLM_HOST_IP=192.0.2.2 -e ZONE=b --ipc host"));
	/* Podman refuses a size for the host's shared memory. */
	build("engine: {backend: ray, image: img:1, runtime: podman, docker_args: [--ipc=host]}\n", NULL, NULL);
	tasks = up("head[n1]");
	assert_null(strstr(words(&tasks.v[0].task, first_word(&tasks.v[0].task)), "--shm-size"));
	build("engine: {backend: ray, image: img:1, runtime: podman}\n", NULL, NULL);
	tasks = up("head[n1]");
	assert_non_null(strstr(words(&tasks.v[0].task, first_word(&tasks.v[0].task)), "--shm-size 10.24g"));
}

static void
test_script_words(void **state)
{
	struct tasks tasks;
	const struct task *t;

	(void)state;
	build("engine: {backend: ray, image: img:1, launcher: script, script: {url: 'http://x.test/rc.sh', sha256: " SHA "}}\n",
	      NULL, "image\timg:1\tsha256:11\t-\n");
	tasks = up("script");
	assert_int_equal(tasks.n, 2);
	assert_int_equal(tasks.v[0].task.type, TASK_FETCH);
	assert_string_equal(tasks.v[0].task.url, "http://x.test/rc.sh");
	assert_string_equal(tasks.v[0].task.sha256, SHA);
	assert_string_equal(argument(&tasks.v[1].task, "path"), "/srv/.dray/run_cluster-f37a33e80e23.sh");
	assert_string_equal(argument(&tasks.v[1].task, "sha256"), SHA);
	tasks = up("worker[n2]");
	t = &tasks.v[0].task;
	assert_string_equal(argument(t, "launcher"), "yes");
	assert_non_null(strstr(words(t, first_word(t)),
		"bash /srv/.dray/run_cluster-f37a33e80e23.sh img:1 192.0.2.1 --worker "
		"/srv/.cache/huggingface -e GLOO_SOCKET_IFNAME=eth0"));
	assert_non_null(strstr(t->argv[t->argc - 1], "dray.inputs={"));
	/* Without an output the script is not there. */
	assert_int_equal(step("script")->observed.state, STATE_ABSENT);
	again();
	build("engine: {backend: ray, image: img:1, launcher: script, script: {url: 'http://x.test/rc.sh', sha256: " SHA "}}\n",
	      "script\t/srv/.dray/run_cluster-f37a33e80e23.sh\t" SHA "\n", NULL);
	assert_int_equal(step("script")->observed.state, STATE_PRESENT);
	assert_true(step("script")->observed.adopted);
	assert_string_equal(step("script")->observed.output, SHA);
}

/* An IPv6 address that is followed by a port has brackets, also for Ray. */
static void
test_ipv6_words(void **state)
{
	static const char spec[] =
		"cluster: c1\nnodes:\n  - {name: n1, host: h1, address: 'fd00::1'}\n"
		"  - {name: n2, host: h2, address: 'fd00::2'}\nshared_dir: /srv\nmodel: {path: /m}\n"
		"parallelism: {tensor: 1, pipeline: 2}\n"
		"engine: {backend: ray, image: 'img:1', launcher: %s}\n";
	const struct task *t;

	(void)state;
	for (int script = 0; script < 2; script++) {
		again();
		build_text(arena_printf(&arena, spec, script ? "script" : "container"));
		seen_as(0, "addr\teth0\tfd00::1\t64\nimage\timg:1\tsha256:11\t-\n");
		seen_as(1, "addr\teth0\tfd00::2\t64\nimage\timg:1\tsha256:11\t-\n");
		graph = graph_build(&arena, model, &problems);
		t = &up("worker[n2]").v[0].task;
		if (script) {
			assert_non_null(strstr(words(t, first_word(t)), "img:1 [fd00::1] --worker "));
			t = &up("head[n1]").v[0].task;
			assert_non_null(strstr(words(t, first_word(t)), "img:1 fd00::1 --head "));
			continue;
		}
		assert_string_equal(words(t, t->argc - 2),
				    "--address=[fd00::1]:6379 --node-ip-address=fd00::2");
		t = &up("serve").v[1].task;
		assert_string_equal(t->argv[first_word(t)], "RAY_ADDRESS=[fd00::1]:6379");
		assert_string_equal(attrs_value(&step("worker[n2]")->want, "head", ""),
				    "[fd00::1]:6379");
	}
}

static void
test_serve_words(void **state)
{
	struct tasks tasks;
	const struct task *t;

	(void)state;
	build("engine: {backend: ray, image: img:1, args: {max-model-len: 4096, enforce-eager: 'true', "
	      "enable-prefix-caching: 'false'}}\nserve: {name: tiny, port: 8001, api_key: 'env:POISON'}\n",
	      NULL, NULL);
	model->api_key_mac = "hmac-sha256:1";
	graph = graph_build(&arena, model, &problems);
	/* Left-overs of an unfinished start are ended first. After a down there are none. */
	step("serve")->observed.state = STATE_INTERRUPTED;
	tasks = up("serve");
	assert_int_equal(tasks.n, 3);
	assert_string_equal(tasks.v[0].task.script->name, "serve-down");
	step("serve")->observed.state = STATE_ABSENT;
	assert_int_equal(up("serve").n, 2);
	assert_string_equal(tasks.v[1].task.script->name, "ray-ready");
	assert_string_equal(argument(&tasks.v[1].task, "nodes"), "2");
	assert_string_equal(argument(&tasks.v[1].task, "gpus"), "4");
	assert_string_equal(words(&tasks.v[1].task, first_word(&tasks.v[1].task)), "n1=192.0.2.1 n2=192.0.2.2");
	t = &tasks.v[2].task;
	assert_int_equal(t->secrets, TASK_API_KEY);
	assert_int_equal(t->timeout_s, 0);
	assert_string_equal(argument(t, "name"), "dray-c1-head");
	assert_string_equal(argument(t, "key"), "yes");
	assert_string_equal(words(t, first_word(t)),
		"RAY_ADDRESS=192.0.2.1:6379 VLLM_ENGINE_READY_TIMEOUT_S=36000 -- vllm serve /root/.cache/huggingface/hub/models--org--name/snapshots/" COMMIT
		" --served-model-name tiny --host 0.0.0.0 --port 8001 --tensor-parallel-size 2"
		" --pipeline-parallel-size 2 --distributed-executor-backend ray"
		" --no-enable-prefix-caching --enforce-eager --max-model-len 4096");
}

static void
test_download_words(void **state)
{
	struct tasks tasks;
	const struct task *t;

	(void)state;
	build("engine: {backend: ray, image: img:1, env: {A: x}, docker_args: [-v, '/a:/a']}\n", NULL, NULL);
	tasks = up("download");
	t = &tasks.v[0].task;
	assert_int_equal(t->secrets, TASK_TOKEN);
	assert_string_equal(words(t, 0),
		"token=yes hf_home=/srv/.cache/huggingface hub=models--org--name repo=org/name "
		"commit=" COMMIT " endpoint=https://huggingface.co name=dray-c1-download cluster=c1 "
		"image=img:1 docker_words=8 -- --network host -v /srv:/srv "
		"-e A=x -v /a:/a --exclude orig/*");
	assert_string_equal(t->input, "700\taa\tconfig.json\n5000\tbb\tmodel.safetensors\n");
	assert_int_equal(t->ninput, strlen(t->input));
}

static void
test_probe_words(void **state)
{
	struct tasks tasks;
	const struct task *t;

	(void)state;
	build("engine: {backend: ray, image: img:1}\nserve: {name: tiny, port: 8001, api_key: 'env:POISON'}\n"
	      "probe: {prompt: 'say \"x\"', max_tokens: 3, timeout: 7}\n", NULL, NULL);
	tasks = up("probe");
	t = &tasks.v[0].task;
	assert_int_equal(tasks.n, 1);
	assert_int_equal(t->type, TASK_PROBE);
	assert_string_equal(t->url, "http://127.0.0.1:8001/v1/chat/completions");
	assert_string_equal(t->body, "{\"model\":\"tiny\",\"messages\":[{\"role\":\"user\","
			    "\"content\":\"say \\\"x\\\"\"}],\"max_tokens\":3}");
	assert_int_equal(t->secrets, TASK_API_KEY);
	assert_int_equal(t->timeout_s, 7);
	assert_string_equal(kind_find("probe")->verb, "run");
}

static void
test_prove(void **state)
{
	struct tasks tasks = {0};

	(void)state;
	build(NULL, NULL, NULL);
	kind_find("preflight")->prove(&arena, graph, &tasks);
	assert_int_equal(tasks.n, 3);
	assert_string_equal(argument(&tasks.v[0].task, "act"), "write");
	assert_ptr_equal(tasks.v[0].node, &model->node[0]);
	assert_string_equal(argument(&tasks.v[1].task, "act"), "read");
	assert_ptr_equal(tasks.v[1].node, &model->node[1]);
	assert_string_equal(argument(&tasks.v[2].task, "act"), "remove");
	assert_ptr_equal(tasks.v[2].node, &model->node[0]);
	assert_string_equal(argument(&tasks.v[0].task, "nonce"), argument(&tasks.v[1].task, "nonce"));
}

static void
test_effects(void **state)
{
	static const struct {
		const char *kind, *attr;
		enum effect effect;
	} table[] = {
		{"probe", "prompt", EFFECT_UPDATE},
		{"serve", "args.max-model-len", EFFECT_REPLACE},
		{"serve", "name", EFFECT_REPLACE},
		{"serve", "port", EFFECT_REPLACE},
		{"serve", "tensor", EFFECT_REPLACE},
		{"serve", "pipeline", EFFECT_REPLACE},
		{"serve", "model.commit", EFFECT_REPLACE},
		{"worker", "image_id", EFFECT_REPLACE},
		{"worker", "env.NCCL_DEBUG", EFFECT_REPLACE},
		{"worker", "docker_args", EFFECT_REPLACE},
		{"worker", "head", EFFECT_REPLACE},
		{"head", "address", EFFECT_REPLACE},
		{"head", "port", EFFECT_REPLACE},
		{"head", "script", EFFECT_REPLACE},
		{"download", "commit", EFFECT_UPDATE},
		{"download", "endpoint", EFFECT_NONE},
		{"download", "revision", EFFECT_NONE},
		{"script", "url", EFFECT_NONE},
		{"script", "sha256", EFFECT_REPLACE},
		{"image", "image", EFFECT_UPDATE},
	};

	(void)state;
	for (size_t i = 0; i < sizeof table / sizeof *table; i++)
		assert_int_equal(kind_effect(kind_find(table[i].kind), table[i].attr),
				 table[i].effect);
	for (size_t i = 0; kinds[i]; i++)
		for (const struct field_effect *f = kinds[i]->fields; f->name; f++)
			assert_true(f->doc && *f->doc);
	/* Every attribute that a kind can want is in its table. */
	build("engine: {backend: ray, image: i:1, launcher: script, script: {url: 'http://x.test/a', sha256: " SHA
	      "}, docker_args: [--ipc, host], env: {A: b}, args: {x: y}}\n", NULL, NULL);
	for (size_t i = 0; i < graph->n; i++) {
		struct step *s = graph->v[i];

		for (size_t k = 0; k < s->want.n; k++) {
			const struct field_effect *f = s->kind->fields;
			const char *name = s->want.v[k].name;

			while (f->name && strcmp(f->name, name) != 0 &&
			       !(f->name[strlen(f->name) - 1] == '.' &&
				 strncmp(f->name, name, strlen(f->name)) == 0))
				f++;
			if (!f->name)
				fail_msg("%s wants '%s', which its table has not", s->addr, name);
		}
	}
}

static void
test_no_secret_in_words(void **state)
{
	(void)state;
	build("engine: {backend: ray, image: i:1}\nserve: {api_key: 'env:POISON'}\n", NULL, NULL);
	for (size_t i = 0; i < graph->n; i++) {
		struct step *s = graph->v[i];
		struct tasks tasks = {0};

		if (s->kind->up)
			s->kind->up(&arena, s, &tasks);
		if (s->kind->down)
			s->kind->down(&arena, s, &tasks);
		for (size_t k = 0; k < tasks.n; k++) {
			assert_null(strstr(words(&tasks.v[k].task, 0), "POISON"));
			assert_null(strstr(tasks.v[k].what, "POISON"));
		}
	}
}

/* The spec says where the other nodes pull from; the head only provides a hash. */
static void
test_pull_from(void **state)
{
#define HEX "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	static const struct { const char *ref, *digests, *from; } cases[] = {
		{"a/b:1", "a/b@sha256:" HEX, "a/b"},
		{"a/b:1", "docker.io/a/b@sha256:" HEX, "a/b"},
		{"docker.io/a/b:1", "a/b@sha256:" HEX, "docker.io/a/b"},
		{"index.docker.io/a/b:1", "docker.io/a/b@sha256:" HEX, "index.docker.io/a/b"},
		{"b:1", "docker.io/library/b@sha256:" HEX, "b"},
		{"library/b", "b@sha256:" HEX, "library/b"},
		{"r.example:5000/a/b:1", "r.example:5000/a/b@sha256:" HEX, "r.example:5000/a/b"},
		{"r.example:5000/b", "r.example:5000/b@sha256:" HEX, "r.example:5000/b"},
		{"localhost/b:1", "localhost/b@sha256:" HEX, "localhost/b"},
		{"a/b:1", "mirror.example/a/b@sha256:" HEX " a/b@sha256:" HEX, "a/b"},
		{"a/b:1", "a/b@sha256:00 a/b@sha256:" HEX " a/b@sha256:" SHA, "a/b"},
		{"a/b:1", "evil.example/b@sha256:" HEX, NULL},
		{"a/b:1", "evil.example/a/b@sha256:" HEX, NULL},
		{"a/b:1", "docker.io.evil/a/b@sha256:" HEX, NULL},
		{"a/b:1", "library/a/b@sha256:" HEX, NULL},
		{"a/b:1", "a/b/c@sha256:" HEX, NULL},
		{"a/b:1", "A/b@sha256:" HEX, NULL},
		{"b:1", "a/b@sha256:" HEX, NULL},
		{"r.example/a/b", "r.example:5000/a/b@sha256:" HEX, NULL},
		{"r.example/a/b", "a/b@sha256:" HEX, NULL},
		{"a/b:1", "a/b@sha256:00", NULL},
		{"a/b:1", "a/b@sha256:" HEX "0", NULL},
		{"a/b:1", "a/b@sha512:" HEX, NULL},
		{"a/b:1", "a/b:1", NULL},
		{"a/b:1", "@sha256:" HEX, NULL},
		{"a/b:1", "-", NULL},
		{"a/b@sha256:" SHA, "a/b@sha256:" HEX, NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		const char *spec = arena_printf(&arena, "engine: {backend: ray, image: '%s'}\n",
						cases[i].ref);
		const char *facts = arena_printf(&arena, "image\t%s\tsha256:11\t%s\n", cases[i].ref,
						 cases[i].digests);
		const char *from = cases[i].from
			? arena_printf(&arena, "%s@sha256:" HEX, cases[i].from) : "-";
		const struct task *t;

		build(spec, facts, NULL);
		assert_string_equal(attrs_value(&step("image[n2]")->want, "pull_from", "-"), from);
		t = &up("image[n2]").v[0].task;
		assert_string_equal(argument(t, "pull_from") ? argument(t, "pull_from") : "-", from);
		/* A node that has it pulls nothing. */
		assert_null(attrs_value(&step("image[n1]")->want, "pull_from", NULL));
		build(spec, facts, facts);
		assert_null(attrs_value(&step("image[n2]")->want, "pull_from", NULL));
		/* A node that has another one pulls the head's. */
		build(spec, facts, arena_printf(&arena, "image\t%s\tsha256:12\t-\n", cases[i].ref));
		assert_string_equal(attrs_value(&step("image[n2]")->want, "pull_from", "-"), from);
		again();
	}
#undef HEX
}

static void
test_record_of(void **state)
{
	struct record *r;
	struct step *s;

	(void)state;
	build("engine: {backend: ray, image: img:1}\n", "image\timg:1\tsha256:11\t-\n", NULL);
	step("head[n1]")->observed.instance = "id1";
	s = step("worker[n2]");
	s->observed.instance = "id2";
	step("image[n2]")->observed.output = "sha256:11";
	r = record_of(&arena, s, "intent", "a1", "now");
	assert_null(r->instance);
	assert_string_equal(attrs_value(&r->inputs, "image_id", ""), "sha256:11");
	r = record_of(&arena, s, "done", "a1", "now");
	assert_string_equal(r->instance, "id2");
	assert_string_equal(attrs_value(&r->bound, "head[n1]", ""), "id1");
	assert_string_equal(r->node, "n2");
	assert_string_equal(r->kind, "worker");
}

static void
test_tasks_of_no_kind(void **state)
{
	struct task t;

	(void)state;
	build_model(NULL);
	observe_task(&arena, model, &model->node[0], false, &t);
	assert_string_equal(words(&t, 0), arena_printf(&arena,
		"cluster=c1 shared=/srv image=vllm/vllm-openai:v0.17.1 "
		"hub=/srv/.cache/huggingface/hub/models--org--name revision=main ports=6379 8265 8000 "
		"status_command=ray status status_sh=%s worker_title=VLLM::Worker "
		"core_title=VLLM::EngineCore head=dray-c1-head runtime=docker package=vllm needs=ray "
		"-- 192.0.2.2 22", engine_text(model->engine->status_script)));
	assert_false(t.changes);
	observe_task(&arena, model, &model->node[1], false, &t);
	assert_string_equal(words(&t, 0), "cluster=c1 shared=/srv image=vllm/vllm-openai:v0.17.1 "
		"worker_title=VLLM::Worker core_title=VLLM::EngineCore head=dray-c1-head runtime=docker "
		"package=vllm needs=ray -- 192.0.2.1 22");
	record_task(&arena, model, "worker[n2]", NULL, &t);
	assert_string_equal(words(&t, 0), "cluster=c1 step=worker@n2 act=remove");
	members_task(&arena, model, NULL, &t);
	assert_string_equal(words(&t, 0), "cluster=c1 act=remove shared_dir=/srv");
	model->mac_key = "POISON";
	members_task(&arena, model, "{}", &t);
	assert_string_equal(words(&t, 0), "cluster=c1 act=write shared_dir=/srv");
	assert_string_equal(t.input, "{}\nPOISON\n");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_head_words, reset, reset),
		cmocka_unit_test_setup_teardown(test_script_words, reset, reset),
		cmocka_unit_test_setup_teardown(test_ipv6_words, reset, reset),
		cmocka_unit_test_setup_teardown(test_serve_words, reset, reset),
		cmocka_unit_test_setup_teardown(test_download_words, reset, reset),
		cmocka_unit_test_setup_teardown(test_probe_words, reset, reset),
		cmocka_unit_test_setup_teardown(test_prove, reset, reset),
		cmocka_unit_test_setup_teardown(test_effects, reset, reset),
		cmocka_unit_test_setup_teardown(test_no_secret_in_words, reset, reset),
		cmocka_unit_test_setup_teardown(test_pull_from, reset, reset),
		cmocka_unit_test_setup_teardown(test_record_of, reset, reset),
		cmocka_unit_test_setup_teardown(test_tasks_of_no_kind, reset, reset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * What each kind wants, and the exact words it would run, from facts made by hand. No
 * secret may be among them.
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
	assert_string_equal(t->script->name, "ray-up");
	assert_string_equal(t->argv[0], "head");
	assert_string_equal(t->argv[1], "dray-c1-head");
	assert_string_equal(t->argv[2], "c1");
	assert_string_equal(t->argv[3], "container");
	assert_string_equal(t->argv[4], "img:1");
	assert_string_equal(t->argv[5], "sha256:11");
	assert_string_equal(t->argv[6], "/srv/.cache/huggingface");
	assert_non_null(strstr(words(t, 8),
		"docker run -d --restart no --entrypoint /bin/sh --network host --shm-size 10.24g "
		"--gpus all -v /srv/.cache/huggingface:/root/.cache/huggingface -e A=x y "
		"-e GLOO_SOCKET_IFNAME=eth0 -e HF_HUB_OFFLINE=1 -e NCCL_SOCKET_IFNAME==eth0 "
		"-e VLLM_HOST_IP=192.0.2.1 --ipc host --name dray-c1-head "
		"--label dray.cluster=c1 --label dray.step=head[n1] --label dray.digest="));
	assert_string_equal(t->argv[t->argc - 1],
		"exec ray start --block --head --node-ip-address=192.0.2.1 --port=6379");
	assert_string_equal(t->argv[t->argc - 2], "-c");
	assert_string_equal(t->argv[t->argc - 3], "img:1");
	tasks = up("worker[n2]");
	t = &tasks.v[0].task;
	assert_string_equal(t->argv[t->argc - 1],
		"exec ray start --block --address=192.0.2.1:6379 --node-ip-address=192.0.2.2");
	assert_non_null(strstr(words(t, 8), "-e VLLM_HOST_IP=192.0.2.2 -e ZONE=b --ipc host"));
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
	assert_string_equal(words(&tasks.v[1].task, 0), "/srv/.dray/run_cluster-f37a33e80e23.sh " SHA);
	tasks = up("worker[n2]");
	t = &tasks.v[0].task;
	assert_string_equal(t->argv[3], "script");
	assert_non_null(strstr(words(t, 8),
		"bash /srv/.dray/run_cluster-f37a33e80e23.sh img:1 192.0.2.1 --worker "
		"/srv/.cache/huggingface -e GLOO_SOCKET_IFNAME=eth0"));
	assert_non_null(strstr(t->argv[t->argc - 1], "dray.inputs={"));
	/* Without an output of its own the script is not there. */
	assert_int_equal(step("script")->seen.state, SEEN_ABSENT);
	again();
	build("engine: {backend: ray, image: img:1, launcher: script, script: {url: 'http://x.test/rc.sh', sha256: " SHA "}}\n",
	      "script\t/srv/.dray/run_cluster-f37a33e80e23.sh\t" SHA "\n", NULL);
	assert_int_equal(step("script")->seen.state, SEEN_PRESENT);
	assert_true(step("script")->seen.adopted);
	assert_string_equal(step("script")->seen.output, SHA);
}

/* An IPv6 address with a port behind it is in brackets, for Ray as for everybody. */
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
			assert_non_null(strstr(words(t, 8), " img:1 [fd00::1] --worker "));
			t = &up("head[n1]").v[0].task;
			assert_non_null(strstr(words(t, 8), " img:1 fd00::1 --head "));
			continue;
		}
		assert_string_equal(t->argv[t->argc - 1], "exec ray start --block "
				    "--address=[fd00::1]:6379 --node-ip-address=fd00::2");
		assert_string_equal(up("serve").v[2].task.argv[2], "[fd00::1]:6379");
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
	tasks = up("serve");
	assert_int_equal(tasks.n, 3);
	assert_string_equal(tasks.v[0].task.script->name, "serve-down");
	assert_string_equal(tasks.v[1].task.script->name, "ray-gate");
	assert_string_equal(tasks.v[1].task.argv[1], "2");
	assert_string_equal(tasks.v[1].task.argv[2], "4");
	assert_string_equal(words(&tasks.v[1].task, 5), "n1=192.0.2.1 n2=192.0.2.2");
	t = &tasks.v[2].task;
	assert_int_equal(t->secrets, TASK_API_KEY);
	assert_int_equal(t->timeout_s, 0);
	assert_string_equal(t->argv[0], "dray-c1-head");
	assert_string_equal(t->argv[1], "key");
	assert_string_equal(t->argv[2], "192.0.2.1:6379");
	assert_string_equal(words(t, 8),
		"vllm serve /root/.cache/huggingface/hub/models--org--name/snapshots/" COMMIT
		" --served-model-name tiny --host 0.0.0.0 --port 8001 --tensor-parallel-size 2"
		" --pipeline-parallel-size 2 --distributed-executor-backend ray"
		" --max-model-len 4096 --enforce-eager --no-enable-prefix-caching");
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
		"container token /srv/.cache/huggingface models--org--name " COMMIT " org/name "
		"https://huggingface.co dray-c1-download c1 img:1 8 --network host -v /srv:/srv "
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
	assert_string_equal(tasks.v[0].task.argv[0], "write");
	assert_ptr_equal(tasks.v[0].node, &model->node[0]);
	assert_string_equal(tasks.v[1].task.argv[0], "read");
	assert_ptr_equal(tasks.v[1].node, &model->node[1]);
	assert_string_equal(tasks.v[2].task.argv[0], "remove");
	assert_ptr_equal(tasks.v[2].node, &model->node[0]);
	assert_string_equal(tasks.v[0].task.argv[3], tasks.v[1].task.argv[3]);
}

static void
test_effects(void **state)
{
	static const struct {
		const char *kind, *attr;
		enum effect effect;
	} table[] = {
		{"probe", "prompt", EFFECT_UPDATE},
		{"serve", "args.max-model-len", EFFECT_RESTART},
		{"serve", "name", EFFECT_RESTART},
		{"serve", "port", EFFECT_RESTART},
		{"serve", "tensor", EFFECT_RESTART},
		{"serve", "pipeline", EFFECT_RESTART},
		{"serve", "model.commit", EFFECT_RESTART},
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

static void
test_record_of(void **state)
{
	struct record *r;
	struct step *s;

	(void)state;
	build("engine: {backend: ray, image: img:1}\n", "image\timg:1\tsha256:11\t-\n", NULL);
	step("head[n1]")->seen.instance = "id1";
	s = step("worker[n2]");
	s->seen.instance = "id2";
	step("image[n2]")->seen.output = "sha256:11";
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
	observe_task(&arena, model, &model->node[0], &t);
	assert_string_equal(words(&t, 0), "c1 /srv vllm/vllm-openai:v0.17.1 "
		"/srv/.cache/huggingface/hub/models--org--name - - 6379 8000 dray-c1-head docker - 192.0.2.2 22");
	assert_false(t.changes);
	observe_task(&arena, model, &model->node[1], &t);
	assert_string_equal(words(&t, 0), "c1 /srv vllm/vllm-openai:v0.17.1 - - - - dray-c1-head "
		"docker - 192.0.2.1 22");
	record_task(&arena, model, "worker[n2]", NULL, &t);
	assert_string_equal(words(&t, 0), "c1 worker@n2 remove");
	members_task(&arena, model, NULL, &t);
	assert_string_equal(words(&t, 0), "c1 remove /srv");
	model->mac_key = "POISON";
	members_task(&arena, model, "{}", &t);
	assert_string_equal(words(&t, 0), "c1 write /srv");
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
		cmocka_unit_test_setup_teardown(test_record_of, reset, reset),
		cmocka_unit_test_setup_teardown(test_tasks_of_no_kind, reset, reset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The ranks of backend mp: their exact command lines, how they are observed, what backend
 * `auto` means, and the errors. */
#include "tests/unit/rank_by_hand.h"

static const char model_path[] = "/root/.cache/huggingface/hub/models--org--name/snapshots/" COMMIT;

static size_t
position(const struct task *t, const char *word)
{
	for (size_t i = 0; i < t->argc; i++)
		if (strcmp(t->argv[i], word) == 0)
			return i;
	fail_msg("no word '%s' in: %s", word, words(t, 0));
	return 0;
}

static void
test_words(void **state)
{
	struct tasks tasks;
	const struct task *t;

	(void)state;
	build(MP ", env: {A: x y}, docker_args: [--ipc, host], args: {max-model-len: 4096, "
	      "enforce-eager: 'true'}}\nserve: {name: tiny, port: 8001}\n",
	      "image\timg:1\tsha256:11\timg@sha256:22\n", "image\timg:1\tsha256:11\t-\n");
	assert_null(graph_find(graph, "head[n1]"));
	assert_null(graph_find(graph, "worker[n2]"));
	assert_null(graph_find(graph, "serve"));
	tasks = up("rank[n1]");
	t = &tasks.v[0].task;
	assert_int_equal(tasks.n, 1);
	assert_true(t->changes);
	assert_string_equal(t->script->name, "rank-up");
	assert_int_equal(t->secrets, TASK_NO_SECRET);
	assert_string_equal(argument(t, "first"), "yes");
	assert_string_equal(argument(t, "name"), "dray-c1-rank");
	assert_string_equal(argument(t, "cluster"), "c1");
	assert_string_equal(argument(t, "image"), "img:1");
	assert_string_equal(argument(t, "image_id"), "sha256:11");
	assert_string_equal(argument(t, "hf_home"), "/srv/.cache/huggingface");
	assert_null(argument(t, "key"));
	assert_string_equal(argument(t, "bind"), "0.0.0.0");
	assert_string_equal(argument(t, "port"), "8001");
	assert_non_null(strstr(words(t, first_word(t)),
		"docker run -d --restart no --entrypoint /bin/sh --network host --shm-size 10.24g "
		"-v /srv/.cache/huggingface:/root/.cache/huggingface --gpus all -e A=x y "
		"-e GLOO_SOCKET_IFNAME=eth0 -e HF_HUB_OFFLINE=1 -e NCCL_SOCKET_IFNAME==eth0 "
		"-e VLLM_ENGINE_READY_TIMEOUT_S=36000 -e VLLM_HOST_IP=192.0.2.1 --ipc host "
		"--name dray-c1-rank --label dray.cluster=c1 --label dray.step=rank[n1] "
		"--label dray.digest="));
	assert_string_equal(words(t, position(t, "dray-rank") - 3),
		arena_printf(&arena, "img:1 -c exec \"$@\" dray-rank vllm serve %s "
			     "--served-model-name tiny --host 0.0.0.0 --port 8001 "
			     "--tensor-parallel-size 2 --pipeline-parallel-size 2 "
			     "--nnodes 2 --node-rank 0 --master-addr 192.0.2.1 --master-port 29501 "
			     "--distributed-executor-backend mp --enforce-eager "
			     "--max-model-len 4096", model_path));
	tasks = up("rank[n2]");
	t = &tasks.v[0].task;
	assert_null(argument(t, "first"));
	assert_non_null(strstr(words(t, first_word(t)), "-e VLLM_HOST_IP=192.0.2.2 -e ZONE=b --ipc host"));
	assert_string_equal(words(t, position(t, "dray-rank") - 3),
		arena_printf(&arena, "img:1 -c exec \"$@\" dray-rank vllm serve %s "
			     "--tensor-parallel-size 2 --pipeline-parallel-size 2 "
			     "--nnodes 2 --node-rank 1 --master-addr 192.0.2.1 --master-port 29501 "
			     "--distributed-executor-backend mp --headless --enforce-eager "
			     "--max-model-len 4096", model_path));
}

/* Where an argument names a repository, the engine gets its folder; other words stay. */
static void
test_repos(void **state)
{
	static const char lora[] = "/root/.cache/huggingface/hub/models--acme--lora/snapshots/"
		"1111111111111111111111111111111111111111";
	struct tasks tasks;
	const struct task *t;
	const char *all;

	(void)state;
	build_model(MP ", args: {tokenizer: org/name, enable-lora: true, lora-modules: [a=acme/lora, b=acme/lora2, "
		    "'{\"name\": \"c\", \"path\" : \"acme/lora\", \"base_model_name\": \"acme/lora\"}'], "
		    "chat-template: acme/lora}}\nserve: {name: tiny}\n");
	assert_int_equal(model->nextra, 2);
	assert_string_equal(model->extra[0].from.repo.text, "acme/lora");
	assert_string_equal(model->extra[1].from.repo.text, "acme/lora2");
	model->extra[0].commit = "1111111111111111111111111111111111111111";
	seen_as(0, "image\timg:1\tsha256:11\t-\n");
	seen_as(1, "image\timg:1\tsha256:11\t-\n");
	graph = graph_build(&arena, model, &problems);
	assert_non_null(graph_find(graph, "repo.acme--lora[n1]"));
	assert_null(graph_find(graph, "repo.acme--lora[n2]"));
	tasks = up("rank[n2]");
	t = &tasks.v[0].task;
	all = words(t, position(t, "dray-rank"));
	assert_non_null(strstr(all, " --chat-template acme/lora "));
	assert_non_null(strstr(all, arena_printf(&arena, " --lora-modules a=%s b=acme/lora2 "
		"{\"name\": \"c\", \"path\" : \"%s\", \"base_model_name\": \"acme/lora\"}", lora, lora)));
	assert_non_null(strstr(all, arena_printf(&arena, " --tokenizer %s", model_path)));
	tasks = up("repo.acme--lora[n1]");
	t = &tasks.v[0].task;
	assert_string_equal(t->script->name, "download-up");
	assert_string_equal(argument(t, "hub"), "models--acme--lora");
	assert_string_equal(argument(t, "token"), "yes");
}

/* Links that lead out of the model's folder: the container gets their targets at the same paths. */
static void
test_links(void **state)
{
	static const char links[] = "path\tdir\nmodel\tconfig.json\t1\t-\n"
		"mount\t/srv/hub/blobs\t/srv/hub/blobs\nmount\t/big/my files\t/m/x\n"
		"mount\t/srv/hub/blobs\t/srv/hub/blobs\nmount\t/etc:/a\t/b\nmount\tetc\t/b\nmount\t/etc\t/\n";
	struct tasks tasks;
	const struct task *t;

	(void)state;
	build_text("cluster: c1\nnodes: [{name: n1, host: 192.0.2.1, gpus: 2}, {name: n2, host: 192.0.2.2, gpus: 2}]\n"
		   "shared_dir: /srv\nmodel: {path: /srv/hub/snapshots/1}\n"
		   "parallelism: {tensor: 2, pipeline: 2}\n" MP "}\nserve: {name: tiny}\n");
	seen_as(0, arena_printf(&arena, "image\timg:1\tsha256:11\t-\n%s", links));
	seen_as(1, "image\timg:1\tsha256:11\t-\n");
	graph = graph_build(&arena, model, &problems);
	tasks = up("rank[n1]");
	t = &tasks.v[0].task;
	assert_non_null(strstr(words(t, first_word(t)),
		" -v /srv/hub/snapshots/1:/srv/hub/snapshots/1:ro -v /srv/hub/blobs:/srv/hub/blobs:ro "
		"-v /big/my files:/m/x:ro --gpus all "));
	tasks = up("rank[n2]");
	t = &tasks.v[0].task;
	assert_non_null(strstr(words(t, first_word(t)),
		" -v /srv/hub/snapshots/1:/srv/hub/snapshots/1:ro --gpus all "));
}

/* Only rank 0 gets the key, on stdin; it is in no argument. */
static void
test_key(void **state)
{
	struct tasks tasks;
	const struct task *t;

	(void)state;
	build(MP "}\nserve: {api_key: 'env:POISON'}\n", NULL, NULL);
	model->api_key_mac = "hmac-sha256:1";
	graph = graph_build(&arena, model, &problems);
	tasks = up("rank[n1]");
	t = &tasks.v[0].task;
	assert_int_equal(t->secrets, TASK_API_KEY);
	assert_string_equal(argument(t, "key"), "yes");
	assert_non_null(strstr(words(t, first_word(t)), "mkfifo /tmp/dray.key"));
	assert_null(strstr(words(t, 0), "POISON"));
	tasks = up("rank[n2]");
	assert_int_equal(tasks.v[0].task.secrets, TASK_NO_SECRET);
	assert_null(argument(&tasks.v[0].task, "key"));
}

static const char *
serve_words(const char *addr)
{
	struct tasks tasks = up(addr);
	const struct task *t = &tasks.v[0].task;

	return words(t, position(t, "serve") + 2);
}

static void
test_spread(void **state)
{
	(void)state;
	/* Whole copies inside nodes. */
	spread(4, 2, 1, 4);
	assert_string_equal(serve_words("rank[n1]"),
		"--served-model-name tiny --host 0.0.0.0 --port 8000 --tensor-parallel-size 2 "
		"--pipeline-parallel-size 1 --data-parallel-size 4 "
		"--data-parallel-rpc-port 29550 --data-parallel-size-local 2 "
		"--data-parallel-address 192.0.2.1 --distributed-executor-backend mp");
	assert_string_equal(serve_words("rank[n2]"),
		"--tensor-parallel-size 2 --pipeline-parallel-size 1 "
		"--data-parallel-size 4 --data-parallel-rpc-port 29550 --data-parallel-size-local 2 "
		"--data-parallel-address 192.0.2.1 --data-parallel-start-rank 2 "
		"--distributed-executor-backend mp --headless");
	/* One node: no argument mentions other nodes. */
	spread(4, 2, 2, 1);
	assert_int_equal(model->nlayout, 1);
	assert_string_equal(serve_words("rank[n1]"),
		"--served-model-name tiny --host 0.0.0.0 --port 8000 --tensor-parallel-size 2 "
		"--pipeline-parallel-size 2 --distributed-executor-backend mp");
	spread(8, 2, 1, 4);
	assert_string_equal(serve_words("rank[n1]"),
		"--served-model-name tiny --host 0.0.0.0 --port 8000 --tensor-parallel-size 2 "
		"--pipeline-parallel-size 1 --data-parallel-size 4 --distributed-executor-backend mp");
	spread(1, 1, 1, 1);
	assert_string_equal(serve_words("rank[n1]"),
		"--served-model-name tiny --host 0.0.0.0 --port 8000 --tensor-parallel-size 1 "
		"--pipeline-parallel-size 1");
	/* A tensor group over two nodes must not use vLLM's own all-reduce. */
	spread(2, 4, 1, 1);
	assert_string_equal(serve_words("rank[n2]"),
		"--tensor-parallel-size 4 --pipeline-parallel-size 1 "
		"--nnodes 2 --node-rank 1 --master-addr 192.0.2.1 --master-port 29777 "
		"--disable-custom-all-reduce --distributed-executor-backend mp --headless");
	assert_string_equal(attrs_value(&step("rank[n2]")->want, "dray.disable-custom-all-reduce", ""),
			    "true");
}

/* A process has in its environment what a container has mounted or set. */
static void
test_process(void **state)
{
	const struct task *t;
	struct tasks tasks;

	(void)state;
	build("engine: {backend: mp, runtime: none, venv: /v, env: {A: x y}}\n", NULL, NULL);
	t = &up("rank[n2]").v[0].task;
	assert_string_equal(t->script->name, "process-up");
	assert_string_equal(argument(t, "ready"), "lives");
	assert_string_equal(argument(t, "group"), "yes");
	assert_null(argument(t, "key"));
	assert_string_equal(words(t, first_word(t)),
		"A=x y GLOO_SOCKET_IFNAME=eth0 "
		"HF_HOME=/srv/.cache/huggingface HF_HUB_OFFLINE=1 NCCL_SOCKET_IFNAME==eth0 "
		"VLLM_ENGINE_READY_TIMEOUT_S=36000 VLLM_HOST_IP=192.0.2.2 ZONE=b -- vllm serve "
		"/srv/.cache/huggingface/hub/models--org--name/snapshots/" COMMIT
		" --tensor-parallel-size 2 --pipeline-parallel-size 2 --nnodes 2 --node-rank 1 "
		"--master-addr 192.0.2.1 --master-port 29501 --distributed-executor-backend mp "
		"--headless");
	again();
	build("engine: {backend: ray, runtime: none, venv: /v, env: {A: x y}}\n", NULL, NULL);
	tasks = up("serve");
	t = &tasks.v[1].task;
	assert_int_equal(tasks.n, 2);
	assert_string_equal(argument(&tasks.v[0].task, "place"), "/v/bin");
	assert_string_equal(words(t, first_word(t)),
		"A=x y GLOO_SOCKET_IFNAME=eth0 HF_HOME=/srv/.cache/huggingface HF_HUB_OFFLINE=1 "
		"NCCL_SOCKET_IFNAME==eth0 RAY_ADDRESS=192.0.2.1:6379 "
		"VLLM_ENGINE_READY_TIMEOUT_S=36000 VLLM_HOST_IP=192.0.2.1 -- vllm serve "
		"/srv/.cache/huggingface/hub/models--org--name/snapshots/" COMMIT
		" --served-model-name org/name --host 0.0.0.0 --port 8000 --tensor-parallel-size 2 "
		"--pipeline-parallel-size 2 --distributed-executor-backend ray");
	t = &up("head[n1]").v[0].task;
	assert_string_equal(words(t, t->argc - 7), "ray start --block --head --port=6379 "
			    "--node-ip-address=192.0.2.1 --temp-dir=");
}

/* What the last task sends to a node, or asks it. */
static const char *
said(const struct tasks *tasks)
{
	const struct task *t = &tasks->v[tasks->n - 1].task;

	return t->type == TASK_PROBE ? arena_printf(&arena, "%s %s", t->url, t->body) : words(t, 0);
}

/* The command that starts follows from the plan, whatever the spec says now. */
static void
test_from_want(void **state)
{
	const char *addr[] = {"image[n1]", "rank[n1]", "rank[n2]", "head[n1]", "worker[n2]", "serve",
		"probe"};
	const char *const spec[] = {MP "}\n", "engine: {backend: ray, image: img:1, env: {A: b}}\n",
		"engine: {backend: mp, runtime: none, venv: /v}\n",
		"engine: {backend: ray, runtime: none, venv: /v}\n",
		"engine: {backend: ray, runtime: podman, image: img:1, docker_args: [--ipc, host]}\n"};
	size_t compared = 0;

	(void)state;
	for (size_t i = 0; i < sizeof spec / sizeof *spec; i++) {
		for (size_t k = 0; k < sizeof addr / sizeof *addr; k++) {
			const char *before;
			struct spec_engine *engine;
			struct tasks tasks;
			struct spec *changed;

			again();
			build(spec[i], NULL, NULL);
			if (!graph_find(graph, addr[k]))
				continue;
			tasks = up(addr[k]);
			before = said(&tasks);
			changed = ar_new(&arena, struct spec);
			*changed = *model->spec;
			engine = &changed->engine;
			engine->args.n = engine->env.n = engine->docker_args.n = 0;
			engine->image.text = engine->venv.text = "changed";
			engine->master_port.value = changed->serve.port.value = 1;
			changed->serve.bind.text = changed->model.repo.text = "changed";
			model->spec = changed;
			model->image = model->venv = model->hf_home = model->served_name = "changed";
			changed->probe.prompt.text = "changed";
			model->tensor = model->pipeline = model->data = 7;
			tasks = up(addr[k]);
			assert_string_equal(said(&tasks), before);
			compared++;
		}
	}
	assert_int_equal(compared, 21);
}

static void
test_down(void **state)
{
	struct tasks tasks = {0};
	struct step *s;

	(void)state;
	build(MP "}\n", record("rank[n1]", "rank", "done", "id1",
	      "{\"port\":\"8000\",\"master\":\"192.0.2.1:29501\"}"), NULL);
	s = step("rank[n1]");
	s->kind->down(&arena, s, &tasks);
	assert_string_equal(tasks.v[0].task.script->name, "rank-down");
	assert_string_equal(argument(&tasks.v[0].task, "name"), "dray-c1-rank");
	assert_string_equal(argument(&tasks.v[0].task, "node"), "n1");
	assert_string_equal(argument(&tasks.v[0].task, "ports"), "8000 29501");
	s = step("rank[n2]");
	s->kind->down(&arena, s, &tasks);
	assert_null(argument(&tasks.v[1].task, "ports"));
	/* Rank 0 watches itself and all others; each of them watches only itself. */
	tasks = (struct tasks){0};
	step("rank[n2]")->observed.instance = "id2";
	s = step("rank[n1]");
	s->kind->guard(&arena, s, &tasks);
	assert_int_equal(tasks.n, 1);
	assert_ptr_equal(tasks.v[0].node, &model->node[1]);
	assert_string_equal(words(&tasks.v[0].task, 0), "name=dray-c1-rank instance=id2");
	tasks = (struct tasks){0};
	s->kind->diagnose(&arena, s, &tasks);
	assert_int_equal(tasks.n, 2);
	assert_string_equal(argument(&tasks.v[1].task, "part"), "rank");
	s = step("rank[n2]");
	tasks = (struct tasks){0};
	s->kind->guard(&arena, s, &tasks);
	assert_int_equal(tasks.n, 0);
	s->kind->diagnose(&arena, s, &tasks);
	assert_int_equal(tasks.n, 1);
	/* A failure of the probe is one of the ranks. */
	tasks = (struct tasks){0};
	s = step("probe");
	s->kind->diagnose(&arena, s, &tasks);
	assert_int_equal(tasks.n, 2);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_words, reset, reset),
		cmocka_unit_test_setup_teardown(test_links, reset, reset),
		cmocka_unit_test_setup_teardown(test_repos, reset, reset),
		cmocka_unit_test_setup_teardown(test_key, reset, reset),
		cmocka_unit_test_setup_teardown(test_spread, reset, reset),
		cmocka_unit_test_setup_teardown(test_process, reset, reset),
		cmocka_unit_test_setup_teardown(test_from_want, reset, reset),
		cmocka_unit_test_setup_teardown(test_down, reset, reset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The ranks of backend mp: their exact words, what is seen of them, which backend `auto`
 * means, and what is said when it cannot be. */
#include "tests/unit/kinds_by_hand.h"

#define MP "engine: {backend: mp, image: 'img:1'"

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
	assert_string_equal(t->argv[0], "first");
	assert_string_equal(t->argv[1], "dray-c1-rank");
	assert_string_equal(t->argv[2], "c1");
	assert_string_equal(t->argv[3], "img:1");
	assert_string_equal(t->argv[4], "sha256:11");
	assert_string_equal(t->argv[5], "/srv/.cache/huggingface");
	assert_string_equal(t->argv[6], "no-key");
	assert_string_equal(t->argv[7], "0.0.0.0");
	assert_string_equal(t->argv[8], "8001");
	assert_string_equal(t->argv[12], "docker");
	assert_non_null(strstr(words(t, 12),
		"docker run -d --restart no --entrypoint /bin/sh --network host --shm-size 10.24g "
		"--gpus all -v /srv/.cache/huggingface:/root/.cache/huggingface -e A=x y "
		"-e GLOO_SOCKET_IFNAME=eth0 -e HF_HUB_OFFLINE=1 -e NCCL_SOCKET_IFNAME==eth0 "
		"-e VLLM_ENGINE_READY_TIMEOUT_S=36000 -e VLLM_HOST_IP=192.0.2.1 --ipc host "
		"--name dray-c1-rank --label dray.cluster=c1 --label dray.step=rank[n1] "
		"--label dray.digest="));
	assert_string_equal(words(t, position(t, "dray-rank") - 3),
		arena_printf(&arena, "img:1 -c exec \"$@\" dray-rank vllm serve %s "
			     "--served-model-name tiny --host 0.0.0.0 --port 8001 "
			     "--tensor-parallel-size 2 --pipeline-parallel-size 2 "
			     "--distributed-executor-backend mp --nnodes 2 --node-rank 0 "
			     "--master-addr 192.0.2.1 --master-port 29501 --max-model-len 4096 "
			     "--enforce-eager", model_path));
	tasks = up("rank[n2]");
	t = &tasks.v[0].task;
	assert_string_equal(t->argv[0], "further");
	assert_non_null(strstr(words(t, 12), "-e VLLM_HOST_IP=192.0.2.2 -e ZONE=b --ipc host"));
	assert_string_equal(words(t, position(t, "dray-rank") - 3),
		arena_printf(&arena, "img:1 -c exec \"$@\" dray-rank vllm serve %s "
			     "--tensor-parallel-size 2 --pipeline-parallel-size 2 "
			     "--distributed-executor-backend mp --nnodes 2 --node-rank 1 "
			     "--master-addr 192.0.2.1 --master-port 29501 --headless "
			     "--max-model-len 4096 --enforce-eager", model_path));
}

/* The key goes to rank 0 alone, by its stdin, and is in no word. */
static void
test_key(void **state)
{
	struct tasks tasks;
	const struct task *t;

	(void)state;
	build(MP "}\nserve: {api_key: 'env:POISON'}\n", NULL, NULL);
	tasks = up("rank[n1]");
	t = &tasks.v[0].task;
	assert_int_equal(t->secrets, TASK_API_KEY);
	assert_string_equal(t->argv[6], "key");
	assert_non_null(strstr(words(t, 12), "mkfifo /tmp/dray.key"));
	assert_null(strstr(words(t, 0), "POISON"));
	tasks = up("rank[n2]");
	assert_int_equal(tasks.v[0].task.secrets, TASK_NO_SECRET);
	assert_string_equal(tasks.v[0].task.argv[6], "no-key");
}

static const char *
serve_words(const char *addr)
{
	struct tasks tasks = up(addr);
	const struct task *t = &tasks.v[0].task;

	return words(t, position(t, "serve") + 2);
}

static const char spread_spec[] =
	"cluster: c1\nnodes:\n  - {name: n1, host: 192.0.2.1, gpus: %d}\n"
	"  - {name: n2, host: 192.0.2.2, gpus: %d}\nshared_dir: /srv\n"
	"model: {path: /m}\nserve: {name: tiny}\nparallelism: {tensor: %d, pipeline: %d, data: %d}\n"
	"engine: {backend: mp, image: 'img:1', master_port: 29777}\n";

static void
spread(int gpus, int tensor, int pipeline, int data)
{
	again();
	build_text(arena_printf(&arena, spread_spec, gpus, gpus, tensor, pipeline, data));
	for (size_t i = 0; i < model->nlayout; i++)
		seen_as(i, "model\tconfig.json\t10\t-\n");
	graph = graph_build(&arena, model, &problems);
}

static void
test_spread(void **state)
{
	(void)state;
	/* Whole copies inside nodes. */
	spread(4, 2, 1, 4);
	assert_string_equal(serve_words("rank[n1]"),
		"--served-model-name tiny --host 0.0.0.0 --port 8000 --tensor-parallel-size 2 "
		"--pipeline-parallel-size 1 --distributed-executor-backend mp --data-parallel-size 4 "
		"--data-parallel-rpc-port 29550 --data-parallel-size-local 2 "
		"--data-parallel-address 192.0.2.1");
	assert_string_equal(serve_words("rank[n2]"),
		"--tensor-parallel-size 2 --pipeline-parallel-size 1 "
		"--distributed-executor-backend mp --data-parallel-size 4 "
		"--data-parallel-rpc-port 29550 --data-parallel-size-local 2 "
		"--data-parallel-address 192.0.2.1 --data-parallel-start-rank 2 --headless");
	/* One node: no word of others. */
	spread(4, 2, 2, 1);
	assert_int_equal(model->nlayout, 1);
	assert_string_equal(serve_words("rank[n1]"),
		"--served-model-name tiny --host 0.0.0.0 --port 8000 --tensor-parallel-size 2 "
		"--pipeline-parallel-size 2 --distributed-executor-backend mp");
	spread(8, 2, 1, 4);
	assert_string_equal(serve_words("rank[n1]"),
		"--served-model-name tiny --host 0.0.0.0 --port 8000 --tensor-parallel-size 2 "
		"--pipeline-parallel-size 1 --distributed-executor-backend mp --data-parallel-size 4");
	spread(1, 1, 1, 1);
	assert_string_equal(serve_words("rank[n1]"),
		"--served-model-name tiny --host 0.0.0.0 --port 8000 --tensor-parallel-size 1 "
		"--pipeline-parallel-size 1");
	/* A tensor group over two nodes: vLLM's own all-reduce must not try. */
	spread(2, 4, 1, 1);
	assert_string_equal(serve_words("rank[n2]"),
		"--tensor-parallel-size 4 --pipeline-parallel-size 1 "
		"--distributed-executor-backend mp --nnodes 2 --node-rank 1 --master-addr 192.0.2.1 "
		"--master-port 29777 --headless --disable-custom-all-reduce");
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
	assert_string_equal(tasks.v[0].task.argv[0], "dray-c1-rank");
	assert_string_equal(tasks.v[0].task.argv[2], "n1");
	assert_string_equal(tasks.v[0].task.argv[3], "8000 29501");
	s = step("rank[n2]");
	s->kind->down(&arena, s, &tasks);
	assert_string_equal(tasks.v[1].task.argv[3], "-");
	/* Rank 0 watches and asks all others; they ask themselves. */
	tasks = (struct tasks){0};
	step("rank[n2]")->seen.instance = "id2";
	s = step("rank[n1]");
	s->kind->guard(&arena, s, &tasks);
	assert_int_equal(tasks.n, 1);
	assert_ptr_equal(tasks.v[0].node, &model->node[1]);
	assert_string_equal(words(&tasks.v[0].task, 0), "dray-c1-rank id2");
	tasks = (struct tasks){0};
	s->kind->blame(&arena, s, &tasks);
	assert_int_equal(tasks.n, 2);
	assert_string_equal(tasks.v[1].task.argv[1], "rank");
	s = step("rank[n2]");
	tasks = (struct tasks){0};
	s->kind->guard(&arena, s, &tasks);
	assert_int_equal(tasks.n, 0);
	s->kind->blame(&arena, s, &tasks);
	assert_int_equal(tasks.n, 1);
	/* The probe's failure is the ranks'. */
	tasks = (struct tasks){0};
	s = step("probe");
	s->kind->blame(&arena, s, &tasks);
	assert_int_equal(tasks.n, 2);
}

static const char *
box(const char *started)
{
	return arena_printf(&arena, "container\tdray-c1-rank\tid1\trunning\t0\t%s\timg\tc1\trank[n1]\td"
			    "\t{\"rank\":\"0\"}\t7\n", started);
}

static void
test_see(void **state)
{
	const char *done;
	struct step *s;

	(void)state;
	done = "record\trank[n1]\t{\"step\":\"rank[n1]\",\"kind\":\"rank\",\"phase\":\"done\","
	       "\"apply_id\":\"a\",\"at\":\"t\",\"instance\":\"id1\",\"output\":\"T1\","
	       "\"inputs\":{},\"bound\":{},\"down\":{}}\n";
	build(MP "}\n", arena_printf(&arena, "%s%s", done, box("T1")), NULL);
	s = step("rank[n1]");
	assert_int_equal(s->seen.state, SEEN_PRESENT);
	assert_string_equal(s->seen.instance, "id1");
	/* The same container, started anew: it has left its group. */
	again();
	build(MP "}\n", arena_printf(&arena, "%s%s", done, box("T2")), NULL);
	s = step("rank[n1]");
	assert_int_equal(s->seen.state, SEEN_GONE);
	assert_string_equal(s->seen.why, "its container was restarted outside dray");
	again();
	build(MP "}\n", box("T1"), NULL);
	assert_true(step("rank[n1]")->seen.adopted);
	assert_string_equal(step("rank[n1]")->seen.output, "T1");
	again();
	build(MP "}\n", "port\t29501\t9\tbob\tnc -l 29501\t-\n", NULL);
	s = step("rank[n1]");
	assert_int_equal(s->seen.state, SEEN_CONFLICT);
	assert_string_equal(s->seen.why, "port 29501 is taken by pid 9 of user 'bob': nc -l 29501");
	assert_int_equal(step("rank[n2]")->seen.state, SEEN_ABSENT);
	/* From Ray to ranks: what listens is ours and goes first. */
	again();
	build(MP "}\n", "container\tdray-c1-head\tid2\trunning\t0\tT0\timg\tc1\thead[n1]\td\t{}\t7\n"
	      "port\t8000\t9\troot\tvllm serve\tdray-c1-head\nport\t29501\t-\troot\t-\t-\n", NULL);
	assert_int_equal(step("rank[n1]")->seen.state, SEEN_ABSENT);
	assert_int_equal(problems.n, 0);
	again();
	build(MP "}\n", "port\t8000\t9\troot\tvllm serve\t0123456789ab\n", NULL);
	assert_int_equal(step("rank[n1]")->seen.state, SEEN_CONFLICT);
	again();
	build(MP "}\n", "port\t8000\t-\troot\t-\t-\n", NULL);
	assert_int_equal(step("rank[n1]")->seen.state, SEEN_CONFLICT);
}

/* What auto means, and why. */
static void
test_backend(void **state)
{
	static const struct {
		const char *engine, *head;
		enum backend backend;
		const char *why;
		bool guessed;
	} cases[] = {
		{"backend: ray, image: 'img:1'", NULL, BACKEND_RAY, NULL, false},
		{"backend: mp, image: 'vllm/vllm-openai:v0.17.1'", NULL, BACKEND_MP, NULL, false},
		{"image: 'vllm/vllm-openai:v0.17.1'", NULL, BACKEND_RAY,
		 "vllm-openai v0.17.1 has it", false},
		{"image: 'vllm/vllm-openai:v0.18.0'", NULL, BACKEND_MP,
		 "vllm-openai v0.18.0 has no Ray", false},
		{"image: 'img:1'", NULL, BACKEND_MP,
		 "the tag does not tell; apply looks into the image first", true},
		{"image: 'img:1', launcher: script", NULL, BACKEND_RAY, "launcher script starts Ray",
		 false},
		{"image: 'img:1'", "image\timg:1\tsha256:11\t-\nengine\tsha256:11\t2.54.1\t0.32.0\n",
		 BACKEND_RAY, "the image has Ray 2.54.1", false},
		{"image: 'img:1'", "image\timg:1\tsha256:11\t-\nengine\tsha256:11\t-\t0.32.0\n",
		 BACKEND_MP, "the image has no Ray", false},
		/* What was found in another image says nothing. */
		{"image: 'img:1'", "image\timg:1\tsha256:12\t-\nengine\tsha256:11\t2.54.1\t0.32.0\n",
		 BACKEND_MP, "the tag does not tell; apply looks into the image first", true},
		/* A look says more than a tag. */
		{"image: 'vllm/vllm-openai:v0.18.0'",
		 "image\tvllm/vllm-openai:v0.18.0\tsha256:11\t-\nengine\tsha256:11\t2.54.1\t0.18.0\n",
		 BACKEND_RAY, "the image has Ray 2.54.1", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		build_model(arena_printf(&arena, "engine: {%s}\n", cases[i].engine));
		seen_as(0, cases[i].head);
		model_choose_backend(&arena, model);
		assert_int_equal(model->backend, cases[i].backend);
		assert_int_equal(model->backend_guessed, cases[i].guessed);
		if (cases[i].why)
			assert_string_equal(model->backend_why, cases[i].why);
		else
			assert_null(model->backend_why);
	}
	assert_int_equal(model_engine_version(model).minor, 18);
}

/* A guess is proved before anything is done: by a look at the image that is there, or
 * after the pull. */
static void
test_look(void **state)
{
	static const char engine[] = "engine: {image: 'img:1', docker_args: [-v, '/v:/v']}\n";
	struct tasks tasks = {0};

	(void)state;
	build(engine, "image\timg:1\tsha256:11\t-\n", NULL);
	kind_find("image")->prove(&arena, graph, &tasks);
	assert_int_equal(tasks.n, 1);
	assert_string_equal(tasks.v[0].task.script->name, "image-look");
	assert_ptr_equal(tasks.v[0].node, &model->node[0]);
	assert_true(tasks.v[0].task.changes);
	assert_string_equal(words(&tasks.v[0].task, 4), "-v /v:/v");
	assert_string_equal(tasks.v[0].task.argv[2], "mp");
	again();
	build(engine, NULL, NULL);
	tasks = (struct tasks){0};
	kind_find("image")->prove(&arena, graph, &tasks);
	assert_int_equal(tasks.n, 0);
	tasks = up("image[n1]");
	assert_int_equal(tasks.n, 2);
	assert_string_equal(tasks.v[1].task.script->name, "image-look");
	assert_int_equal(up("image[n2]").n, 1);
	again();
	build("engine: {image: 'vllm/vllm-openai:v0.20.2'}\n", NULL, NULL);
	assert_int_equal(up("image[n1]").n, 1);
}

static void
test_shape(void **state)
{
	(void)state;
	/* TP 3 over nodes of which one shows fewer GPUs than its share. */
	spread(4, 4, 2, 1);
	assert_false(told(DIAG_ERROR, "backend mp"));
	model->node[1].gpus = 2;
	again();
	graph = graph_build(&arena, model, &problems);
	assert_true(told(DIAG_ERROR, "backend mp takes 4 GPUs from each node, here are 2"));
	/* A copy of 2 over 3 GPUs a node is neither whole copies nor whole nodes. */
	model->node[1].gpus = 4;
	model->tensor = 2;
	model->pipeline = 1;
	model->data = 3;
	again();
	graph = graph_build(&arena, model, &problems);
	assert_true(told(DIAG_ERROR, "cannot spread tensor 2 x pipeline 1 x data 3 over 2 nodes"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_words, reset, reset),
		cmocka_unit_test_setup_teardown(test_key, reset, reset),
		cmocka_unit_test_setup_teardown(test_spread, reset, reset),
		cmocka_unit_test_setup_teardown(test_down, reset, reset),
		cmocka_unit_test_setup_teardown(test_see, reset, reset),
		cmocka_unit_test_setup_teardown(test_backend, reset, reset),
		cmocka_unit_test_setup_teardown(test_look, reset, reset),
		cmocka_unit_test_setup_teardown(test_shape, reset, reset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

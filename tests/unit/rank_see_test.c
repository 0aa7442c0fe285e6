/* Ranks as a look sees them, which backend serves, and the shapes of an engine. */
#include "tests/unit/rank_by_hand.h"

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
	assert_int_equal(s->observed.state, STATE_PRESENT);
	assert_string_equal(s->observed.instance, "id1");
	/* The same container, restarted: its rank is no longer in the group. */
	again();
	build(MP "}\n", arena_printf(&arena, "%s%s", done, box("T2")), NULL);
	s = step("rank[n1]");
	assert_int_equal(s->observed.state, STATE_GONE);
	assert_string_equal(s->observed.why, "its container was restarted outside dray");
	again();
	build(MP "}\n", box("T1"), NULL);
	assert_true(step("rank[n1]")->observed.adopted);
	assert_string_equal(step("rank[n1]")->observed.output, "T1");
	again();
	build(MP "}\n", "port\t29501\t9\tbob\tnc -l 29501\t-\n", NULL);
	s = step("rank[n1]");
	assert_int_equal(s->observed.state, STATE_CONFLICT);
	assert_string_equal(s->observed.why, "port 29501 is taken by pid 9 of user 'bob': nc …");
	assert_int_equal(step("rank[n2]")->observed.state, STATE_ABSENT);
	/* From Ray to ranks: what listens is ours and goes first. */
	again();
	build(MP "}\n", "container\tdray-c1-head\tid2\trunning\t0\tT0\timg\tc1\thead[n1]\td\t{}\t7\n"
	      "port\t8000\t9\troot\tvllm serve\tdray-c1-head\nport\t29501\t-\troot\t-\t-\n", NULL);
	assert_int_equal(step("rank[n1]")->observed.state, STATE_ABSENT);
	assert_int_equal(problems.n, 0);
	again();
	build(MP "}\n", "port\t8000\t9\troot\tvllm serve\t0123456789ab\n", NULL);
	assert_int_equal(step("rank[n1]")->observed.state, STATE_CONFLICT);
	again();
	build(MP "}\n", "port\t8000\t-\troot\t-\t-\n", NULL);
	assert_int_equal(step("rank[n1]")->observed.state, STATE_CONFLICT);
}

/* What auto means, and why. */
static void
test_backend(void **state)
{
	static const struct {
		const char *engine, *head;
		enum shape backend;
		const char *why;
		bool guessed;
	} cases[] = {
		{"backend: ray, image: 'img:1'", NULL, SHAPE_COORDINATOR, NULL, false},
		{"backend: mp, image: 'vllm/vllm-openai:v0.18.0'", NULL, SHAPE_RANKS, NULL, false},
		{"image: 'vllm/vllm-openai:v0.17.1'", NULL, SHAPE_COORDINATOR,
		 "vllm-openai v0.17.1 has it", false},
		{"image: 'vllm/vllm-openai:v0.18.0'", NULL, SHAPE_RANKS,
		 "vllm-openai v0.18.0 has no Ray", false},
		{"image: 'img:1'", NULL, SHAPE_RANKS,
		 "the tag does not tell; apply looks into the image first", true},
		{"image: 'img:1', launcher: script", NULL, SHAPE_COORDINATOR, "launcher script starts Ray",
		 false},
		{"image: 'img:1'", "image\timg:1\tsha256:11\t-\nengine\tsha256:11\t2.54.1\t0.32.0\n",
		 SHAPE_COORDINATOR, "the image has Ray 2.54.1", false},
		{"image: 'img:1'", "image\timg:1\tsha256:11\t-\nengine\tsha256:11\t-\t0.32.0\n",
		 SHAPE_RANKS, "the image has no Ray", false},
		/* What was found in another image does not count. */
		{"image: 'img:1'", "image\timg:1\tsha256:12\t-\nengine\tsha256:11\t2.54.1\t0.32.0\n",
		 SHAPE_RANKS, "the tag does not tell; apply looks into the image first", true},
		/* An observed image counts more than its tag. */
		{"image: 'vllm/vllm-openai:v0.18.0'",
		 "image\tvllm/vllm-openai:v0.18.0\tsha256:11\t-\nengine\tsha256:11\t2.54.1\t0.18.0\n",
		 SHAPE_COORDINATOR, "the image has Ray 2.54.1", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		build_model(arena_printf(&arena, "engine: {%s}\n", cases[i].engine));
		seen_as(0, cases[i].head);
		cluster_choose_shape(&arena, model);
		assert_int_equal(model->shape, cases[i].backend);
		assert_int_equal(model->shape_guessed, cases[i].guessed);
		if (cases[i].why)
			assert_string_equal(model->shape_why, cases[i].why);
		else
			assert_null(model->shape_why);
	}
	assert_int_equal(cluster_engine_version(model).minor, 18);
}

/* A guess is checked before anything is done: by a look at an existing image, or after the
 * pull. */
static void
test_look(void **state)
{
	static const char engine[] = "engine: {image: 'img:1', docker_args: [-v, '/v:/v']}\n";
	struct tasks tasks = {0};

	(void)state;
	build(engine, "image\timg:1\tsha256:11\t-\n", NULL);
	kind_find("image")->prove(&arena, graph, &tasks);
	assert_int_equal(tasks.n, 1);
	assert_string_equal(tasks.v[0].task.script->name, "image-observe");
	assert_ptr_equal(tasks.v[0].node, &model->node[0]);
	assert_true(tasks.v[0].task.changes);
	assert_string_equal(words(&tasks.v[0].task, first_word(&tasks.v[0].task)), "-v /v:/v");
	assert_string_equal(argument(&tasks.v[0].task, "engine"), "vllm");
	assert_string_equal(argument(&tasks.v[0].task, "needs"), "ray");
	assert_string_equal(argument(&tasks.v[0].task, "backend"), "mp");
	assert_string_equal(argument(&tasks.v[0].task, "other"), "ray");
	assert_string_equal(argument(&tasks.v[0].task, "broken"), "0.17.0");
	assert_string_equal(argument(&tasks.v[0].task, "mended"), "0.18.0");
	again();
	build(engine, NULL, NULL);
	tasks = (struct tasks){0};
	kind_find("image")->prove(&arena, graph, &tasks);
	assert_int_equal(tasks.n, 0);
	tasks = up("image[n1]");
	assert_int_equal(tasks.n, 2);
	assert_string_equal(tasks.v[1].task.script->name, "image-observe");
	assert_int_equal(up("image[n2]").n, 1);
	again();
	/* The options are read before anything is stopped, on the head alone. */
	build("engine: {image: 'vllm/vllm-openai:v0.20.2', docker_args: [-v, '/v:/v'], args: {enable-lora: true, lora-modules: "
	      "[one=/v/one, two=other/two], chat-template: /v/chat}}\n", NULL, NULL);
	tasks = up("image[n1]");
	assert_int_equal(tasks.n, 2);
	assert_string_equal(tasks.v[1].task.script->name, "options-try");
	assert_false(tasks.v[1].task.changes);
	assert_string_equal(argument(&tasks.v[1].task, "strict"), "yes");
	assert_non_null(strstr(words(&tasks.v[1].task, first_word(&tasks.v[1].task)),
			       " -v /v:/v -e DRAY_FILES=/v/chat\n/v/one --entrypoint /bin/sh"));
	assert_int_equal(up("image[n2]").n, 1);
}

static void
test_shape(void **state)
{
	(void)state;
	/* TP 3 on nodes of which one has fewer GPUs than its share. */
	spread(4, 4, 2, 1);
	assert_false(told(DIAG_ERROR, "backend mp"));
	model->node[1].gpus = 2;
	again();
	graph = graph_build(&arena, model, &problems);
	assert_true(told(DIAG_ERROR, "backend mp takes 4 GPUs from each node, but this one has 2"));
	/* A copy of 2 over 3 GPUs a node is neither whole copies nor whole nodes. */
	model->node[1].gpus = 4;
	model->tensor = 2;
	model->pipeline = 1;
	model->data = 3;
	again();
	graph = graph_build(&arena, model, &problems);
	assert_true(told(DIAG_ERROR, "cannot split tensor 2 x pipeline 1 x data 3 over 2 nodes"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_see, reset, reset),
		cmocka_unit_test_setup_teardown(test_backend, reset, reset),
		cmocka_unit_test_setup_teardown(test_look, reset, reset),
		cmocka_unit_test_setup_teardown(test_shape, reset, reset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

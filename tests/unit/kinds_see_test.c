/*
 * How each kind observes what is there, and what preflight says about a node, from facts
 * written by hand: the live object wins over the record, and what is not ours is a conflict.
 */
#include "tests/unit/kinds_by_hand.h"

static void
test_nothing_is_there(void **state)
{
	static const char *const absent[] = {"image[n1]", "image[n2]", "download", "head[n1]",
		"worker[n2]", "serve", "probe"};

	(void)state;
	build(NULL, NULL, NULL);
	assert_int_equal(problems.n, 0);
	for (size_t i = 0; i < sizeof absent / sizeof *absent; i++)
		assert_int_equal(step(absent[i])->observed.state, STATE_ABSENT);
	assert_int_equal(step("preflight[n1]")->observed.state, STATE_PRESENT);
	assert_null(graph_find(graph, "script"));
	assert_null(graph_find(graph, "worker[n1]"));
}

static const char *
box(const char *state, int code, const char *cluster, const char *addr)
{
	return arena_printf(&arena, "container\tdray-c1-head\tid1\t%s\t%d\t2026-11-20T10:00:00Z\timg"
			    "\t%s\t%s\td\t{\"port\":\"6379\"}\t7\n", state, code, cluster, addr);
}

static struct step *
head_with(const char *lines)
{
	again();
	build(NULL, lines, NULL);
	return step("head[n1]");
}

static void
test_see_container(void **state)
{
	const char *done, *begun;
	struct step *s;

	(void)state;
	done = record("head[n1]", "head", "done", "id1", "{}");
	begun = record("head[n1]", "head", "intent", NULL, "{}");
	s = head_with(arena_printf(&arena, "%s%s", done, box("running", 0, "c1", "head[n1]")));
	assert_int_equal(s->observed.state, STATE_PRESENT);
	assert_string_equal(s->observed.instance, "id1");
	assert_string_equal(attrs_value(&s->observed.have, "port", ""), "6379");
	assert_false(s->observed.adopted);
	s = head_with(arena_printf(&arena, "%s%s", done, box("exited", 137, "c1", "head[n1]")));
	assert_int_equal(s->observed.state, STATE_GONE);
	assert_string_equal(s->observed.why, "its container was killed, exit 137; started 2026-11-20T10:00:00");
	s = head_with(done);
	assert_int_equal(s->observed.state, STATE_GONE);
	assert_string_equal(s->observed.why, "its container is gone");
	assert_null(s->observed.instance);
	s = head_with(arena_printf(&arena, "%s%s", begun, box("running", 0, "c1", "head[n1]")));
	assert_int_equal(s->observed.state, STATE_INTERRUPTED);
	s = head_with(box("running", 0, "c1", "head[n1]"));
	assert_int_equal(s->observed.state, STATE_PRESENT);
	assert_true(s->observed.adopted);
	s = head_with(box("running", 0, "", ""));
	assert_int_equal(s->observed.state, STATE_CONFLICT);
	assert_true(told(DIAG_ERROR, "not ours"));
	/* Under our name there is another container than the recorded one. */
	s = head_with(arena_printf(&arena, "%s%s", record("head[n1]", "head", "done", "id0", "{}"),
				   box("running", 0, "c1", "head[n1]")));
	assert_int_equal(s->observed.state, STATE_INTERRUPTED);
}

/* A step that dray stop ended is absent, and says by whom; a name cannot carry escapes. If its
 * container is there again, a plan must not take it for the right one. */
static void
test_see_stopped(void **state)
{
	static const char stopped[] = "record\thead[n1]\t{\"step\":\"head[n1]\",\"kind\":\"head\","
		"\"phase\":\"stopped\",\"at\":\"2026-11-30T10:00:00Z\",\"by\":\"\\\\u001bal@box\","
		"\"inputs\":{\"runtime\":\"docker\"}}\n";
	struct step *s;

	(void)state;
	s = head_with(stopped);
	assert_int_equal(s->observed.state, STATE_ABSENT);
	assert_true(s->observed.stopped);
	assert_non_null(strstr(s->observed.why, "al@box at 2026-11-30T10:00:00"));
	assert_null(strchr(s->observed.why, '\033'));
	s = head_with(arena_printf(&arena, "%s%s", stopped, box("running", 0, "c1", "head[n1]")));
	assert_int_equal(s->observed.state, STATE_INTERRUPTED);
	assert_false(s->observed.stopped);
	/* If the step left the spec, there is nothing to take down. */
	build(NULL, "record\tworker[n1]\t{\"step\":\"worker[n1]\",\"kind\":\"worker\",\"phase\":\"stopped\"}\n",
	      NULL);
	assert_null(graph_find(graph, "worker[n1]"));
}

static const char *
box_of(const char *name, const char *addr, const char *owner)
{
	return arena_printf(&arena, "owner\t1000@/home/al/dray\ncontainer\t%s\tid1\trunning\t0\t-\timg\tc1\t%s"
			    "\td\t{}\t7\t%s\n", name, addr, owner);
}

/* One cluster name, two owners. What belongs to another owner is a conflict that names him,
 * whatever its name; what belongs to our owner is ours, with or without a mark. */
static void
test_see_owner(void **state)
{
	static const char other[] = "1001@/home/eve/dray\tother\teve", same[] = "1000@/x/dray\tother\tal";
	struct step *s;

	(void)state;
	s = head_with(box_of("dray-c1-head", "head[n1]", "1000@/home/al/dray\tmine\t-"));
	assert_int_equal(s->observed.state, STATE_PRESENT);
	assert_true(s->observed.adopted);
	assert_string_equal(known_container(&arena, s, "head"), "id1");
	s = head_with(box_of("dray-c1-head", "head[n1]", "\tmine\t-"));
	assert_int_equal(s->observed.state, STATE_PRESENT);
	assert_string_equal(known_container(&arena, s, "head"), "id1");
	s = head_with(box_of("dray-c1-head", "head[n1]", other));
	assert_int_equal(s->observed.state, STATE_CONFLICT);
	assert_string_equal(s->observed.why, "container 'dray-c1-head' (id id1, running) belongs to login 'eve' "
			    "(uid 1001, state folder /home/eve/dray)");
	assert_null(s->observed.instance);
	assert_null(known_container(&arena, s, "head"));
	assert_true(told(DIAG_ERROR, "login 'eve'"));
	s = head_with(box_of("dray-c1-head", "head[n1]", same));
	assert_int_equal(s->observed.state, STATE_CONFLICT);
	s = head_with(box_of("dray-c1-head", "head[n1]", "\tunknown\t-"));
	assert_int_equal(s->observed.state, STATE_CONFLICT);
	assert_true(told(DIAG_ERROR, "made by an earlier version of dray, and no record"));
	/* With another name it is in the way, too, and not a step of ours. */
	s = head_with(box_of("dray-c1-rank", "rank[x]", other));
	assert_int_equal(s->observed.state, STATE_CONFLICT);
	assert_null(graph_find(graph, "rank[x]"));
	s = head_with(arena_printf(&arena, "owner\t1000@/home/al/dray\nstranger\trank[x]\t77\t%s\n",
				   "1001@/home/eve/dray\teve"));
	assert_int_equal(s->observed.state, STATE_CONFLICT);
	assert_string_equal(s->observed.why, "process 77 (rank[x]) belongs to login 'eve' (uid 1001, state "
			    "folder /home/eve/dray)");
	/* A machine that only has left-overs is mentioned; it is not an error. */
	again();
	build(NULL, NULL, box_of("dray-c1-rank", "rank[x]", other));
	assert_int_equal(step("worker[n2]")->observed.state, STATE_CONFLICT);
	assert_int_equal(step("head[n1]")->observed.state, STATE_ABSENT);
}

/* Records of another login: two of them have the same HOME. */
static void
test_see_record_owner(void **state)
{
	static const char form[] = "owner\t1000@/s/dray\nrecord\tdownload\t{\"v\":1,\"step\":\"download\","
		"\"kind\":\"download\",\"phase\":\"done\",\"owner\":\"%s\",\"inputs\":{}}\n";

	(void)state;
	build(NULL, arena_printf(&arena, form, "1000@/elsewhere/dray"), NULL);
	assert_int_not_equal(step("download")->observed.state, STATE_CONFLICT);
	again();
	build(NULL, arena_printf(&arena, form, "10001@/s/dray"), NULL);
	assert_int_equal(step("download")->observed.state, STATE_CONFLICT);
	assert_true(told(DIAG_ERROR, "were written by uid 10001"));
}

/* If Docker does not answer, it is unknown what it runs. */
static void
test_see_silent(void **state)
{
	static const char down[] = "docker\tdown\t-\tCannot connect to the Docker daemon\n";
	const char *head = record("head[n1]", "head", "done", "id1", "{}");
	const char *serve = record("serve", "serve", "done", "u1", "{}");
	struct step *s;

	(void)state;
	s = head_with(arena_printf(&arena, "%s%s%s", head, serve, down));
	assert_int_equal(s->observed.state, STATE_UNKNOWN);
	assert_string_equal(s->observed.why, "Docker does not answer there");
	assert_int_equal(step("serve")->observed.state, STATE_UNKNOWN);
	assert_int_equal(step("image[n1]")->observed.state, STATE_ABSENT);
	/* A node that is gone for good runs nothing; and processes need no Docker. */
	s = head_with(arena_printf(&arena, "%sdocker\tmissing\t-\tno docker command\n", head));
	assert_int_equal(s->observed.state, STATE_GONE);
	s = head_with(arena_printf(&arena, "%s%s", record("head[n1]", "head", "done", "id1",
				   "{\"runtime\":\"none\"}"), down));
	assert_int_equal(s->observed.state, STATE_GONE);
	assert_string_equal(s->observed.why, "its process is gone");
}

static void
test_see_serve(void **state)
{
	const char *record_line;
	struct step *s;

	(void)state;
	build_model(NULL);
	record_line = record("serve", "serve", "done", "u1", "{}");
	seen_as(0, arena_printf(&arena, "%sproc\tserve\tu1\t7\talive\t-\t{\"port\":\"8000\"}\n"
				"port\t8000\t-\troot\t-\t-\n", record_line));
	seen_as(1, NULL);
	graph = graph_build(&arena, model, &problems);
	s = step("serve");
	assert_int_equal(s->observed.state, STATE_PRESENT);
	assert_string_equal(attrs_value(&s->observed.have, "port", ""), "8000");
	again();
	build(NULL, arena_printf(&arena, "%sproc\tserve\tu1\t7\tdead\t0\t{}\n", record_line), NULL);
	s = step("serve");
	assert_int_equal(s->observed.state, STATE_GONE);
	assert_string_equal(s->observed.why, "its process ended, status 0");
	again();
	build(NULL, arena_printf(&arena, "%sport\t8000\t99\tbob\tnc -l 8000\t-\n", record_line), NULL);
	s = step("serve");
	assert_int_equal(s->observed.state, STATE_CONFLICT);
	assert_string_equal(s->observed.why, "port 8000 is taken by pid 99 of user 'bob': nc …");
	/* A listener whose owner is hidden may belong to what runs there of ours, but not to
	 * the cluster c1-b. */
	again();
	build(NULL, arena_printf(&arena, "%sport\t8000\t-\troot\t-\t-\n",
				 box("running", 0, "c1", "head[n1]")), NULL);
	assert_int_equal(step("serve")->observed.state, STATE_ABSENT);
	again();
	build(NULL, "container\tdray-c1-b-head\tid2\trunning\t0\t-\timg\tc1-b\thead[n1]\td\t{}\t7\n"
		    "port\t8000\t-\troot\t-\t-\n", NULL);
	assert_int_equal(step("serve")->observed.state, STATE_CONFLICT);
}

static void
test_see_download(void **state)
{
	static const char whole[] = "model\t" COMMIT "/config.json\t700\taa\n"
				    "model\t" COMMIT "/model.safetensors\t5000\tbb\n";
	static const char half[] = "model\t" COMMIT "/config.json\t700\taa\n"
				   "model\t" COMMIT "/model.safetensors\t4000\tbb\n";
	const char *inputs = "{\"repo\":\"org/name\",\"revision\":\"main\",\"commit\":\"" COMMIT "\"}";
	static const char *const bad[] = {"../../../evil", COMMIT "/..", "main", "", "4BD66BFDE98F87A1"};
	struct attrs inputs_of_bad;
	struct step *s;

	(void)state;
	build(NULL, whole, NULL);
	s = step("download");
	assert_int_equal(s->observed.state, STATE_PRESENT);
	assert_true(s->observed.adopted);
	assert_string_equal(s->observed.output, COMMIT);
	again();
	build(NULL, half, NULL);
	assert_int_equal(step("download")->observed.state, STATE_ABSENT);
	again();
	build(NULL, arena_printf(&arena, "%s%s", half,
		record("download", "download", "done", NULL, inputs)), NULL);
	s = step("download");
	assert_int_equal(s->observed.state, STATE_GONE);
	assert_string_equal(s->observed.why, "1 of 2 files are missing or incomplete, such as 'model.safetensors'");
	/* If the Hub does not answer, the result of the last apply counts, unless the cache lacks it. */
	for (int there = 1; there >= 0; there--) {
		again();
		build_model(NULL);
		model->commit = NULL;
		model->manifest = NULL;
		model->commit_why = "it does not answer";
		seen_as(0, arena_printf(&arena, "%s%s", there ? whole : "",
					record("download", "download", "done", NULL, inputs)));
		seen_as(1, NULL);
		graph = graph_build(&arena, model, &problems);
		s = step("download");
		assert_int_equal(s->observed.state, there ? STATE_PRESENT : STATE_GONE);
	}
	assert_string_equal(attrs_value(&s->want, "commit", ""), COMMIT);
	assert_true(told(DIAG_WARNING, "the last apply is used"));
	/* It is not a path of the node, either. */
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		again();
		seen_as(0, record("download", "download", "done", NULL, arena_printf(&arena,
			"{\"repo\":\"org/name\",\"revision\":\"main\",\"commit\":\"%s\"}", bad[i])));
		graph = graph_build(&arena, model, &problems);
		assert_null(attrs_value(&step("download")->want, "commit", NULL));
		inputs_of_bad = (struct attrs){0};
		attrs_add(&arena, &inputs_of_bad, "model.repo", "org/name");
		attrs_add(&arena, &inputs_of_bad, "model.commit", bad[i]);
		assert_non_null(strstr(engine_model(&arena, &inputs_of_bad), "/snapshots/unknown"));
	}
}

static void
test_see_image(void **state)
{
	struct step *s;

	(void)state;
	build("engine: {backend: ray, image: img:1}\n", "image\timg:1\tsha256:11\timg@sha256:" SHA "\n",
	      "image\timg:1\tsha256:33\t-\n");
	assert_int_equal(step("image[n1]")->observed.state, STATE_PRESENT);
	assert_string_equal(step("image[n1]")->observed.output, "sha256:11");
	s = step("image[n2]");
	assert_string_equal(attrs_value(&s->want, "image_id", ""), "sha256:11");
	assert_string_equal(attrs_value(&s->observed.have, "image_id", ""), "sha256:33");
	struct tasks tasks = up("image[n2]");
	assert_string_equal(argument(&tasks.v[0].task, "image_id"), "sha256:11");
	assert_string_equal(argument(&tasks.v[0].task, "pull_from"), "img@sha256:" SHA);
	assert_int_equal(problems.n, 0);
	/* Without a registry nothing can make them the same. */
	again();
	build("engine: {backend: ray, image: img:1}\n", "image\timg:1\tsha256:11\t-\n", "image\timg:1\tsha256:33\t-\n");
	assert_true(told(DIAG_ERROR, "is not the same as on n1"));
	/* The image that the head will get decides, not another node's image of that tag. */
	again();
	build("engine: {backend: ray, image: img:1}\n", NULL, "image\timg:1\tsha256:33\t-\n");
	assert_null(attrs_value(&step("image[n2]")->want, "image_id", NULL));
	step("image[n1]")->observed.output = "sha256:44";
	assert_string_equal(argument(&up("image[n2]").v[0].task, "image_id"), "sha256:44");
}

static void
preflight(const char *first, const char *second)
{
	again();
	build(NULL, first, second);
}

static void
test_preflight(void **state)
{
	(void)state;
	preflight("docker\tdenied\t-\tpermission denied\n", NULL);
	assert_true(told(DIAG_ERROR, "user 'ubuntu' may not use Docker"));
	assert_non_null(strstr(problems.v[0].hint, "usermod -aG docker ubuntu"));
	preflight("docker\tmissing\t-\t-\n", NULL);
	assert_true(told(DIAG_ERROR, "no docker command"));
	preflight("docker\tdown\t-\tCannot connect\n", NULL);
	assert_true(told(DIAG_ERROR, "Docker does not answer: Cannot connect"));
	preflight("toolkit\tno\n", NULL);
	assert_true(told(DIAG_ERROR, "cannot hand out GPUs"));
	preflight("gpuproc\t77\t1024\tbob\tpython3 train.py\n", NULL);
	assert_true(told(DIAG_WARNING, "in use by pid 77 of user 'bob' (python3 …): vLLM takes 0.90 of it"));
	preflight("gpuproc\t77\t9000\tbob\tpython3 train.py\n", NULL);
	assert_true(told(DIAG_ERROR, "in use by pid 77 of user 'bob' (python3 …): vLLM asks for 0.90 of it"));
	assert_non_null(strstr(problems.v[0].hint, "set engine.args: {gpu-memory-utilization: 0.8"));
	preflight(NULL, "shared\t/srv\tnfs\t1:2\t900\tno\n");
	assert_true(told(DIAG_ERROR, "may not write to shared_dir '/srv'"));
	preflight(NULL, "shared\t/srv\t-\t-\t0\tmissing\n");
	assert_true(told(DIAG_ERROR, "shared_dir '/srv' does not exist"));
	preflight(NULL, "shared\t/srv\text4\t1:2\t900000\tyes\n");
	assert_true(told(DIAG_WARNING, "is ext4 here and nfs on n1"));
	preflight("shared\t/srv\tnfs\t1:2\t4\tyes\n", NULL);
	assert_true(told(DIAG_ERROR, "has 4096 B free, but the model needs 5700 B more"));
	preflight(NULL, "resolve\tn2\t127.0.1.1\n");
	assert_int_equal(problems.n, 0);        /* Gloo is told the interface */
	preflight(NULL, "reach\t192.0.2.1\tno\tno answer\n");
	assert_true(told(DIAG_ERROR, "cannot reach 192.0.2.1: no answer"));
	preflight(NULL, "id\tm1\tb1\tn2\tubuntu\t1000\t1000\t/home/ubuntu\t1000000\n");
	assert_true(told(DIAG_ERROR, "machine-id of node 'n1'"));
	preflight(NULL, "id\tm2\tb2\tn2\tubuntu\t1000\t1000\t/home/ubuntu\t1000031\n");
	assert_true(told(DIAG_WARNING, "its clock is 31 s away"));
	again();
	build_model(NULL);
	seen_as(0, NULL);
	seen_as(1, NULL);
	model->node[1].facts->gpu.v[0].driver = "560.35.03";
	graph = graph_build(&arena, model, &problems);
	assert_true(told(DIAG_WARNING, "driver 560.35.03 is older than 575, which the CUDA in the "
			 "image of vLLM v0.17.1 needs"));
	preflight(NULL, "shm\t65536\n");
	assert_int_equal(problems.n, 0);        /* containers have their own */
	preflight(NULL, NULL);
	assert_int_equal(problems.n, 0);
}

static void
test_gpus(void **state)
{
	static const char none[] = "id\tm1\tb1\tn1\tu\t1\t1\t/h\t1\ndocker\tok\t27\t-\ntoolkit\tno\n"
		"gpunone\tno nvidia-smi\naddr\teth0\t192.0.2.1\t24\n"
		"shared\t/srv\tnfs\t1:2\t900000000\tyes\nend\n";

	(void)state;
	build_model(NULL);
	seen_as(1, NULL);
	model->node[0].facts = facts_read(&arena, none, sizeof none - 1);
	graph = graph_build(&arena, model, &problems);
	assert_true(told(DIAG_ERROR, "0 of 2 GPUs: no nvidia-smi"));
	/* A user who tells Ray the number of GPUs need not have any. */
	again();
	build_model("engine: {backend: ray, image: i:1, env: {RAY_OVERRIDE_RESOURCES: '{\"GPU\":2}'}}\n");
	seen_as(1, NULL);
	model->node[0].facts = facts_read(&arena, none, sizeof none - 1);
	graph = graph_build(&arena, model, &problems);
	assert_false(told(DIAG_ERROR, "GPU"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_nothing_is_there, reset, reset),
		cmocka_unit_test_setup_teardown(test_see_container, reset, reset),
		cmocka_unit_test_setup_teardown(test_see_stopped, reset, reset),
		cmocka_unit_test_setup_teardown(test_see_owner, reset, reset),
		cmocka_unit_test_setup_teardown(test_see_record_owner, reset, reset),
		cmocka_unit_test_setup_teardown(test_see_silent, reset, reset),
		cmocka_unit_test_setup_teardown(test_see_serve, reset, reset),
		cmocka_unit_test_setup_teardown(test_see_download, reset, reset),
		cmocka_unit_test_setup_teardown(test_see_image, reset, reset),
		cmocka_unit_test_setup_teardown(test_preflight, reset, reset),
		cmocka_unit_test_setup_teardown(test_gpus, reset, reset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Commands of the user, and the order of the user's steps among dray's. */
#include "planner/plan/sched.h"
#include "tests/unit/custom_by_hand.h"
#include "tests/unit/seeds.h"

static struct result
answer(bool ran, int status, const char *out, const char *err)
{
	struct result r = {.ran = ran, .status = status};

	str_puts(&r.out, out);
	str_puts(&r.err, err);
	strcpy(r.why.text, ran ? "" : "timed out after 5s");
	return r;
}

static void
test_command_look(void **state)
{
	static const struct { bool ran; int status; const char *out, *err; int look; const char *why; }
		cases[] = {
		{true, 0, "present\n", "", LOOK_PRESENT, NULL},
		{true, 0, "absent its check fails: exit 1\n", "", LOOK_ABSENT, "its check fails: exit 1"},
		{false, 0, "", "", LOOK_FAILED, "its check did not run: timed out after 5s"},
		{true, 2, "", "sh: not found\nmore\n", LOOK_FAILED, "its check ended with status 2: sh: not found"},
		{true, 0, "presents\n", "", LOOK_FAILED, "its check ended with status 0: "},
	};
	struct task t;

	(void)state;
	good_model("- {command: a, node: n1, run: r, check: c, timeout: 7}\n"
		   "- {command: b, node: n1, run: r, creates: /x}\n- {command: c, node: n1, run: r}\n");
	assert_true(custom_has_look(&model->custom.v[0]));
	assert_true(custom_has_look(&model->custom.v[1]));
	assert_false(custom_has_look(&model->custom.v[2]));
	custom_look_task(&arena, &model->custom.v[0], &t);
	assert_false(t.changes);
	assert_int_equal(t.timeout_s, 7);
	assert_string_equal(words(&t, 0), "check=c");
	for (size_t i = 0; i < countof(cases); i++) {
		struct result r = answer(cases[i].ran, cases[i].status, cases[i].out, cases[i].err);
		struct custom_step *u = &model->custom.v[0];

		u->look.why = NULL;
		custom_look_take(&arena, u, &r);
		assert_int_equal(u->look.state, cases[i].look);
		if (cases[i].why)
			assert_string_equal(u->look.why, cases[i].why);
		result_release(&r);
	}
}

static void
test_command_undo(void **state)
{
	struct tasks tasks = {0};
	const char *rec = record("command.a[n1]", "command", "done", "i1",
				 "{\"run\":\"r\",\"undo\":\"old undo\",\"check\":\"c\"}");

	(void)state;
	good_model("- {command: a, node: n1, run: r, check: c, undo: new undo}\n");
	looked("command.a[n1]", LOOK_PRESENT, NULL);
	make_plan(rec, NULL, true);
	assert_op("command.a[n1]", ACT_DESTROY, NULL);
	kind_command.down(&arena, step("command.a[n1]"), &tasks);
	assert_string_equal(words(&tasks.v[0].task, 0), "undo=new undo cluster=c1 step=command.a@n1");
	assert_true(tasks.v[0].task.changes);
	/* It is in place, but dray did not make it, so dray does not remove it. */
	make_plan(NULL, NULL, true);
	assert_op("command.a[n1]", ACT_NONE, NULL);
	/* It left the spec: it is removed as recorded. */
	build_model(NULL);
	make_plan(rec, NULL, false);
	assert_op("command.a[n1]", ACT_DESTROY, "no longer in the spec");
	tasks = (struct tasks){0};
	kind_command.down(&arena, step("command.a[n1]"), &tasks);
	assert_string_equal(words(&tasks.v[0].task, 0), "undo=old undo cluster=c1 step=command.a@n1");
	/* -replace: undo, then run again. */
	good_model("- {command: a, node: n1, run: r, undo: u}\n");
	seen_as(0, record("command.a[n1]", "command", "done", "i1", "{\"run\":\"r\",\"undo\":\"u\"}"));
	seen_as(1, NULL);
	graph = graph_build(&arena, model, &problems);
	plan = plan_make(&arena, graph, &(struct plan_options){.replace =
		(const char *[]){"command.a", NULL}}, &diags);
	assert_op("command.a[n1]", ACT_REPLACE, "-replace was given");
	tasks = up("command.a[n1]");
	assert_int_equal(tasks.n, 1);
	assert_string_equal(words(&tasks.v[0].task, 0), "run=r cluster=c1 step=command.a@n1");
}

/* Carry out the steps at once, in the order of the scheduler: "down X", "up Y", ... */
static const char *
work(void)
{
	struct sched *s = sched_new(&arena, plan, 0, 0);
	const char *all = "";
	struct job *job;

	while ((job = sched_next(s))) {
		all = arena_printf(&arena, "%s%s%s %s", all, *all ? ", " : "", job->down ? "down" : "up",
				   job->op->step->addr);
		sched_done(s, job, true);
	}
	return all;
}

static size_t
place(const char *all, const char *what)
{
	const char *at = strstr(all, what);

	if (!at)
		fail_msg("no '%s' in '%s'", what, all);
	return (size_t)(at - all);
}

static void
test_order(void **state)
{
	const char *all;

	(void)state;
	good_model("- {command: late, node: n1, run: r, follows: serve}\n"
		   "- {command: mount, nodes: all, run: r, before: [download, 'worker[n2]']}\n"
		   "- {command: mid, nodes: workers, run: r, after: command.mount, before: head}\n"
		   "- {kind: nfs, name: m, node: n2, with: {server: a}, after: 'command.mid[n2]'}\n");
	looked("nfs.m[n2]", LOOK_ABSENT, NULL);
	make_plan(NULL, NULL, false);
	all = work();
	assert_true(place(all, "up command.mount[n1]") < place(all, "up download"));
	assert_true(place(all, "up command.mount[n2]") < place(all, "up download"));
	assert_true(place(all, "up command.mount[n1]") < place(all, "up command.mid[n2]"));
	assert_true(place(all, "up command.mid[n2]") < place(all, "up head[n1]"));
	assert_true(place(all, "up command.mid[n2]") < place(all, "up nfs.m[n2]"));
	assert_true(place(all, "up serve") < place(all, "up command.late[n1]"));
	assert_false(told(DIAG_WARNING, "there is no such step"));
	/* All steps of a kind except the step itself; a step without an up is not waited
	 * for. */
	good_model("- {command: a, nodes: all, run: r}\n- {command: b, nodes: all, run: r, "
		   "after: [command, preflight]}\n");
	make_plan(NULL, NULL, false);
	assert_int_equal(step("command.b[n1]")->deps.n, 2);
	/* In use, but not there. */
	good_model("- {command: a, node: n1, run: r, before: 'worker[n1]', after: 'rank[n2]'}\n");
	make_plan(NULL, NULL, false);
	assert_true(told(DIAG_WARNING, "command.a[n1] names worker[n1], but there is no such step"));
	assert_false(told(DIAG_WARNING, "rank[n2]"));
}

/* A step that left the spec goes after dray's own steps there. */
static void
test_order_of_orphans(void **state)
{
	const char *all, *lines;

	(void)state;
	good_model("- {command: new, node: n1, run: r}\n");
	lines = arena_printf(&arena, "%s%s%s",
		record("worker[n2]", "worker", "done", "i1", "{}"),
		record("command.mount[n2]", "command", "done", "i1", "{\"run\":\"r\",\"undo\":\"u\"}"),
		record("nfs.m[n2]", "nfs", "done", "i1", "{\"server\":\"a\"}"));
	make_plan(NULL, lines, true);
	all = work();
	assert_true(place(all, "down nfs.m[n2]") < place(all, "down command.mount[n2]"));
	make_plan(NULL, lines, false);
	all = work();
	assert_true(place(all, "down command.mount[n2]") < place(all, "up command.new[n1]"));
}

/* A step on n2 with the record that an apply writes; `down`: what the record kept. */
static const char *
kept(const char *addr, const char *kind, const char *down)
{
	return arena_printf(&arena, "record\t%s\t{\"step\":\"%s\",\"kind\":\"%s\",\"phase\":\"done\","
			    "\"inputs\":{\"run\":\"r\"},\"bound\":{},\"down\":{%s}}\n", addr, addr, kind,
			    down);
}

/* Their order is that in which they came up, according to their records and whatever their
 * kinds. An apply writes the record. */
static void
test_order_is_recorded(void **state)
{
	static const char steps[] =
		"- {command: z, nodes: all, run: r, after: [command.m, download]}\n"
		"- {command: m, node: n1, run: r}\n"
		"- {command: a, node: n2, run: r, follows: nfs, before: 'command.m[n1]'}\n"
		"- {kind: nfs, name: x, node: n2, with: {server: a}}\n";
	static const char *const order[] = {"down command.z[n2]", "down command.m[n1]",
		"down command.a[n2]", "down nfs.x[n2]"};
	const char *lines[2] = {"", ""}, *all;

	(void)state;
	good_model(steps);
	looked("nfs.x[n2]", LOOK_ABSENT, NULL);
	make_plan(NULL, NULL, false);
	for (size_t i = 0; i < model->custom.n; i++) {
		const struct step *s = step(model->custom.v[i].addr);
		const struct record *r = record_of(&arena, s, "done", "a1", "t");
		size_t on = strcmp(s->node->name, "n2") == 0;

		lines[on] = arena_printf(&arena, "%srecord\t%s\t%s\n", lines[on], s->addr,
					 record_write(&arena, r));
	}
	good_model("- {command: new, node: n1, run: r}\n");
	make_plan(lines[0], lines[1], false);
	all = work();
	for (size_t i = 1; i < countof(order); i++)
		if (place(all, order[i - 1]) > place(all, order[i]))
			fail_msg("%s: %s", order[i], all);
	assert_true(place(all, "down command.z[n1]") < place(all, "down command.m[n1]"));
	assert_true(place(all, "down nfs.x[n2]") < place(all, "up command.new[n1]"));
	/* Each waits for the other one, not only for its turn. */
	assert_int_equal(step("command.m[n1]")->deps.n, 1);
	assert_int_equal(step("command.z[n1]")->deps.n, 1);
	assert_int_equal(step("nfs.x[n2]")->deps.n, 0);
}

/* A step of the spec may depend on a step that comes before one that left the spec. */
static void
test_order_beside_orphans(void **state)
{
	const char *lines, *all;

	(void)state;
	good_model("- {command: late, node: n1, run: r, undo: u, follows: serve}\n"
		   "- {command: mount, node: n1, run: r, undo: u, before: [download]}\n");
	lines = arena_printf(&arena, "%s%s%s%s%s",
		record("command.mount[n1]", "command", "done", "i1", "{\"run\":\"r\",\"undo\":\"u\"}"),
		record("command.left[n1]", "command", "done", "i1", "{\"run\":\"r\",\"undo\":\"u\"}"),
		record("command.late[n1]", "command", "done", "i1", "{\"run\":\"r\",\"undo\":\"u\"}"),
		record("serve", "serve", "done", "i2", "{}"),
		record("worker[n1]", "worker", "done", "i3", "{}"));
	make_plan(lines, NULL, true);
	all = work();
	assert_true(place(all, "down command.late[n1]") < place(all, "down serve"));
	assert_true(place(all, "down serve") < place(all, "down worker[n1]"));
	assert_true(place(all, "down worker[n1]") < place(all, "down command.mount[n1]"));
	assert_true(place(all, "down worker[n1]") < place(all, "down command.left[n1]"));
}

static unsigned
dice(unsigned *seed, unsigned sides)
{
	*seed = *seed * 1103515245 + 12345;
	return *seed / 65536 % sides;
}

/* A list of up to two of the names between two others. */
static const char *
some(unsigned *seed, const char *between, unsigned from, unsigned to)
{
	static const char *const names[] = {"command.a", "command.b", "command.c", "image", "download",
		"script", "head", "worker", "serve", "probe", "command.d", "nfs", "command"};
	const char *s = "";

	for (unsigned n = to > from ? dice(seed, 3) : 0; n; n--)
		s = arena_printf(&arena, "%s%s%s", s, *s ? between : "",
				 names[from + dice(seed, to - from)]);
	return s;
}

static const char *
some_record(unsigned *seed, const char *addr)
{
	return dice(seed, 2) ? "" : arena_printf(&arena, "record\t%s\t{\"step\":\"%s\",\"kind\":\"%.*s\","
		"\"phase\":\"%s\",\"instance\":\"i\",\"inputs\":{},\"bound\":{},\"down\":{\"after\":\"%s\","
		"\"before\":\"%s\"}}\n", addr, addr, (int)strcspn(addr, ".["), addr,
		dice(seed, 3) ? "done" : "intent", some(seed, " ", 0, 13), some(seed, " ", 0, 13));
}

/* Whatever the spec and the records say, every operation is carried out. */
static void
test_no_order_is_a_deadlock(void **state)
{
	static const char *const left[] = {"command.a[n1]", "command.b[n2]", "command.c[n1]",
		"command.x[n2]", "command.y[n1]", "nfs.m[n1]", "nfs.x[n2]", "worker[n1]", "worker[n2]",
		"head[n1]", "head[n2]", "rank[n1]", "rank[n2]", "serve", "probe", "script", "download"};
	size_t tried = 0;

	(void)state;
	for (unsigned i = 0; i < seeds(4000); i++, reset(NULL)) {
		unsigned seed = i;
		const char *steps = "", *lines[2] = {"", ""}, *all;
		size_t acts = 0, done;

		for (unsigned k = 0; k < 4; k++) {
			unsigned here = k + dice(&seed, 11 - k);

			steps = arena_printf(&arena, "%s- {command: %c, nodes: %s, run: r, %s: [%s], "
				"before: [%s]}\n", steps, 'a' + (int)k, dice(&seed, 2) ? "all" : "head",
				dice(&seed, 2) ? "after" : "follows", some(&seed, ", ", 0, here),
				some(&seed, ", ", here < 3 ? 3 : here, 10));
		}
		model = model_of(steps);
		if (!model)
			continue;               /* they wait in a circle */
		for (size_t k = 0; k < countof(left); k++) {
			const char **to = &lines[dice(&seed, 2)];

			*to = arena_printf(&arena, "%s%s", *to, some_record(&seed, left[k]));
		}
		make_plan(lines[0], lines[1], dice(&seed, 2));
		all = work();
		done = *all != '\0';
		for (const char *s = all; *s; s++)
			done += *s == ',';
		for (size_t k = 0; k < plan->n; k++)
			if (op_acts(&plan->v[k]))
				acts += (plan->v[k].action == ACT_REPLACE ||
					 plan->v[k].action == ACT_RESTART) &&
					plan->v[k].step->kind->down ? 2 : 1;
		if (done != acts)
			fail_msg("seed %u: %zu of %zu: %s\n%s", i, done, acts, all, steps);
		tried += acts > 0;
	}
	assert_true(tried > seeds(4000) / 8);
}

/* The records of several applies may contradict each other; that must not cause a failure. */
static void
test_order_that_contradicts(void **state)
{
	const char *lines, *all;

	(void)state;
	good_model("- {command: new, node: n1, run: r}\n");
	lines = arena_printf(&arena, "%s%s%s%s",
		kept("command.a[n2]", "command", "\"after\":\"command.b command.c\""),
		kept("command.b[n2]", "command", "\"after\":\"nfs command.a[n2]\""),
		kept("command.c[n2]", "command", "\"after\":\" command command.c  \",\"before\":\"\""),
		kept("nfs.m[n2]", "nfs", "\"after\":\"serve [n2] command.new\""));
	make_plan(NULL, lines, false);
	assert_false(told(DIAG_ERROR, "circle"));
	all = work();
	place(all, "down command.a[n2]");
	place(all, "down command.b[n2]");
	place(all, "down command.c[n2]");
	assert_true(place(all, "down nfs.m[n2]") < place(all, "up command.new[n1]"));
}

/* Among steps that left the spec, those that depend on a target go with it, and no others. */
static void
test_target_of_orphans(void **state)
{
	const char *target[] = {"command.b", NULL};
	struct plan_options options = {.target = target};

	(void)state;
	good_model("- {command: new, node: n1, run: r}\n");
	seen_as(0, NULL);
	seen_as(1, arena_printf(&arena, "%s%s%s", kept("command.a[n2]", "command", ""),
				kept("command.b[n2]", "command", "\"after\":\"command.a\""),
				kept("command.c[n2]", "command", "\"after\":\"command.b\"")));
	graph = graph_build(&arena, model, &problems);
	plan = plan_make(&arena, graph, &options, &diags);
	assert_true(op("command.a[n2]")->excluded);
	assert_false(op("command.b[n2]")->excluded);
	assert_false(op("command.c[n2]")->excluded);
	assert_true(op("command.c[n2]")->pulled);
	assert_true(op("command.new[n1]")->excluded);
}

static void
test_circles(void **state)
{
	const char *mp;
	static const struct { const char *steps, *says; } cases[] = {
		{"- {command: a, node: n1, run: r, after: command.a}\n",
		 "circle: command.a[n1] for command.a[n1]"},
		{"- {command: a, node: n1, run: r, after: command.b}\n"
		 "- {command: b, node: n1, run: r, after: command.a}\n",
		 "circle: command.a[n1] for command.b[n1], command.b[n1] for command.a[n1]"},
		{"- {command: a, node: n1, run: r, follows: probe, before: head}\n",
		 "circle: command.a[n1] for probe, probe for "},
		{"- {command: a, node: n1, run: r, after: 'nfs.m'}\n"
		 "- {kind: nfs, name: m, node: n2, with: {server: a}, after: 'command.a[n1]'}\n",
		 "circle: "},
	};

	(void)state;
	for (size_t i = 0; i < countof(cases); i++) {
		assert_null(model_of(cases[i].steps));
		if (!complains(cases[i].says))
			fail_msg("case %zu: '%s'", i, diags.n ? diags.v[0].text : "");
		assert_int_equal(diags.nerror, 1);
		assert_true(diags.v[0].at.line > 0);
	}
	assert_null(model_of("- {command: a, node: n1, run: r, after: 'head', before: 'image[n1]'}\n"));
	assert_true(complains("circle: "));
	assert_non_null(model_of("- {command: a, node: n1, run: r, after: 'head', before: 'image[n2]'}\n"));
	/* Between the ranks of one group, which come up together. */
	mp = arena_printf(&arena, "%sengine: {backend: mp, image: 'vllm/vllm-openai:v0.18.0'}\nsteps:\n"
			  "- {command: a, node: n1, run: r, after: 'rank[n1]', before: 'rank[n2]'}\n",
			  base_spec);
	diags = (struct diags){.arena = &arena};
	source = (struct source){.name = "t.yaml", .text = mp, .len = strlen(mp)};
	compile_check_circles(&arena, cluster_compile(&arena, spec_read(&arena, &source, NULL, &diags),
						      &diags), &diags);
	assert_true(complains("circle: command.a[n1] for rank["));
}

static void
test_bad_steps(void **state)
{
	struct custom_kind *two;

	(void)state;
	assert_null(model_of("- {kind: nfz, name: m, node: n1}\n- {kind: serve, name: m, node: n1}\n"
			     "- {command: a, node: n1, run: r, after: nfss}\n"));
	assert_true(complains("no file under 'kinds' defines a kind 'nfz' (did you mean 'nfs'?)"));
	assert_true(complains("'serve' is one of dray's own kinds"));
	assert_true(complains("there is no kind or step 'nfss' (did you mean 'nfs'?)"));
	assert_int_equal(diags.nerror, 3);
	/* Two files that define the same kind. */
	good_model("- {command: a, node: n1, run: r}\n");
	two = custom_kinds.v[0];
	*vec_push(&arena, &custom_kinds) = two;
	model = cluster_compile(&arena, model->spec, &diags);
	assert_null(model);
	assert_true(complains("defines kind 'nfs', which is already defined"));
}

/* Names of nodes win over head, workers and all. */
static void
test_nodes(void **state)
{
	static const char text[] = "cluster: c1\nnodes:\n  - {name: a, host: 192.0.2.1, gpus: 2}\n"
		"  - {name: all, host: 192.0.2.2, gpus: 2}\n  - {name: c, host: 192.0.2.3, gpus: 2}\n"
		"shared_dir: /srv\nmodel: {repo: org/name}\nparallelism: {tensor: 2, pipeline: 3}\n"
		ENGINE "steps:\n- {command: x, nodes: all, run: r}\n- {command: y, nodes: [workers, a, c], "
		"run: r}\n- {command: z, node: head, run: r}\n";

	(void)state;
	build_text(text);
	assert_int_equal(model->custom.n, 5);
	assert_string_equal(model->custom.v[0].addr, "command.x[all]");
	assert_string_equal(model->custom.v[1].addr, "command.y[a]");
	assert_string_equal(model->custom.v[3].addr, "command.y[c]");
	assert_string_equal(model->custom.v[4].addr, "command.z[a]");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_command_look, reset),
		cmocka_unit_test_teardown(test_command_undo, reset),
		cmocka_unit_test_teardown(test_order, reset),
		cmocka_unit_test_teardown(test_order_of_orphans, reset),
		cmocka_unit_test_teardown(test_order_is_recorded, reset),
		cmocka_unit_test_teardown(test_order_beside_orphans, reset),
		cmocka_unit_test_teardown(test_no_order_is_a_deadlock, reset),
		cmocka_unit_test_teardown(test_order_that_contradicts, reset),
		cmocka_unit_test_teardown(test_target_of_orphans, reset),
		cmocka_unit_test_teardown(test_circles, reset),
		cmocka_unit_test_teardown(test_bad_steps, reset),
		cmocka_unit_test_teardown(test_nodes, reset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

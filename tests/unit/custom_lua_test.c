/* Steps of Lua kinds: the plan that follows from a look, and the calls that carry it out. */
#include "tests/unit/custom_by_hand.h"

#define NFS "- {kind: nfs, name: m, node: n2, with: {server: a, password: 'env:PW', env: {A: x}}}\n"

static const char *
nfs_record(const char *phase, const char *inputs)
{
	return record("nfs.m[n2]", "nfs", phase, strcmp(phase, "done") == 0 ? "i1" : NULL, inputs);
}

static void
test_lua_seen(void **state)
{
	static const char same[] = "{\"server\":\"a\",\"port\":2049,\"env\":{\"A\":\"x\"}}";
	static const char recorded[] = "{\"env.A\":\"x\",\"port\":\"2049\",\"server\":\"a\"}";

	(void)state;
	good_model(NFS);
	make_plan(NULL, NULL, false);
	assert_op("nfs.m[n2]", ACT_UNKNOWN, "it was not observed");
	looked("nfs.m[n2]", LOOK_FAILED, "kinds/nfs.lua:3: oops");
	make_plan(NULL, NULL, false);
	assert_op("nfs.m[n2]", ACT_UNKNOWN, "it cannot be observed: kinds/nfs.lua:3: oops");
	assert_true(told(DIAG_ERROR, "nfs.m[n2]: kinds/nfs.lua:3: oops"));
	looked("nfs.m[n2]", LOOK_ABSENT, NULL);
	make_plan(NULL, NULL, false);
	assert_op("nfs.m[n2]", ACT_CREATE, "it does not exist");
	make_plan(NULL, nfs_record("done", recorded), false);
	assert_op("nfs.m[n2]", ACT_CREATE, "what was there is gone");
	make_plan(NULL, nfs_record("intent", recorded), false);
	assert_op("nfs.m[n2]", ACT_CREATE, "did not finish it");
	looked("nfs.m[n2]", LOOK_PRESENT, same);
	make_plan(NULL, nfs_record("done", recorded), false);
	assert_op("nfs.m[n2]", ACT_NONE, NULL);
	assert_string_equal(step("nfs.m[n2]")->observed.instance, "i1");
	make_plan(NULL, nfs_record("intent", recorded), false);
	assert_op("nfs.m[n2]", ACT_CREATE, "did not finish it");
	/* It is there, no matter who made it. */
	make_plan(NULL, NULL, false);
	assert_op("nfs.m[n2]", ACT_UPDATE, "it is there, but has no record yet");
	assert_true(op("nfs.m[n2]")->record_only);
	/* The look wins over the record. */
	make_plan(NULL, nfs_record("done", "{\"server\":\"other\"}"), false);
	assert_op("nfs.m[n2]", ACT_NONE, NULL);
}

static void
observation_again(const char *have)
{
	good_model(NFS);
	looked("nfs.m[n2]", LOOK_PRESENT, have);
}

static void
test_lua_changes(void **state)
{
	static const char recorded[] = "{\"env.A\":\"x\",\"port\":\"2049\",\"server\":\"a\"}";

	(void)state;
	observation_again("{\"server\":\"b\",\"port\":2049,\"env\":{\"A\":\"x\"}}");
	make_plan(NULL, nfs_record("done", recorded), false);
	assert_op("nfs.m[n2]", ACT_REPLACE, "server changed");
	observation_again("{\"server\":\"a\",\"port\":1,\"env\":{\"A\":\"x\",\"B\":\"y\"}}");
	make_plan(NULL, nfs_record("done", recorded), false);
	assert_op("nfs.m[n2]", ACT_UPDATE, "env.B and port changed");
	assert_false(op("nfs.m[n2]")->record_only);
	assert_string_equal(value_write(&arena, custom_change(&arena, step("nfs.m[n2]"))),
		"{\"env\":{\"new\":{\"A\":\"x\"},\"old\":{\"A\":\"x\",\"B\":\"y\"}},"
		"\"port\":{\"new\":2049,\"old\":1}}");
	/* A field that the step does not set counts only if dray set it before. A field that
	 * forces none never counts. */
	observation_again("{\"server\":\"a\",\"port\":2049,\"env\":{\"A\":\"x\"},\"ro\":true,\"note\":\"n\"}");
	make_plan(NULL, nfs_record("done", recorded), false);
	assert_op("nfs.m[n2]", ACT_NONE, NULL);
	make_plan(NULL, nfs_record("done", "{\"env.A\":\"x\",\"port\":\"2049\",\"ro\":\"true\","
				   "\"server\":\"a\",\"note\":\"n\"}"), false);
	assert_op("nfs.m[n2]", ACT_UPDATE, "ro changed");
}

/* The look has the MAC of a secret; observe() need not return it. */
static void
test_lua_secret(void **state)
{
	static const char have[] = "{\"server\":\"a\",\"port\":2049,\"env\":{\"A\":\"x\"}}";
	struct custom_step *u;

	(void)state;
	observation_again(have);
	u = custom_step_find(model, "nfs.m[n2]");
	attrs_add_secret(&arena, &u->want, "password", "m1");
	make_plan(NULL, nfs_record("done", "{\"password\":{\"mac\":\"m1\"}}"), false);
	assert_op("nfs.m[n2]", ACT_NONE, NULL);
	make_plan(NULL, nfs_record("done", "{\"password\":{\"mac\":\"m2\"}}"), false);
	assert_op("nfs.m[n2]", ACT_UPDATE, "password changed");
	assert_true(op("nfs.m[n2]")->changes.v[0].secret);
	assert_string_equal(value_write(&arena, custom_change(&arena, step("nfs.m[n2]"))),
			    "{\"password\":{\"secret\":true}}");
	make_plan(NULL, NULL, false);
	assert_op("nfs.m[n2]", ACT_UPDATE, "password changed");
}

static void
test_lua_differs(void **state)
{
	static const struct { const char *have, *says; } cases[] = {
		{"{\"server\":\"a\",\"port\":2049,\"env\":{\"A\":\"x\"},\"ro\":true}", NULL},
		{"{\"server\":\"b\",\"port\":2049,\"env\":{\"A\":\"x\"}}", "server is 'b', not 'a'"},
		{"{\"server\":\"a\",\"env\":{\"A\":\"x\"}}", "port is missing, but should be '2049'"},
		{"{\"server\":\"a\",\"port\":2049,\"env\":{\"A\":\"x\",\"B\":\"\"}}",
		 "env.B is '', but should not be there"},
		{"{\"server\":\"a\",\"port\":2049,\"env\":{\"A\":\"x\"},\"password\":\"w\"}",
		 "password is not what was set"},
	};

	(void)state;
	good_model(NFS);
	attrs_add_secret(&arena, &model->custom.v[0].want, "password", "m1");
	make_plan(NULL, NULL, false);
	for (size_t i = 0; i < countof(cases); i++) {
		struct attrs have = {0};
		struct err e = {0};
		const char *says;

		assert_true(custom_attrs(&arena, custom_kinds.v[0], value_read(&arena, cases[i].have,
			strlen(cases[i].have), &e), "k", &have, &e));
		says = custom_differs(&arena, step("nfs.m[n2]"), &have);
		if (cases[i].says)
			assert_string_equal(says, cases[i].says);
		else
			assert_null(says);
	}
}

static void
test_lua_tasks(void **state)
{
	struct tasks tasks;
	struct record *r;

	(void)state;
	observation_again("{\"server\":\"a\",\"port\":1,\"env\":{\"A\":\"x\"}}");
	make_plan(NULL, nfs_record("done", "{\"server\":\"a\"}"), false);
	tasks = up("nfs.m[n2]");
	assert_int_equal(tasks.n, 2);
	assert_int_equal(tasks.v[0].task.type, TASK_LUA);
	assert_string_equal(tasks.v[0].task.lua.function, "up");
	assert_true(tasks.v[0].task.changes);
	assert_int_equal(tasks.v[0].task.timeout_s, 300);
	assert_int_equal(tasks.v[0].task.lua.nargs, 2);
	assert_ptr_equal(tasks.v[0].task.lua.args[0], model->custom.v[0].args);
	assert_string_equal(value_write(&arena, tasks.v[0].task.lua.args[1]),
			    "{\"port\":{\"new\":2049,\"old\":1}}");
	assert_string_equal(tasks.v[0].what, "up() of kinds/nfs.lua");
	assert_string_equal(tasks.v[1].task.lua.function, "check");
	assert_false(tasks.v[1].task.changes);
	tasks = (struct tasks){0};
	kind_lua.down(&arena, step("nfs.m[n2]"), &tasks);
	assert_string_equal(tasks.v[0].task.lua.function, "down");
	assert_string_equal(value_write(&arena, tasks.v[0].task.lua.args[0]),
			    "{\"env\":{\"A\":\"x\"},\"port\":1,\"server\":\"a\"}");
	/* The record names the file of the kind, in case it is missing later. */
	r = record_of(&arena, step("nfs.m[n2]"), "done", "a", "t");
	assert_string_equal(attrs_value(&r->down, "file", NULL), "kinds/nfs.lua");
	/* For a step that left the spec the record decides. */
	good_model("- {kind: nfs, name: other, node: n1, with: {server: a}}\n");
	looked("nfs.other[n1]", LOOK_ABSENT, NULL);
	make_plan(NULL, nfs_record("done", "{\"server\":\"b\",\"port\":\"5\"}"), false);
	assert_op("nfs.m[n2]", ACT_DESTROY, "no longer in the spec");
	tasks = (struct tasks){0};
	kind_lua.down(&arena, step("nfs.m[n2]"), &tasks);
	assert_string_equal(value_write(&arena, tasks.v[0].task.lua.args[0]),
			    "{\"env\":{},\"port\":5,\"server\":\"b\"}");
	/* Without its file it cannot be removed. Without a down() only the record is
	 * removed. */
	build_model(NULL);
	make_plan(NULL, "record\tnfs.m[n2]\t{\"step\":\"nfs.m[n2]\",\"kind\":\"nfs\",\"phase\":\"done\","
		  "\"apply_id\":\"a\",\"at\":\"t\",\"inputs\":{},\"bound\":{},"
		  "\"down\":{\"file\":\"kinds/nfs.lua\"}}\n", false);
	assert_null(graph_find(graph, "nfs.m[n2]"));
	assert_true(told(DIAG_WARNING, "no file under 'kinds' defines"));
	assert_true(strstr(problems.v[problems.n - 1].hint, "kinds/nfs.lua") != NULL);
}

static void
test_lua_without_down(void **state)
{
	struct tasks tasks = {0};

	(void)state;
	good_model(NFS);
	custom_kinds.v[0]->has_down = false;
	looked("nfs.m[n2]", LOOK_PRESENT, "{\"server\":\"b\",\"port\":2049,\"env\":{\"A\":\"x\"}}");
	make_plan(NULL, nfs_record("done", "{\"server\":\"b\"}"), true);
	assert_op("nfs.m[n2]", ACT_DESTROY, NULL);
	kind_lua.down(&arena, step("nfs.m[n2]"), &tasks);
	assert_int_equal(tasks.n, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_lua_seen, reset),
		cmocka_unit_test_teardown(test_lua_changes, reset),
		cmocka_unit_test_teardown(test_lua_secret, reset),
		cmocka_unit_test_teardown(test_lua_differs, reset),
		cmocka_unit_test_teardown(test_lua_tasks, reset),
		cmocka_unit_test_teardown(test_lua_without_down, reset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

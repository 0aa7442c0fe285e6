/* Kinds of Lua files, what their steps want, and the conversion between attributes and
 * tables. */
#include "tests/unit/custom_by_hand.h"

static void
test_kind(void **state)
{
	const struct custom_kind *k = read_kind("nfs", nfs_fields, true);
	const struct custom_field *port;

	(void)state;
	assert_non_null(k);
	assert_string_equal(k->kind.name, "nfs");
	assert_ptr_equal(k->kind.custom, k);
	assert_null(kind_find("serve")->custom);
	assert_int_equal(k->nfield, 7);
	assert_string_equal(k->field[0].name, "env");
	port = custom_field_find(k, "port");
	assert_int_equal(port->type, CUSTOM_INTEGER);
	assert_int_equal(port->fallback->integer, 2049);
	assert_int_equal(kind_effect(&k->kind, "server"), EFFECT_REPLACE);
	assert_int_equal(kind_effect(&k->kind, "port"), EFFECT_UPDATE);
	assert_int_equal(kind_effect(&k->kind, "env.A"), EFFECT_UPDATE);
	assert_int_equal(kind_effect(&k->kind, "note"), EFFECT_NONE);
	assert_non_null(read_kind("a", NULL, false));
	assert_non_null(read_kind("a", "[]", false));
}

static void
test_bad_kinds(void **state)
{
	static const struct { const char *name, *fields, *says; } cases[] = {
		{NULL, NULL, "has no name"},
		{"", NULL, "the name of a kind must be"},
		{"_a", NULL, "the name of a kind must be"},
		{"Nfs", NULL, "the name of a kind must be"},
		{"a.b", NULL, "the name of a kind must be"},
		{"abcdefghijklmnopqrstuvwxyz0123456", NULL, "at most 32"},
		{"download", NULL, "one of dray's own kinds"},
		{"command", NULL, "one of dray's own kinds"},
		{"nfs", "[1]", "'fields' must be a table"},
		{"nfs", "\"server\"", "'fields' must be a table"},
		{"nfs", "{\"a\": 1}", "field 'a' must be a table"},
		{"nfs", "{\"a\": {}}", "field 'a' has no type"},
		{"nfs", "{\"a.b\": {\"type\": \"text\"}}", "the name of a field must be"},
		{"nfs", "{\"1a\": {\"type\": \"text\"}}", "the name of a field must be"},
		{"nfs", "{\"a\": {\"type\": \"string\"}}", "'type' of field 'a' must be text, integer"},
		{"nfs", "{\"a\": {\"type\": 1}}", "'type' of field 'a' must be"},
		{"nfs", "{\"a\": {\"type\": \"text\", \"forces\": \"replac\"}}", "did you mean 'replace'"},
		{"nfs", "{\"a\": {\"type\": \"text\", \"required\": 1}}", "must be true or false"},
		{"nfs", "{\"a\": {\"type\": \"text\", \"default\": 1}}", "must be of its type, text"},
		{"nfs", "{\"a\": {\"type\": \"map\", \"default\": [1]}}", "must be of its type, map"},
		{"nfs", "{\"a\": {\"type\": \"text\", \"doc\": {}}}", "'doc' of field 'a' must be a string"},
		{"nfs", "{\"a\": {\"type\": \"text\", \"defualt\": 1}}", "unknown key 'defualt'"},
		{"nfs", "{\"a\": {\"type\": \"integer\", \"secret\": true}}", "is a secret, so its type must be text"},
		{"nfs", "{\"a\": {\"type\": \"text\", \"secret\": true, \"default\": \"x\"}}",
		 "is a secret, so it cannot have a default"},
	};
	struct custom_source none = {.file = "k.lua", .name = NULL, .find = find_word};

	(void)state;
	for (size_t i = 0; i < countof(cases); i++) {
		assert_null(read_kind(cases[i].name, cases[i].fields, true));
		if (!complains(cases[i].says))
			fail_msg("case %zu: '%s'", i, diags.v[0].text);
	}
	diags = (struct diags){.arena = &arena};
	none.name = value_text(&arena, "nfs");
	none.timeout = value_text(&arena, "1");
	assert_null(custom_kind_read(&arena, &none, &diags));
	assert_true(complains("has no function observe(ctx, want)"));
	assert_true(complains("has no function up(ctx, want, change)"));
	assert_true(complains("'timeout' must be a whole number"));
	/* An error in a field points at the field. */
	read_kind("nfs", "{\"server\": {\"type\": \"txt\"}}", true);
	assert_int_equal(diags.n, 1);
	assert_string_equal(diags.v[0].at.src->name, "kinds/nfs.lua");
}

/* ---- what a step wants ---- */

static void
test_args(void **state)
{
	const struct custom_step *u;
	struct attrs want;
	size_t at = 0;

	(void)state;
	good_model("- kind: nfs\n  name: m\n  nodes: all\n  with:\n    server: 010\n    ro: true\n"
		   "    options: [hard, 5, '5', {a: null}]\n    env: {A: 1, B: no, C: [x]}\n"
		   "    password: env:NFS_PW\n");
	assert_int_equal(model->custom.n, 2);
	u = custom_step_find(model, "nfs.m[n2]");
	assert_non_null(u);
	assert_string_equal(u->node, "n2");
	assert_string_equal(value_write(&arena, u->args),
		"{\"env\":{\"A\":1,\"B\":\"no\",\"C\":[\"x\"]},\"options\":[\"hard\",5,\"5\",{}],"
		"\"password\":\"env:NFS_PW\",\"port\":2049,\"ro\":true,\"server\":\"010\"}");
	want = u->want;
	assert_string_equal(inputs_write(&arena, &want),
		"{\"env.A\":\"1\",\"env.B\":\"no\",\"env.C\":\"[\\\"x\\\"]\","
		"\"options\":\"[\\\"hard\\\",5,\\\"5\\\",{}]\",\"port\":\"2049\",\"ro\":\"true\","
		"\"server\":\"010\"}");
	/* Kinds of dray and of the user, where a command could be. */
	while (model->kinds[at] != &kind_command)
		at++;
	assert_ptr_equal(model->kinds[0], kind_find("preflight"));
	assert_ptr_equal(model->kinds[at + 1], &custom_kinds.v[0]->kind);
	assert_ptr_equal(model->kinds[at + 2], kind_find("image"));
}

static void
test_bad_args(void **state)
{
	static const struct { const char *with, *says; } cases[] = {
		{"{}", "'server' is missing in 'with' of this nfs"},
		{"{server: a, port: 1.5}", "'port' must be a whole number"},
		{"{server: a, port: 010}", "'port' must be a whole number"},
		{"{server: a, port: []}", "'port' must be an integer, not a list"},
		{"{server: a, ro: yes}", "'ro' must be true or false"},
		{"{server: {}}", "'server' must be a text, not a map"},
		{"{server: \"a\\x01\"}", "'server' contains a control character"},
		{"{server: a, env: x}", "'env' must be a map, not a text"},
		{"{server: a, password: poison}", "'password' must be a reference"},
		{"{server: a, password: 'env:'}", "'password' must be a reference"},
		{"{server: a, prt: 1}", "kind 'nfs' has no field 'prt' (did you mean 'port'?)"},
		{"{server: }", "'server' has no value"},
	};

	(void)state;
	for (size_t i = 0; i < countof(cases); i++) {
		assert_null(model_of(arena_printf(&arena, "- {kind: nfs, name: m, node: n1, with: %s}\n",
						  cases[i].with)));
		if (!complains(cases[i].says))
			fail_msg("case %zu: '%s'", i, diags.v[0].text);
	}
	/* A secret that was written into the spec is not shown. */
	model_of("- {kind: nfs, name: m, node: n1, with: {server: a, password: poison}}\n");
	assert_int_equal(diags.hidden.n, 1);
	assert_int_equal(diags.hidden.v[0].to - diags.hidden.v[0].from, strlen("poison"));
}

/* ---- between attributes and tables ---- */

static const char *
attrs_of(const char *have)
{
	struct err e = {0};
	struct attrs to = {0};
	bool ok = custom_attrs(&arena, custom_kinds.v[0], value_read(&arena, have, strlen(have), &e), "k",
			     &to, &e);

	return ok ? inputs_write(&arena, &to) : arena_strdup(&arena, e.text);
}

static void
test_attrs(void **state)
{
	(void)state;
	good_model("- {kind: nfs, name: m, node: n1, with: {server: a}}\n");
	assert_string_equal(attrs_of("{}"), "{}");
	assert_string_equal(attrs_of("[]"), "{}");
	assert_string_equal(attrs_of("{\"server\": \"a\", \"port\": 7, \"ro\": false}"),
			    "{\"port\":\"7\",\"ro\":\"false\",\"server\":\"a\"}");
	/* Exact conversions: a string to a number and back. */
	assert_string_equal(attrs_of("{\"server\": 5, \"port\": \"7\"}"),
			    "{\"port\":\"7\",\"server\":\"5\"}");
	assert_string_equal(attrs_of("{\"port\": 7.0}"), "{\"port\":\"7\"}");
	assert_string_equal(attrs_of("{\"env\": {\"A\": 1, \"B\": {}}, \"options\": {}}"),
			    "{\"env.A\":\"1\",\"env.B\":\"{}\",\"options\":\"[]\"}");
	assert_non_null(strstr(attrs_of("{\"password\": \"poison\"}"), "{\"password\":{\"mac\":"));
	assert_null(strstr(attrs_of("{\"password\": \"poison\"}"), "poison"));
	assert_string_equal(attrs_of("7"), "it must return a table of fields, or nil if nothing is there");
	assert_string_equal(attrs_of("[1]"), "it must return a table of fields, or nil if nothing is there");
	assert_string_equal(attrs_of("{\"sever\": 1}"),
			    "it returned 'sever', which is not a field of kind 'nfs' (did you mean 'server'?)");
	assert_string_equal(attrs_of("{\"port\": 7.5}"), "it returned a 'port' that is not of type integer");
	assert_string_equal(attrs_of("{\"port\": \"\"}"), "it returned a 'port' that is not of type integer");
	assert_string_equal(attrs_of("{\"port\": \"-\"}"), "it returned a 'port' that is not of type integer");
	assert_string_equal(attrs_of("{\"ro\": \"true\"}"), "it returned a 'ro' that is not of type boolean");
	assert_string_equal(attrs_of("{\"env\": \"A\"}"), "it returned a 'env' that is not of type map");
	assert_string_equal(attrs_of("{\"server\": \"a\\u0000b\"}"), "it returned a 'server' that is not of type text");
}

static void
test_table(void **state)
{
	struct attrs from = {0};
	const char *json = "{\"env.A\":\"1\",\"env.B\":\"x\",\"gone\":\"y\",\"options\":\"[1,\\\"a\\\"]\","
		"\"password\":{\"mac\":\"ff\"},\"port\":\"7\",\"ro\":\"true\",\"server\":\"a\"}";

	(void)state;
	good_model("- {kind: nfs, name: m, node: n1, with: {server: a}}\n");
	assert_true(inputs_read(&arena, json, strlen(json), &from));
	assert_string_equal(value_write(&arena, custom_table(&arena, custom_kinds.v[0], &from)),
		"{\"env\":{\"A\":\"1\",\"B\":\"x\"},\"options\":[1,\"a\"],\"port\":7,\"ro\":true,"
		"\"server\":\"a\"}");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_kind, reset),
		cmocka_unit_test_teardown(test_bad_kinds, reset),
		cmocka_unit_test_teardown(test_args, reset),
		cmocka_unit_test_teardown(test_bad_args, reset),
		cmocka_unit_test_teardown(test_attrs, reset),
		cmocka_unit_test_teardown(test_table, reset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

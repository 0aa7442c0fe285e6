/* Inputs, records and members: there and back, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "planner/facts.h"

static void
test_inputs(void **state)
{
	struct arena a = {0};
	struct attrs in = {0}, other = {0}, back = {0};
	const char *json;

	(void)state;
	attrs_add(&a, &in, "port", "8000");
	attrs_add(&a, &in, "args.x", "a \"b\"\n\\");
	attrs_add_secret(&a, &in, "api_key", "m4c");
	json = inputs_write(&a, &in);
	assert_string_equal(json, "{\"api_key\":{\"mac\":\"m4c\"},\"args.x\":\"a \\\"b\\\"\\n\\\\\","
			    "\"port\":\"8000\"}");
	/* Canonical: the order of adding makes no difference. */
	attrs_add_secret(&a, &other, "api_key", "m4c");
	attrs_add(&a, &other, "args.x", "a \"b\"\n\\");
	attrs_add(&a, &other, "port", "8000");
	assert_string_equal(inputs_write(&a, &other), json);
	assert_true(inputs_read(&a, json, strlen(json), &back));
	assert_int_equal(back.n, 3);
	assert_true(attrs_get(&back, "api_key")->secret);
	assert_string_equal(attrs_value(&back, "args.x", ""), "a \"b\"\n\\");
	arena_release(&a);
}

static void
test_bad_inputs(void **state)
{
	static const char *const bad[] = {"", "{", "[]", "3", "{\"a\":1}", "{\"a\":{}}",
		"{\"a\":\"x\",\"a\":\"y\"}", "{\"a\":\"\xff\"}"};
	struct arena a = {0};

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct attrs attrs = {0};

		assert_false(inputs_read(&a, bad[i], strlen(bad[i]), &attrs));
	}
	arena_release(&a);
}

static void
test_not_utf8(void **state)
{
	struct arena a = {0};
	struct attrs in = {0}, back = {0};
	const char *json;

	(void)state;
	attrs_add(&a, &in, "env.X", "caf\xe9");
	json = inputs_write(&a, &in);
	assert_true(inputs_read(&a, json, strlen(json), &back));
	assert_string_equal(attrs_value(&back, "env.X", ""), "caf\xc3\xa9");
	arena_release(&a);
}

static void
test_record(void **state)
{
	struct arena a = {0};
	struct record r = {.step = "worker[b]", .node = "b", .kind = "worker", .phase = "done",
		.apply_id = "17", .at = "2026-11-22T10:00:00Z", .instance = "c2"}, *back;
	const char *json;

	(void)state;
	attrs_add(&a, &r.inputs, "image", "v:1");
	attrs_add(&a, &r.bound, "head[a]", "c1");
	attrs_add(&a, &r.down, "name", "dray-x-worker");
	json = record_write(&a, &r);
	assert_null(strchr(json, '\n'));
	back = record_read(&a, json, strlen(json));
	assert_non_null(back);
	assert_string_equal(back->step, "worker[b]");
	assert_string_equal(back->node, "b");
	assert_string_equal(back->phase, "done");
	assert_string_equal(back->instance, "c2");
	assert_null(back->output);
	assert_string_equal(attrs_value(&back->bound, "head[a]", ""), "c1");
	assert_string_equal(attrs_value(&back->down, "name", ""), "dray-x-worker");
	assert_string_equal(record_write(&a, back), json);
	assert_null(record_read(&a, "{}", 2));
	assert_null(record_read(&a, "{\"step\":\"x\",\"phase\":\"maybe\"}", 28));
	assert_null(record_read(&a, json, strlen(json) - 1));
	arena_release(&a);
}

/* A record as the first release writes it must be read by all later ones. */
static void
test_old_record(void **state)
{
	static const char json[] = "{\"v\":1,\"step\":\"serve\",\"node\":\"a\",\"kind\":\"serve\","
		"\"phase\":\"done\",\"apply_id\":\"x\",\"at\":\"2026-11-22T10:00:00Z\","
		"\"instance\":\"u1\",\"inputs\":{\"port\":\"8000\",\"api_key\":{\"mac\":\"ff\"}},"
		"\"bound\":{\"head[a]\":\"c1\"},\"down\":{},\"later\":[1,2]}";
	struct arena a = {0};
	struct record *r = record_read(&a, json, sizeof json - 1);

	(void)state;
	assert_non_null(r);
	assert_string_equal(attrs_value(&r->inputs, "port", ""), "8000");
	assert_true(attrs_get(&r->inputs, "api_key")->secret);
	arena_release(&a);
}

static struct model *
model_of(struct arena *a, size_t n, const char *const *host, struct spec_node *spec)
{
	struct model *m = ar_new(a, struct model);

	*m = (struct model){.cluster = "x", .node = ar_array(a, struct node, n), .nnode = n,
		.capnode = n, .nspec = n};
	for (size_t i = 0; i < n; i++) {
		spec[i] = (struct spec_node){.ssh = {.user.text = "ubuntu",
			.port = {.value = 2222, .set = true}}};
		m->node[i] = (struct node){.name = arena_printf(a, "n%zu", i), .host = host[i],
			.executor = "ssh", .spec = &spec[i], .rank = i,
			.facts = ar_new(a, struct facts)};
		m->node[i].facts->machine_id = arena_printf(a, "id-%s", host[i]);
	}
	return m;
}

static void
test_members(void **state)
{
	struct arena a = {0};
	struct spec_node spec[8];
	const char *json;
	struct model *m = model_of(&a, 3, (const char *[]){"h0", "h1", "h2"}, spec);

	(void)state;
	json = members_write(&a, m, "17");
	/* The same spec: nobody is new. */
	members_merge(&a, m, json, strlen(json));
	assert_int_equal(m->nnode, 3);
	/* h2 left. */
	m = model_of(&a, 2, (const char *[]){"h0", "h1"}, spec);
	members_merge(&a, m, json, strlen(json));
	assert_int_equal(m->nnode, 3);
	assert_int_equal(m->nspec, 2);
	assert_string_equal(m->node[2].name, "n2");
	assert_null(m->node[2].spec);
	assert_string_equal(m->node[2].member->ssh.user.text, "ubuntu");
	assert_true(m->node[2].member->ssh.port.value == 2222);
	/* Said again by another node: once is enough. */
	members_merge(&a, m, json, strlen(json));
	assert_int_equal(m->nnode, 3);
	/* Still a member until it is clean. */
	assert_non_null(strstr(members_write(&a, m, "18"), "\"n2\""));
	m->node[2].forget = true;
	assert_null(strstr(members_write(&a, m, "18"), "\"n2\""));
	arena_release(&a);
}

/* The name n1 went to another machine; the old one must still be cleaned. */
static void
test_moved_name(void **state)
{
	struct arena a = {0};
	struct spec_node spec[8];
	struct model *m = model_of(&a, 2, (const char *[]){"h0", "h1"}, spec);
	const char *json = members_write(&a, m, "17");

	(void)state;
	m = model_of(&a, 2, (const char *[]){"h0", "h9"}, spec);
	members_merge(&a, m, json, strlen(json));
	assert_int_equal(m->nnode, 3);
	assert_string_equal(m->node[2].name, "n1@h1");
	/* The same machine by another address is no other machine. */
	m = model_of(&a, 2, (const char *[]){"h0", "h9"}, spec);
	m->node[1].facts->machine_id = "id-h1";
	members_merge(&a, m, json, strlen(json));
	assert_int_equal(m->nnode, 2);
	/* A host that was installed anew has nothing of the old one to clean. */
	m = model_of(&a, 2, (const char *[]){"h0", "h1"}, spec);
	m->node[1].facts->machine_id = "id-new";
	members_merge(&a, m, json, strlen(json));
	assert_int_equal(m->nnode, 2);
	arena_release(&a);
}

/* Rented hosts stand behind one address, each with a port of its own, and perhaps of one
 * disk: the one that left is still somebody. */
static void
test_one_host(void **state)
{
	static const char *const all[] = {"gw", "gw", "gw"};
	struct arena a = {0};

	(void)state;
	for (int cloned = 0; cloned < 2; cloned++) {
		struct spec_node spec[3];
		struct model *m = model_of(&a, 3, all, spec);
		const char *json = NULL;

		for (int n = 3; n > 1; n--) {
			m = model_of(&a, (size_t)n, all, spec);
			for (int i = 0; i < n; i++) {
				spec[i].ssh.port.value = 2201 + i;
				if (!cloned)
					m->node[i].facts->machine_id = arena_printf(&a, "id-%d", i);
			}
			if (n == 3)
				json = members_write(&a, m, "17");
		}
		members_merge(&a, m, json, strlen(json));
		assert_int_equal(m->nnode, 3);
		assert_string_equal(m->node[2].name, "n2");
		assert_true(m->node[2].member->ssh.port.value == 2203);
		/* Another port and name, but the machine is known by its id, if that is one. */
		m = model_of(&a, 1, all, spec);
		spec[0].ssh.port.value = 2299;
		m->node[0].name = "new";
		m->node[0].facts->machine_id = cloned ? "id-gw" : "id-1";
		members_merge(&a, m, json, strlen(json));
		assert_int_equal(m->nnode, cloned ? 4 : 3);
	}
	arena_release(&a);
}

/* A node that left is reached by its Lua file with the labels that it had; which file
 * that is, is not for a node to say. */
static void
test_lua_members(void **state)
{
	static const struct pair label = {.key.text = "namespace", .value.text = "ml"};
	static const struct { const char *executor; bool taken; } cases[] = {
		{"ways/pod.lua", true}, {"pod.lua", true}, {"a..b/pod..x.lua", true},
		{"/tmp/pod.lua", false}, {"../pod.lua", false}, {"ways/../../pod.lua", false},
		{"../same.lua", true}, {"ways//pod.lua", false}};
	struct arena a = {0};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct spec_node spec[2];
		struct model *m = model_of(&a, 2, (const char *[]){"h0", "h1"}, spec);
		const char *json;

		m->node[1].executor = cases[i].executor;
		spec[1].labels.v = (struct pair *)(uintptr_t)&label;
		spec[1].labels.n = 1;
		json = members_write(&a, m, "17");
		m = model_of(&a, 1, (const char *[]){"h0"}, spec);
		m->node[0].executor = "../same.lua";
		m->folder = "specs";
		members_merge(&a, m, json, strlen(json));
		assert_int_equal(m->nnode, cases[i].taken ? 2 : 1);
		if (!cases[i].taken)
			continue;
		assert_string_equal(m->node[1].executor, cases[i].executor);
		assert_string_equal(m->node[1].folder, "specs");
		assert_int_equal(m->node[1].member->labels.n, 1);
		assert_string_equal(m->node[1].member->labels.v[0].value.text, "ml");
		/* It is still a member, labels and all, with the next apply. */
		assert_non_null(strstr(members_write(&a, m, "18"), "\"namespace\":\"ml\""));
	}
	arena_release(&a);
}

static void
test_bad_members(void **state)
{
	static const char *const bad[] = {"", "{", "[]", "{\"nodes\":[]}",
		"{\"cluster\":\"other\",\"nodes\":[{\"name\":\"z\",\"host\":\"hz\"}]}",
		"{\"cluster\":\"x\",\"nodes\":{}}", "{\"cluster\":\"x\",\"nodes\":[1,null,{}]}",
		"{\"cluster\":\"x\",\"nodes\":[{\"name\":\"z\"},{\"host\":\"z\"}]}",
		"{\"cluster\":\"x\",\"nodes\":[{\"name\":\"z\",\"host\":\"-oProxyCommand=x\"}]}",
		"{\"cluster\":\"x\",\"nodes\":[{\"name\":\"\",\"host\":\"\"}]}"};
	struct arena a = {0};
	struct spec_node spec[2];
	struct model *m = model_of(&a, 1, (const char *[]){"h0"}, spec);

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		members_merge(&a, m, bad[i], strlen(bad[i]));
	assert_int_equal(m->nnode, 1);
	arena_release(&a);
}

/* Thousands of upstreams: sorted all the same, and the last of equal names stays. */
static void
test_long_list(void **state)
{
	struct arena a = {0};
	struct attrs list = {0};

	(void)state;
	for (unsigned i = 0; i < 5000; i++)
		attrs_addf(&a, &list, arena_printf(&a, "n%u", i * 7919 % 1999), "%u", i);
	attrs_sort(&list);
	assert_int_equal(list.n, 1999);
	for (size_t i = 1; i < list.n; i++)
		assert_true(strcmp(list.v[i - 1].name, list.v[i].name) < 0);
	for (unsigned i = 5000 - 1999; i < 5000; i++)
		assert_string_equal(attrs_value(&list, arena_printf(&a, "n%u", i * 7919 % 1999), "-"),
				    arena_printf(&a, "%u", i));
	arena_release(&a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_long_list), cmocka_unit_test(test_inputs), cmocka_unit_test(test_bad_inputs),
		cmocka_unit_test(test_not_utf8), cmocka_unit_test(test_record),
		cmocka_unit_test(test_old_record), cmocka_unit_test(test_members),
		cmocka_unit_test(test_moved_name), cmocka_unit_test(test_one_host),
		cmocka_unit_test(test_lua_members),
		cmocka_unit_test(test_bad_members),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The spec's keys for extensions: nodes that a program lists, free maps as data. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "planner/base/vec.h"
#include "planner/spec/spec.h"
#include "planner/base/value.h"
#include "planner/spec/yaml.h"

static struct arena arena;
static struct diags diags;
static struct source source, lua;
static size_t asked;

static int
reset(void **state)
{
	(void)state;
	arena_release(&arena);
	arena = (struct arena){0};
	asked = 0;
	return 0;
}

/* The values of a program have no bytes in its file. */
static void
forget_bytes(struct tree *t)
{
	if (t)
		t->from = t->to = 0;
	for (size_t i = 0; t && i < t->n; i++)
		forget_bytes(t->item[i]);
}

/* Here the output of the program is written as YAML; its places are those of a Lua file. */
static struct tree *
inventory(void *arg, struct arena *a, const struct spec *s, struct diags *d)
{
	struct tree *t;

	(void)a;
	asked++;
	assert_string_equal(s->inventory.text, "inventory.lua");
	lua = (struct source){"inventory.lua", arg, strlen(arg)};
	t = tree_read(&arena, &lua, d);
	forget_bytes(t);
	return t;
}

static const char *
environment(const char *name)
{
	return strcmp(name, "WHO") == 0 ? "me" : NULL;
}

/* Read a spec with errors, which go to `diags`; returns the rest. */
static struct spec *
read_any(const char *text, const char *nodes)
{
	struct spec_world world = {.env = environment, .inventory = nodes ? inventory : NULL,
		.arg = nodes ? arena_strdup(&arena, nodes) : NULL};

	diags = (struct diags){.arena = &arena};
	source = (struct source){"t.yaml", text, strlen(text)};
	return spec_read_in(&arena, &source, &world, &diags);
}

static struct spec *
read_text(const char *text, const char *nodes)
{
	struct spec *s = read_any(text, nodes);

	return diags.nerror ? NULL : s;
}

static struct spec *
read_nodes(const char *nodes)
{
	return read_text("cluster: c\nnodes: {lua: inventory.lua, config: {n: 2, who: \"${env:WHO}\"}}\n"
			 "shared_dir: /srv\nmodel: {repo: o/m}\nssh: {user: u}\n"
			 "parallelism: {tensor: 1, pipeline: 2}\nengine: {image: 'i:1'}\n", nodes);
}

static bool
complains(const char *words, const char *file, unsigned line)
{
	for (size_t i = 0; i < diags.n; i++)
		if (strstr(diags.v[i].text, words) && diags.v[i].at.line == line &&
		    strcmp(diags.v[i].at.src->name, file) == 0)
			return true;
	return false;
}

static void
test_inventory(void **state)
{
	const struct spec *s = read_nodes("- {host: 192.0.2.1, gpus: 8, labels: {zone: \"${zone}\"}}\n"
					  "- pod-2\n- {name: p3, executor: x/pod.lua}\n"
					  "- {host: h4, ssh: {user: other}}\n");

	(void)state;
	assert_non_null(s);
	assert_int_equal(asked, 1);
	assert_int_equal(s->nnode, 4);
	assert_string_equal(s->node[0].host.text, "192.0.2.1");
	assert_int_equal(s->node[0].gpus.value, 8);
	assert_string_equal(s->node[0].labels.v[0].value.text, "${zone}");
	assert_string_equal(s->node[0].ssh.user.text, "u");
	assert_string_equal(s->node[1].name.text, "pod-2");
	/* A node that a Lua file reaches needs no host. */
	assert_string_equal(s->node[2].host.text, "p3");
	assert_string_equal(s->node[2].executor.text, "x/pod.lua");
	assert_string_equal(s->node[3].ssh.user.text, "other");
	assert_string_equal(value_write(&arena, spec_value(&arena, s->inventory_config)),
			    "{\"n\":2,\"who\":\"me\"}");
}

/* Output of a program is not expanded: no environment, no ranges. */
static void
test_inventory_mistakes(void **state)
{
	(void)state;
	assert_null(read_nodes("- {host: \"${env:WHO}\"}\n- \"gpu-[1-900]\"\n- {host: h, gpus: many}\n"
			       "- {name: lost}\n- {hst: h}\n- [h]\n- {host: h, executor: kubectl}\n"));
	assert_true(complains("'host' must be an address", "inventory.lua", 1));
	assert_true(complains("'host' must be an address", "inventory.lua", 2));
	assert_true(complains("'gpus' must be a whole number", "inventory.lua", 3));
	assert_true(complains("'host' is missing in this node", "inventory.lua", 4));
	assert_true(complains("unknown key 'hst'", "inventory.lua", 5));
	assert_true(complains("a node must be a host or a map, not a list", "inventory.lua", 6));
	assert_true(complains("'executor' must be ssh, openssh, auto, local or a Lua file", "inventory.lua", 7));
	assert_null(read_nodes("[]"));
	assert_true(complains("'nodes' is empty", "inventory.lua", 1));
	assert_null(read_nodes("{host: h}"));
	assert_true(complains("'nodes' must be a list", "inventory.lua", 1));
	/* Checks of whole specs point there, too. */
	assert_null(read_nodes("- h1\n- {host: h2}\n- {host: h1}\n"));
	assert_true(complains("h1", "inventory.lua", 3));
}

/* The program is called if that is possible and its arguments are right. */
static void
test_inventory_not_asked(void **state)
{
	static const char *const wrong[] = {
		"nodes: {lua: inventory.lua, confg: {a: b}}\n",
		"nodes: {lua: inventory.lua, config: [a]}\n",
		"nodes: {lua: inventory.lua, config: {a: [\"${nobody}\"]}}\n",
		"vars: {who: \"${nobody}\"}\nnodes: {lua: inventory.lua, config: {a: \"${who}\"}}\n",
		"nodes: {lua: inventory.py}\n",
	};

	(void)state;
	assert_null(read_nodes(NULL));
	assert_int_equal(diags.nerror, 1);
	assert_true(complains("the nodes come from 'inventory.lua', which cannot be asked here",
			      "t.yaml", 2));
	for (size_t i = 0; i < countof(wrong); i++) {
		assert_null(read_text(wrong[i], "[h]"));
		assert_int_equal(asked, 0);
	}
	assert_null(read_text("nodes: {config: {}}\n", "[h]"));
	assert_true(complains("'lua' is missing in 'nodes'", "t.yaml", 1));
	assert_null(read_text("cluster: c\nnodes: {lua: inventory.lua}\nshared_dir: relative\n", "[[]]"));
	assert_int_equal(asked, 1);
	assert_true(complains("'shared_dir' must be", "t.yaml", 3));
	assert_true(complains("a node must be a host or a map, not a list", "inventory.lua", 1));
}

/* Another part of the spec may name what is wrong. */
static void
test_what_is_lost(void **state)
{
	static const struct { const char *text; bool kinds, nodes; } cases[] = {
		{"cluster: c\n", false, false},
		{"clustre: c\n", false, false},
		{"plugins: [a.lua]\n", true, false},
		{"kidns: [a.lua]\n", false, false},
		{"clustre: c\nkinds: [a.lua]\n", false, false},
		{"kinds:\n", false, false},
		{"kinds: [a.lua, b.py]\n", true, false},
		{"kinds: a.lua\n", true, false},
		{"nodes: [a, {host: b, gpus: many}, {name: c, hst: c}]\n", false, false},
		{"nodes: [a, 'b b']\n", false, true},
		{"nodes: ['b b', a]\n", false, true},
		{"nodes: [a, [b]]\n", false, true},
		{"nodes: [a, 'b[1-']\n", false, true},
		{"nodes: [a, {host: b, name: [c]}]\n", false, true},
		{"nodes: [a, {gpus: 1}]\n", false, true},
	};

	(void)state;
	for (size_t i = 0; i < countof(cases); i++) {
		const struct spec *s = read_any(cases[i].text, NULL);

		assert_non_null(s);
		if (s->kinds_lost != cases[i].kinds || s->nodes_lost != cases[i].nodes)
			fail_msg("%s", cases[i].text);
	}
	/* If it is not a map, it has no parts that are right. */
	assert_null(read_any("- a\n", NULL));
	assert_null(read_any("a: [\n", NULL));
}

/* A value that looks like a secret is not shown, although its place is not known. */
static void
test_inventory_hides(void **state)
{
	char *text = NULL;
	size_t n = 0;
	FILE *to = open_memstream(&text, &n);

	(void)state;
	assert_null(read_nodes("- {host: h, gpus: x, env: {API_TOKEN: poison}}\n"));
	assert_int_equal(diag_print(&diags, to, false), 1);
	fclose(to);
	assert_non_null(strstr(text, "'gpus' must be"));
	assert_non_null(strstr(text, "inventory.lua:1:"));
	if (strstr(text, "poison"))
		fail_msg("%s", text);
	free(text);
}

static void
test_values(void **state)
{
	const struct spec *s = read_text(
		"cluster: c\nnodes: [a]\nshared_dir: /srv\nmodel: {repo: o/m}\nvars: {n: 7}\n"
		"parallelism: {tensor: 1}\nengine: {image: 'i:1'}\n"
		"hooks:\n  - file: a.lua\n    config:\n"
		"      whole: 12\n      minus: -3\n      decimal: 1.50\n      zeros: 010\n"
		"      version: 1.2.3\n      quoted: '12'\n      yes: yes\n      true: true\n"
		"      quoted_true: \"true\"\n      none: null\n      tilde: ~\n      empty:\n"
		"      blank: ''\n      var: ${n}\n      text: n${n}\n      plain: $${n}\n"
		"      list: [1, [a], {b: false}]\n      big: 123456789012345678901234567890\n"
		"      dash: '-'\n      exp: 1e5\n  - {file: b.lua}\n", NULL);

	(void)state;
	assert_non_null(s);
	assert_string_equal(value_write(&arena, spec_value(&arena, s->hooks.v[0].config)),
		"{\"big\":\"123456789012345678901234567890\",\"blank\":\"\",\"dash\":\"-\",\"decimal\":1.5,"
		"\"exp\":\"1e5\",\"list\":[1,[\"a\"],{\"b\":false}],\"minus\":-3,\"plain\":\"${n}\","
		"\"quoted\":\"12\",\"quoted_true\":\"true\",\"text\":\"n7\",\"true\":true,\"var\":7,"
		"\"version\":\"1.2.3\",\"whole\":12,\"yes\":\"yes\",\"zeros\":\"010\"}");
	assert_null(s->hooks.v[1].config);
	assert_int_equal(spec_value(&arena, NULL)->type, VALUE_NIL);
	assert_int_equal(s->hooks.v[0].timeout.value, 30);
	assert_string_equal(s->hooks.v[0].on_error.text, "fail");
}

static void
test_deep_values(void **state)
{
	const char *deep = "x";

	(void)state;
	for (int i = 0; i < VALUE_MAX_DEPTH; i++)
		deep = arena_printf(&arena, "[%s]", deep);
	assert_null(read_text(arena_printf(&arena, "hooks: [{file: a.lua, config: {a: %s}}]\n", deep),
			      NULL));
	assert_true(complains("nested more than 32 levels deep", "t.yaml", 1));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_inventory, reset),
		cmocka_unit_test_teardown(test_inventory_mistakes, reset),
		cmocka_unit_test_teardown(test_inventory_not_asked, reset),
		cmocka_unit_test_teardown(test_what_is_lost, reset),
		cmocka_unit_test_teardown(test_inventory_hides, reset),
		cmocka_unit_test_teardown(test_values, reset),
		cmocka_unit_test_teardown(test_deep_values, reset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

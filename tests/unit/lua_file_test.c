/* Executors that are Lua files: the text that was read with the spec is used for the whole
 * run. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "executors/program/lua_file.h"
#include "executors/script/modules.h"
#include "planner/custom/compile.h"

static const char text[] = "cluster: x\nnodes: [{name: a, executor: way.lua, gpus: 1}]\n"
	"left: [{name: b, executor: way.lua}, {name: c, executor: other.lua}]\nshared_dir: /s\n"
	"model: {path: /m}\nparallelism: {tensor: 1}\nengine: {image: 'x:1'}\n";

static void
write_way(struct arena *a, const char *folder, const char *name, const char *program)
{
	FILE *f = fopen(arena_printf(a, "%s/%s", folder, name), "we");

	assert_non_null(f);
	fprintf(f, "return {connect = function(node) return {'%s', node.name} end}\n", program);
	assert_int_equal(fclose(f), 0);
}

static void
test_held(void **state)
{
	char folder[] = "/tmp/dray-way-XXXXXX";
	struct arena a = {0};
	struct diags d = {.arena = &a};
	struct source src = {.text = text, .len = sizeof text - 1};
	struct modules *modules;
	struct spec *spec;
	struct cluster *c;
	struct err e = {0};

	(void)state;
	assert_non_null(mkdtemp(folder));
	src.name = arena_printf(&a, "%s/cluster.yaml", folder);
	write_way(&a, folder, "way.lua", "old");
	write_way(&a, folder, "other.lua", "other");
	spec = spec_read(&a, &src, NULL, &d);
	assert_non_null(spec);
	modules = modules_load(&a, spec, &d);
	c = cluster_compile(&a, spec, &d);
	assert_int_equal(d.nerror, 0);
	/* The files of nodes that left are part of a saved plan, too. */
	assert_int_equal(spec->files.n, 2);
	write_way(&a, folder, "way.lua", "new");
	assert_int_equal(unlink(arena_printf(&a, "%s/other.lua", folder)), 0);
	assert_int_equal(c->nnode, 3);
	for (size_t i = 0; i < c->nnode; i++) {
		const struct node *n = &c->node[i];
		const char *const *argv = lua_connect(&a, c->folder, n->executor, n, &e);

		assert_non_null(argv);
		assert_string_equal(argv[0], i < 2 ? "old" : "other");
		assert_string_equal(argv[1], n->name);
	}
	modules_free(modules);
	unlink(arena_printf(&a, "%s/way.lua", folder));
	rmdir(folder);
	arena_release(&a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_held)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * Rows of limits.def that no file in tests/tasks shows: what happens at each side of the limit, or
 * which deadline a task gets. tests/mutants.sh changes the rows and runs this.
 */
#include "tests/unit/kinds_by_hand.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "executors/io/carry.h"
#include "executors/program/openssh.h"
#include "planner/steps/prune.h"

static void
test_looks(void **state)
{
	struct prune nothing = {0};
	struct task t = {0};

	(void)state;
	build(NULL, NULL, NULL);
	observe_task(&arena, model, &model->node[0], false, &t);
	assert_int_equal(t.timeout_s, 30);
	observe_task(&arena, model, &model->node[0], true, &t);
	assert_int_equal(t.timeout_s, 6 * 60 * 60);
	for (enum prune_act act = PRUNE_NAMES; act <= PRUNE_REMOVE; act++) {
		prune_task(&arena, model, &model->node[0], act, &nothing, &t);
		assert_int_equal(t.timeout_s, 600);
	}
}

static void
test_image_room(void **state)
{
	(void)state;
	build(NULL, "disk\timage\t/var/lib/docker\text4\t900000000\t31457279\tyes\n",
	      "disk\timage\t/var/lib/docker\text4\t900000000\t31457280\tyes\n");
	assert_int_equal(problems.n, 1);
	assert_true(told(DIAG_WARNING, "'/var/lib/docker', where Docker keeps images, has"));
}

static void
test_persist(void **state)
{
	struct spec_node spec = {0};
	struct node node = {.name = "n1", .host = "192.0.2.1", .spec = &spec};
	const char *const *argv;
	struct err e = {0};
	bool found = false;

	(void)state;
	argv = openssh_login(&arena, &node, "/tmp/socket", 10, &e);
	assert_non_null(argv);
	for (; *argv; argv++)
		found |= strstr(*argv, "ControlPersist=30") != NULL;
	assert_true(found);
}

/* An ssh that hangs when it is asked for the configuration. */
static void
test_printed(void **state)
{
	char folder[] = "/tmp/edges_test.XXXXXX", path[64];
	struct spec_node spec = {0};
	struct node node = {.name = "n1", .host = "192.0.2.1", .spec = &spec};
	struct err e = {0};
	FILE *f;

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof path, "%s/ssh", folder);
	f = fopen(path, "we");
	assert_non_null(f);
	fputs("#!/bin/sh\nexec sleep 600\n", f);
	fclose(f);
	assert_int_equal(chmod(path, 0700), 0);
	setenv("PATH", arena_printf(&arena, "%s:%s", folder, getenv("PATH")), 1);
	assert_null(openssh_printed(&arena, &node, &e));
	assert_non_null(strstr(e.text, "within 3 s"));
	unlink(path);
	rmdir(folder);
}

/* How many errors there are with that many files of so many bytes each. */
static size_t
carried(size_t n, size_t bytes)
{
	char path[] = "/tmp/edges_test.XXXXXX";
	const char *text = base_spec;
	struct spec *spec;
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, (off_t)bytes), 0);
	close(fd);
	text = arena_printf(&arena, "%sengine: {image: 'vllm/vllm-openai:v0.17.1'}\nserve: {name: tiny}\nfiles:\n", text);
	for (size_t i = 0; i < n; i++)
		text = arena_printf(&arena, "%s  - {from: %s, as: f%zu}\n", text, path, i);
	again();
	source = (struct source){.name = "t.yaml", .text = text, .len = strlen(text)};
	spec = spec_read(&arena, &source, NULL, &problems);
	if (spec && problems.nerror == 0)
		carry_load(&arena, spec, &problems);
	unlink(path);
	return problems.nerror;
}

static void
test_carried(void **state)
{
	(void)state;
	assert_int_equal(carried(32, 1), 0);
	assert_int_equal(carried(33, 1), 1);
	assert_true(told(DIAG_ERROR, "33 files are more than the 32"));
	assert_int_equal(carried(1, 1048576), 0);
	assert_int_equal(carried(1, 1048577), 1);
	assert_true(told(DIAG_ERROR, "it has 1048577 bytes"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_looks, reset),
		cmocka_unit_test_setup(test_image_room, reset),
		cmocka_unit_test_setup(test_persist, reset),
		cmocka_unit_test_setup(test_printed, reset),
		cmocka_unit_test_setup(test_carried, reset),
	};
	int rc = cmocka_run_group_tests(tests, NULL, NULL);

	arena_release(&arena);
	return rc;
}

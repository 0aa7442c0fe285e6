/* Accelerators: which GPUs a list selects, who uses their memory, and what is wrong with
 * them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "planner/accelerators/accelerator.h"
#include "planner/base/vec.h"
#include "planner/facts/facts.h"

static struct arena arena;

static int
reset(void **state)
{
	(void)state;
	arena_release(&arena);
	arena = (struct arena){0};
	return 0;
}

static const struct gpus *
gpus_of(const char *text)
{
	return &facts_read(&arena, text, strlen(text))->gpu;
}

static const char four[] =
	"gpu\t0\tGPU-aa\tH100\t81559\t0\t575.1\ngpu\t1\tGPU-ab\tH100\t40960\t0\t575.1\n"
	"gpu\t2\tGPU-b0\tH100\t81559\t0\t575.1\ngpu\t3\tGPU-c0\tH100\t81559\t0\t575.1\n"
	"gpuproc\t7\t100\tbob\tpython\tGPU-b0\ngpuproc\t8\t100\tbob\tpython\n";

/* Every row must answer: a maker that dray serves on says how its GPUs are handed out. */
static void
test_registry(void **state)
{
	static const struct gpus none;

	(void)state;
	for (size_t i = 0; accelerators[i]; i++) {
		const struct accelerator *x = accelerators[i];

		assert_ptr_equal(accelerator_find(x->name), x);
		assert_true(*x->maker && *x->tool && *x->visible && x->reads[0].name);
		if (x->docker)
			assert_true(x->docker[0] && x->cdi && x->toolkit && x->docker_setup &&
				    x->podman_setup && x->faults);
	}
	assert_null(accelerator_find("none"));
	assert_ptr_equal(accelerator_of(&none), accelerators[0]);
	assert_string_equal(accelerator_of(gpus_of("raw\trocm-smi\t{\"card0\": {}}\n"))->maker, "AMD");
}

static void
test_visible(void **state)
{
	static const struct { const char *list; size_t n, users; } cases[] = {
		{"0,2", 2, 2}, {" 3 , 1", 2, 1}, {"GPU-b", 1, 2}, {"GPU-a", 2, 1}, {"", 0, 1},
		{"9", 0, 1}, {"0,0", 1, 1}, {"MIG-1", 4, 2}, {"1x", 0, 1}};
	const struct gpus *all = gpus_of(four);

	(void)state;
	assert_int_equal(all->n, 4);
	for (size_t i = 0; i < countof(cases); i++) {
		struct gpus seen = gpus_visible(&arena, all, cases[i].list);

		if (seen.n != cases[i].n || seen.user.n != cases[i].users)
			fail_msg("'%s': %zu GPUs, %zu users", cases[i].list, seen.n, seen.user.n);
	}
	assert_int_equal(gpus_visible(&arena, all, "2").v[0].index, 2);
	assert_int_equal(all->n, 4);
}

static void
test_memory(void **state)
{
	const struct gpus *unified = gpus_of("gpu\t0\tU\tNVIDIA GB10\t[N/A]\t[N/A]\t580\n");

	(void)state;
	assert_true(gpus_memory(gpus_of(four), 1) == 40960.0 * 1024 * 1024);
	assert_true(gpus_memory(unified, 1000) == 1000.0 * 1024);
	assert_true(gpus_memory(unified, -1) == 0);
	assert_true(gpus_memory(gpus_of("gpu\t0\tU\tH100\t[Unknown Error]\t0\t580\n"), 1000) == 0);
	assert_true(gpus_memory(gpus_of(""), 1000) == 0);
	assert_true(gpus_memory(gpus_of("raw\trocm-smi\t{\"card0\": {}}\n"), 1000) == 0);
}

/* The output of the maker's own tool counts, whatever the order of the lines. */
static void
test_told_twice(void **state)
{
	static const char line[] = "gpu\t0\tGPU-a\tH100\t81559\t3\t575.1\n",
		raw[] = "raw\tnvidia-gpu\tindex, uuid, name, pci.bus_id\\n0, GPU-a, H100, 0:1\\n\n";
	const struct gpus *before = gpus_of(arena_printf(&arena, "%s%s", line, raw)),
		*behind = gpus_of(arena_printf(&arena, "%s%s", raw, line));

	(void)state;
	assert_int_equal(before->n, 1);
	assert_int_equal(behind->n, 1);
	assert_string_equal(before->v[0].pci, "0:1");
	assert_string_equal(behind->v[0].pci, "0:1");
	assert_int_equal(gpus_of(arena_printf(&arena, "%sraw\tnvidia-gpu\trubbish\n", line))->n, 1);
}

static void
test_faults(void **state)
{
	const struct gpus *all = gpus_of(
		"gpu\t0\tGPU-a\tH100\t[GPU requires reset]\t0\t575.1\n"
		"gpu\t1\tGPU-b\tH100\t81559\t0\t575.1\tEnabled\n"
		"gpuproc\t7\t100\t-\t-\nfabricmanager\tfailed\n");
	struct gpu_faults f = gpus_faults(&arena, all);

	(void)state;
	assert_int_equal(f.n, 4);
	assert_int_equal(f.v[0].kind, FAULT_BROKEN);
	assert_ptr_equal(f.v[0].gpu, &all->v[0]);
	assert_string_equal(f.v[0].text, "GPU 0: the driver says [GPU requires reset]");
	assert_int_equal(f.v[1].kind, FAULT_CUT_UP);
	assert_int_equal(f.v[2].kind, FAULT_BUSY);
	assert_null(f.v[2].gpu);
	assert_string_equal(f.v[2].text, "GPU memory is held by pid 7 of user '-' (100 MiB): -");
	assert_int_equal(f.v[3].kind, FAULT_OTHER);
	assert_int_equal(gpus_faults(&arena, gpus_of(four)).n, 2);
	assert_int_equal(gpus_faults(&arena, gpus_of("raw\trocm-smi\t{\"card0\": {}}\n"
						     "gpuproc\t7\t100\tbob\tx\n")).n, 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_registry, reset),
		cmocka_unit_test_teardown(test_visible, reset),
		cmocka_unit_test_teardown(test_memory, reset),
		cmocka_unit_test_teardown(test_told_twice, reset),
		cmocka_unit_test_teardown(test_faults, reset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

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

/* Every row must answer. A maker that dray serves on says how a container gets its GPUs. */
static void
test_registry(void **state)
{
	static const struct gpus none;

	(void)state;
	for (size_t i = 0; accelerators[i]; i++) {
		const struct accelerator *x = accelerators[i];

		assert_ptr_equal(accelerator_find(x->name), x);
		assert_true(*x->maker && *x->tool && *x->visible && x->reads[0].name);
		assert_true(x->docker[0] && x->cdi && x->absent && x->absent_hint);
		if (x->toolkit)
			assert_true(x->docker_setup && x->podman_setup);
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
	/* What the driver keeps: what it says, or the usual amount, a fiftieth at most. */
	assert_true(gpus_reserved(gpus_of("gpu\t0\tU\tH200\t143771\t0\t580\ngpukept\t0\t500\n")) ==
		    500.0 * 1024 * 1024);
	assert_true(gpus_reserved(gpus_of("gpu\t0\tU\tH200\t143771\t0\t580\ngpukept\tx\t500\n")) ==
		    616.0 * 1024 * 1024);
	assert_true(gpus_reserved(gpus_of("gpu\t0\tU\tL4\t23000\t0\t580\ngpukept\t0\t23000\n")) ==
		    460.0 * 1024 * 1024);
	assert_true(gpus_reserved(unified) == 0);
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

/* Memory of one GPU that is in use: by processes that dray sees, and by others. */
static void
test_held(void **state)
{
	static const char shared[] = "gpu\t0\tU\tNVIDIA GB10\t[N/A]\t[N/A]\t580\n"
		"gpuproc\t7\t1024\tbob\tx\tU\ngpuproc\t8\t2048\tbob\ty\tU\n";
	static const char own[] = "gpu\t0\tA\tH100\t81920\t4096\t580\n"
		"gpu\t1\tB\tH100\t81920\t0\t580\ngpuproc\t7\t1024\tbob\tx\tA\n"
		"gpuproc\t9\t[N/A]\tbob\tx\tB\n";
	static const double MIB = 1024.0 * 1024;
	const struct gpus *all = gpus_of(shared);
	struct gpu_held h = gpu_held_of(all, all->v, 100 << 20, -1, false);

	(void)state;
	assert_true(h.total == 102400 * MIB && h.held == 3072 * MIB && h.users == 2 && !h.others);
	assert_string_equal(h.most->pid, "8");
	h = gpu_held_of(all, all->v, 100 << 20, 60 << 20, false);
	assert_true(h.held == 40960 * MIB && h.others);
	assert_true(gpu_held_of(all, all->v, 100 << 20, 60 << 20, true).held == 3072 * MIB);
	assert_true(gpu_held_of(all, all->v, -1, -1, false).total == 0);
	all = gpus_of(own);
	h = gpu_held_of(all, all->v, 1, 1, false);
	assert_true(h.total == 81920 * MIB && h.held == 4096 * MIB && h.users == 1 && h.others);
	assert_true(gpu_held_of(all, all->v, 1, 1, true).held == 1024 * MIB);
	h = gpu_held_of(all, all->v + 1, 1, 1, false);
	assert_true(h.held == 0 && h.users == 1);
}

static void
test_slices(void **state)
{
	const struct gpus *all = gpus_of("gpu\t0\tGPU-0\tA100\t81920\t87\t580\tEnabled\n"
		"gpu\t1\tGPU-1\tA100\t81920\t0\t580\n"
		"raw\tnvidia-mig\tGPU 0: A100 (UUID: GPU-0)\\n  MIG 3g.40gb     Device  0: (UUID: MIG-a)"
		"\\n  MIG 1g.10gb     Device  1: (UUID: MIG-b)\\n  MIG rubbish\\n"
		"|  0    1   0   0  |     37MiB / 40192MiB  | 42      0 |\n");
	struct gpus seen = gpus_visible(&arena, all, "MIG-a,MIG-b");

	(void)state;
	assert_int_equal(all->slice.n, 2);
	assert_int_equal(seen.n, 1);
	assert_string_equal(seen.v[0].name, "A100 MIG 3g.40gb");
	assert_int_equal(seen.v[0].total_mib, 40192);
	assert_int_equal(seen.v[0].used_mib, 37);
	assert_int_equal(gpus_visible(&arena, all, "MIG-b").v[0].total_mib, 9728);
	assert_int_equal(gpus_visible(&arena, all, "MIG-none").n, 0);
	assert_int_equal(gpus_visible(&arena, all, NULL).n, 2);
	assert_int_equal(gpus_visible(&arena, all, "1").n, 1);
}

/* Releases of AMD's tools: keys in other capitals, sizes as objects, strings or numbers, plain text. */
static void
test_amd(void **state)
{
	static const struct { const char *raw; const char *name, *uuid, *pci; long long total, used; } cases[] = {
		{"rocm-smi\t{\"card0\": {\"Unique ID\": \"0xa\", \"VRAM Total Memory (B)\": \"68702699520\", "
		 "\"VRAM Total Used Memory (B)\": \"10485760\", \"Card series\": \"AMD INSTINCT MI250\", "
		 "\"PCI Bus\": \"0000:C1:00.0\"}}", "AMD INSTINCT MI250", "0xa", "0000:C1:00.0", 65520, 10},
		{"rocm-smi\tWARNING: low power\\n{\"card1\": {\"Device Name\": \"Radeon 8060S\", \"GUID\": \"9\", "
		 "\"VRAM Total Memory (B)\": \"536870912\", \"VRAM Total Used Memory (B)\": \"1048576\", "
		 "\"GTT Total Memory (B)\": \"133143986176\", \"GTT Total Used Memory (B)\": \"2097152\"}}",
		 "Radeon 8060S", "9", "", 126976, 2},
		{"rocm-smi\t=== ROCm System Management Interface ===\\nGPU[0]\\t\\t: Unique ID: 0xb\\n"
		 "GPU[0]\\t\\t: VRAM Total Memory (B): 206141652992\\n"
		 "GPU[0]\\t\\t: VRAM Total Used Memory (B): 297443328\\n"
		 "GPU[0]\\t\\t: Card Series: \\t\\tAMD Instinct MI300X\\nGPU[0]\\t\\t: PCI Bus: 0000:05:00.0",
		 "AMD Instinct MI300X", "0xb", "0000:05:00.0", 196592, 283},
		{"amd-smi\t[{\"gpu\": 0, \"asic\": {\"market_name\": \"MI300A\", \"asic_serial\": \"0xc\"}, "
		 "\"bus\": {\"bdf\": \"0000:05:00.0\"}, \"vram\": {\"vram_size_mb\": 131072}}]",
		 "MI300A", "0xc", "0000:05:00.0", 131072, -1},
		{"amd-smi\t{\"gpu_data\": [{\"gpu\": 0, \"asic\": {\"market_name\": \"MI355X\"}, "
		 "\"vram\": {\"size\": {\"value\": 288, \"unit\": \"GB\"}}}]}", "MI355X", "", "", 294912, -1},
		{"amd-smi\t[{\"gpu\": 0, \"asic\": \"N/A\", \"vram\": {\"size\": \"196592 MB\"}}]", "", "", "", 196592, -1},
		{"amd-smi\tGPU: 0\\n    ASIC:\\n        MARKET_NAME: AMD Instinct MI350X\\n        ASIC_SERIAL: 0xd\\n"
		 "    BUS:\\n        BDF: 0000:05:00.0\\n    VRAM:\\n        TYPE: HBM3E\\n        SIZE: 294896 MB",
		 "AMD Instinct MI350X", "0xd", "0000:05:00.0", 294896, -1},
	};

	(void)state;
	for (size_t i = 0; i < countof(cases); i++) {
		const struct gpus *all = gpus_of(arena_printf(&arena, "raw\t%s\n", cases[i].raw));
		const struct gpu *g = all->v;

		if (all->n != 1)
			fail_msg("case %zu: %zu GPUs", i, all->n);
		assert_string_equal(g->name, cases[i].name);
		assert_string_equal(g->uuid, cases[i].uuid);
		assert_string_equal(g->pci, cases[i].pci);
		if (g->total_mib != cases[i].total || g->used_mib != cases[i].used)
			fail_msg("case %zu: %lld of %lld", i, g->used_mib, g->total_mib);
	}
	/* Both tools describe the same card. */
	assert_int_equal(gpus_of(arena_printf(&arena, "raw\t%s\nraw\t%s\n", cases[6].raw, cases[2].raw))->n, 1);
	assert_int_equal(gpus_of(arena_printf(&arena, "raw\t%s\nraw\t%s\n", cases[6].raw, cases[2].raw))->v[0].used_mib, 283);
	assert_int_equal(gpus_of("raw\trocm-smi\tERROR: no driver\nraw\tamd-smi\tno GPU: 1\n")->n, 0);
	/* From the kernel's files. */
	assert_string_equal(accelerator_of(gpus_of("gpu\t0\ta\tMI300X\t196592\t283\t-\t-\tgfx942\tamd\n"))->maker, "AMD");
	assert_string_equal(gpus_of("gpu\t0\ta\tMI300X\t196592\t283\t-\t-\tgfx942\tamd\n")->v[0].mig, "");
	assert_string_equal(accelerator_of(gpus_of("gpu\t0\ta\tX\t1\t2\t3\t-\t7.0\tother\n"))->maker, "NVIDIA");
}

/* A plan knows the generation by the name; what the driver says counts more. */
static void
test_generation(void **state)
{
	static const struct { const char *name; int capability; } cases[] = {
		{"Tesla V100-SXM2-16GB", 70}, {"NVIDIA TITAN V", 70}, {"Quadro GV100", 70},
		{"Tesla P100-PCIE-16GB", 60}, {"Tesla P40", 61}, {"NVIDIA GeForce GTX 1080 Ti", 61},
		{"Tesla M40 24GB", 52}, {"Tesla K80", 37}, {"Tesla T4", 75}, {"Quadro RTX 8000", 75},
		{"NVIDIA GeForce RTX 2080 Ti", 75}, {"NVIDIA GeForce GTX 1660 SUPER", 75},
		{"NVIDIA A100-SXM4-80GB", 80}, {"NVIDIA A10G", 86}, {"NVIDIA RTX A6000", 86},
		{"NVIDIA GeForce RTX 3090", 86}, {"NVIDIA L4", 89}, {"NVIDIA L40S", 89},
		{"NVIDIA RTX 6000 Ada Generation", 89}, {"NVIDIA GeForce RTX 4090", 89},
		{"NVIDIA H100 80GB HBM3", 90}, {"NVIDIA GH200 480GB", 90}, {"NVIDIA H20", 90},
		{"NVIDIA B200", 100}, {"NVIDIA GB300", 103}, {"NVIDIA GB10", 121},
		{"NVIDIA GeForce RTX 5090", 120}, {"NVIDIA RTX PRO 6000 Blackwell Workstation Edition", 120},
		{"NVIDIA Something New", 0}, {"", 0},
	};
	const struct accelerator *nvidia = accelerator_find("nvidia");

	(void)state;
	for (size_t i = 0; i < countof(cases); i++) {
		struct gpu g = {.name = cases[i].name, .capability = ""};

		if (nvidia->capability(&g) != cases[i].capability)
			fail_msg("%s: %d", g.name, nvidia->capability(&g));
	}
	assert_int_equal(nvidia->capability(&(struct gpu){.name = "Tesla V100", .capability = "9.0"}), 90);
	assert_int_equal(nvidia->capability(&(struct gpu){.name = "X", .capability = "12.1"}), 121);
	assert_int_equal(nvidia->driver(1300), 580);
	assert_int_equal(nvidia->driver(1209), 575);
	assert_int_equal(nvidia->driver(0), 0);
	assert_int_equal(nvidia->driver_runs(575), 1209);
	assert_int_equal(nvidia->driver_runs(470), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_registry, reset),
		cmocka_unit_test_teardown(test_visible, reset),
		cmocka_unit_test_teardown(test_memory, reset),
		cmocka_unit_test_teardown(test_held, reset),
		cmocka_unit_test_teardown(test_slices, reset),
		cmocka_unit_test_teardown(test_amd, reset),
		cmocka_unit_test_teardown(test_generation, reset),
		cmocka_unit_test_teardown(test_told_twice, reset),
		cmocka_unit_test_teardown(test_faults, reset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

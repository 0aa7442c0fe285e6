/* The output of discover.sh -> struct facts: recorded output of two H200s, AMD's JSON, old
 * and odd formats, garbage. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "planner/base/str.h"
#include "planner/discover/discover.h"
#include "tests/unit/whole_file.h"

static struct arena arena;

static int
reset(void **state)
{
	(void)state;
	arena_release(&arena);
	arena = (struct arena){0};
	return 0;
}

static const char *
fixture(const char *name)
{
	return whole_file(&arena, arena_printf(&arena, "tests/fixtures/nvidia-h200-x2/%s", name), NULL);
}

/* A "raw" line as fact() of discover.sh writes it. */
static void
raw(struct str *to, const char *name, const char *text)
{
	str_printf(to, "raw\t%s\t", name);
	for (; *text; text++) {
		if (*text == '\t')
			str_puts(to, "\\t");
		else if (*text == '\n')
			str_puts(to, "\\n");
		else if (*text == '\\')
			str_puts(to, "\\\\");
		else
			str_putc(to, *text);
	}
	str_putc(to, '\n');
}

static struct facts *
machine(struct str *text)
{
	struct facts *f;

	str_puts(text, "end\n");
	f = facts_read(&arena, text->buf, text->len);
	str_release(text);
	return f;
}

static void
test_h200(void **state)
{
	struct str s = {0};
	const struct facts *f;

	(void)state;
	raw(&s, "nvidia-gpu", fixture("query.csv"));
	raw(&s, "nvidia-smi", fixture("nvidia-smi.txt"));
	raw(&s, "nvidia-topo", fixture("topo.txt"));
	raw(&s, "nvidia-nvlink", fixture("nvlink.txt"));
	f = machine(&s);
	assert_int_equal(f->gpu.n, 2);
	assert_string_equal(f->gpu.v[0].name, "NVIDIA H200");
	assert_string_equal(f->gpu.v[1].uuid, "GPU-9e3a9ec8-ef49-2b3e-2bee-e9536603f806");
	assert_string_equal(f->gpu.v[1].pci, "00000000:00:07.0");
	assert_int_equal(f->gpu.v[1].index, 1);
	assert_true(f->gpu.v[0].total_mib == 143771 && f->gpu.v[0].used_mib == 0);
	assert_string_equal(f->gpu.v[0].driver, "580.159.04");
	assert_string_equal(f->gpu.v[0].capability, "9.0");
	assert_string_equal(f->gpu.v[0].mig, "Disabled");
	assert_string_equal(f->gpu.v[0].fabric_state, "Completed");
	assert_true(f->gpu.v[0].ecc_errors == 0);
	assert_string_equal(f->gpu.v[0].persistence, "Enabled");
	assert_string_equal(f->gpu.platform, "13.0");
	assert_int_equal(f->gpu.v[0].links, 18);
	assert_int_equal(f->gpu.v[1].links_down, 0);
	assert_true(f->gpu.v[1].link_gbs > 478.1 && f->gpu.v[1].link_gbs < 478.2);
	assert_int_equal(f->gpu.topo.n, 2);
	assert_string_equal(f->gpu.topo.v[0].label, "GPU0");
	assert_string_equal(topo_between(&f->gpu.topo, "GPU0", "GPU1"), "NV18");
	assert_string_equal(topo_between(&f->gpu.topo, "GPU1", "GPU1"), "X");
	assert_string_equal(f->gpu.topo.v[1].cpus, "0-31");
	assert_string_equal(f->gpu.topo.v[1].numa, "0");
	assert_int_equal(topo_links("NV18"), 18);
	assert_int_equal(topo_nvlink_domain(&f->gpu.topo, 1), 0);
}

/* What an old driver does not know is not 0. */
static void
test_few_fields(void **state)
{
	struct str s = {0};
	const struct facts *f;

	(void)state;
	raw(&s, "nvidia-gpu", "index, uuid, name, memory.total [MiB]\n0, GPU-1, NVIDIA H200, 143771 MiB\n");
	f = machine(&s);
	assert_int_equal(f->gpu.n, 1);
	assert_true(f->gpu.v[0].total_mib == 143771 && f->gpu.v[0].ecc_errors == -1);
	assert_string_equal(f->gpu.v[0].persistence, "");
}

/* Four GPUs in two pairs, three cards, one of which is far from everything. */
static const char with_cards[] =
	"\t\033[4mGPU0\tGPU1\tGPU2\tGPU3\tNIC0\tNIC1\tNIC2\tCPU Affinity\tNUMA Affinity\033[0m\n"
	"GPU0\t X \tNV4\tSYS\tSYS\tPIX\tSYS\tSYS\t0-15,32-47\t0\n"
	"GPU1\tNV4\t X \tSYS\tSYS\tPXB\tSYS\tSYS\t0-15,32-47\t0\n"
	"GPU2\tSYS\tSYS\t X \tNV4\tSYS\tNODE\tSYS\t16-31\t1\n"
	"GPU3\tSYS\tSYS\tNV4\t X \tSYS\tPHB\tSYS\t16-31\t1\n"
	"NIC0\tPIX\tPXB\tSYS\tSYS\t X \tSYS\tSYS\t\t\n"
	"NIC1\tSYS\tSYS\tNODE\tPHB\tSYS\t X \tSYS\t\t\n"
	"NIC2\tSYS\tSYS\tSYS\tSYS\tSYS\tSYS\t X \t\t\n"
	"\nLegend:\n\n  X    = Self\n  PIX  = Connection traversing at most a single PCIe bridge\n"
	"\nNIC Legend:\n\n  NIC0: mlx5_0\n  NIC1: mlx5_3\n  NIC2: mlx5_bond_0\n";

static void
check_cards(const struct topo *t)
{
	assert_int_equal(t->n, 7);
	assert_string_equal(t->v[5].device, "mlx5_3");
	assert_string_equal(topo_between(t, "mlx5_0", "GPU1"), "PXB");
	assert_int_equal(topo_nvlink_domain(t, 0), 0);
	assert_int_equal(topo_nvlink_domain(t, 1), 0);
	assert_int_equal(topo_nvlink_domain(t, 3), 2);
	assert_int_equal(topo_nvlink_domain(t, 4), 4);
}

static void
test_topo_with_cards(void **state)
{
	struct topo t = topo_read(&arena, with_cards, sizeof with_cards - 1);
	char *blanks = arena_strdup(&arena, with_cards), *crlf;
	struct str s = {0};

	(void)state;
	check_cards(&t);
	assert_string_equal(t.v[2].cpus, "16-31");
	assert_string_equal(t.v[0].numa, "0");
	/* Tabs that a terminal or a bug report turned into spaces. */
	for (char *p = blanks; *p; p++)
		*p = *p == '\t' ? ' ' : *p;
	t = topo_read(&arena, blanks, strlen(blanks));
	check_cards(&t);
	for (const char *p = with_cards; *p; p++)
		str_printf(&s, *p == '\n' ? "\r\n" : "%c", *p);
	crlf = arena_strdup(&arena, s.buf);
	str_release(&s);
	t = topo_read(&arena, crlf, strlen(crlf));
	check_cards(&t);
}

static void
test_topo_rubbish(void **state)
{
	static const char *const texts[] = {"", "\n\n", "GPU0\t X \n", "\tGPU0\n\tGPU0\nGPU0\n",
		"\033[", "\033", "\t\033[4m", "No devices were found\n", "GPU0 X NV1\nGPU1 NV1 X\n",
		"\tGPU0\tGPU1\tCPU Affinity\nGPU9\t1\t2\nGPU1\n", "\tNIC0\tNIC1\n  NIC0: x\n"};

	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		struct topo t = topo_read(&arena, texts[i], strlen(texts[i]));

		for (size_t k = 0; k < t.n; k++)
			assert_true(topo_nvlink_domain(&t, k) < t.n);
	}
	assert_int_equal(topo_links("NV"), 0);
	assert_int_equal(topo_links("NV99999999999999999999"), 0);
	assert_int_equal(topo_links("NV4x"), 0);
	assert_int_equal(topo_links("NODE"), 0);
}

/* Other columns, another order, missing values, error values. */
static void
test_csv_forms(void **state)
{
	struct str s = {0};
	const struct facts *f;

	(void)state;
	raw(&s, "nvidia-gpu",
	    "uuid, index, name, memory.total [MiB], memory.used [MiB], mig.mode.current, "
	    "ecc.errors.uncorrected.volatile.total, remapped_rows.pending, surprise\n"
	    "GPU-a, 0, ignored\n"
	    "\n");
	raw(&s, "nvidia-gpu",
	    "index, name, memory.total [MiB], memory.used [MiB], mig.mode.current, "
	    "ecc.errors.uncorrected.volatile.total, remapped_rows.pending, surprise\r\n"
	    "0, NVIDIA GB10, [N/A], [N/A], [Not Supported], [N/A], No, 7\r\n"
	    "1, NVIDIA A100, 40960 MiB, 3 MiB, Enabled, 2, Yes, [N/A]\n"
	    "2, NVIDIA A100, [GPU requires reset], 0 MiB, Disabled, 0, No, x\n"
	    "No devices were found\n");
	raw(&s, "nvidia-nvlink", "GPU 1: NVIDIA A100 (UUID: GPU-b)\n\t Link 0: 25 GB/s\n"
	    "\t Link 1: <inactive>\nGPU 7: ?\n\t Link 0: 25 GB/s\n\t Link 1\n");
	raw(&s, "xid", "[ 9.1] NVRM: Xid (PCI:0000:41:00): 79, pid=1, GPU has fallen off the bus.\n"
	    "NVRM: Xid (PCI:\nNVRM: Xid (PCI:0000:41:00): x\n");
	f = machine(&s);
	assert_int_equal(f->gpu.n, 3);
	assert_true(f->gpu.v[0].total_mib == -1 && f->gpu.v[0].ecc_errors == -1);
	assert_string_equal(f->gpu.v[0].mig, "");
	assert_string_equal(f->gpu.v[0].trouble, "");
	assert_true(f->gpu.v[1].total_mib == 40960 && f->gpu.v[1].ecc_errors == 2);
	assert_string_equal(f->gpu.v[1].remap_pending, "Yes");
	assert_int_equal(f->gpu.v[1].links, 1);
	assert_int_equal(f->gpu.v[1].links_down, 1);
	assert_string_equal(f->gpu.v[2].trouble, "[GPU requires reset]");
	assert_int_equal(f->gpu.error.n, 1);
	assert_string_equal(f->gpu.error.v[0].code, "79");
	assert_string_equal(f->gpu.error.v[0].pci, "0000:41:00");
}

/* Written by hand from the documented keys; no AMD machine was available. */
static void
test_amd(void **state)
{
	struct str s = {0};
	const struct facts *f;

	(void)state;
	raw(&s, "rocm-smi", "WARNING: something\n{\"card0\": {\"Unique ID\": \"0xabc\", "
	    "\"VRAM Total Memory (B)\": \"206141652992\", \"VRAM Total Used Memory (B)\": "
	    "\"297365504\", \"PCI Bus\": \"0000:05:00.0\", \"Card Series\": \"AMD Instinct MI300X\", "
	    "\"GFX Version\": \"gfx942\"}, \"card1\": {\"Card series\": \"N/A\", \"Card Model\": 7}, "
	    "\"system\": {\"Driver version\": \"6.7.0\"}}\n");
	f = machine(&s);
	assert_int_equal(f->gpu.n, 2);
	assert_string_equal(f->gpu.v[0].vendor, "amd");
	assert_string_equal(f->gpu.v[0].name, "AMD Instinct MI300X");
	assert_true(f->gpu.v[0].total_mib == 196592 && f->gpu.v[0].used_mib == 283);
	assert_string_equal(f->gpu.v[0].driver, "6.7.0");
	assert_string_equal(f->gpu.v[1].name, "");
	assert_true(f->gpu.v[1].total_mib == -1);
	raw(&s, "amd-smi", "{\"gpu_data\": [{\"gpu\": 3, \"asic\": {\"market_name\": \"MI300X\", "
	    "\"asic_serial\": \"0x1\"}, \"bus\": {\"bdf\": \"0000:05:00.0\"}, \"vram\": {\"size\": "
	    "{\"value\": 196592, \"unit\": \"MB\"}}, \"driver\": {\"version\": \"6.10\"}}, 7]}");
	/* What the second tool says about the same cards is not added. */
	raw(&s, "rocm-smi", "{\"card0\": {}}");
	f = machine(&s);
	assert_int_equal(f->gpu.n, 1);
	assert_int_equal(f->gpu.v[0].index, 3);
	assert_true(f->gpu.v[0].total_mib == 196592);
	raw(&s, "amd-smi", "[{\"gpu\": 0, \"vram\": {\"size\": \"196592 MB\"}}]");
	f = machine(&s);
	assert_true(f->gpu.v[0].total_mib == 196592);
	raw(&s, "rocm-smi", "no JSON here");
	raw(&s, "amd-smi", "[{\"gpu\": 99999999999, \"vram\": {\"size\": -4}}");
	f = machine(&s);
	assert_int_equal(f->gpu.n, 0);
}

static void
test_lines(void **state)
{
	struct str s = {0};
	const struct facts *f;

	(void)state;
	str_puts(&s, "id\tm1\tb1\tgpu-1\tubuntu\t1000\t1001\t/home/ubuntu\t1763800000\n"
		 "ram\t1000\t900\ncpu\t64\tEPYC\nnuma\t0\t0-31\t500\nnuma\t1\t-\t-\n"
		 "disk\tshared\t/a b\tnfs\t100\t50\tyes\ngroups\tubuntu docker\n"
		 "limit\tmemlock\tunlimited\nlimit\tother\t1\nnvswitch\ta\nnvswitch\tb\n"
		 "fabricmanager\tactive\npodman\tok\t4.3\npython\t3.12\n"
		 "nic\teth0\tup\t100000\t9000\tphysical\nnic\teth1\tdown\t-1\t1500\tphysical\n"
		 "rdma\tmlx5_0\t1\t4: ACTIVE\t400 Gb/sec (4X NDR)\tInfiniBand\t-\tyes\n"
		 "rdma\tmlx5_1\t1\t1: DOWN\t-\tEthernet\teth1\tno\n"
		 "hca\tmlx5_0\tMT4129\tMT_1\t28.39\t0\t0000:1a:00.0\nhcaport\tmlx5_0\t1\t5: LinkUp\t0x1\t0x2\n"
		 "gid\tmlx5_0\t1\t3\tfe80::1\tRoCE v2\teth0\n"
		 "gpuproc\t77\t1024\tbob\tpython\tGPU-a\t-\n"
		 "ram\n\nraw\tnothing\nraw\tunknown\ttext\ncpu\t-9\tx\tend\n");
	f = machine(&s);
	assert_true(f->complete);
	assert_string_equal(f->machine_id, "m1");
	assert_true(f->ram_kib == 1000 && f->ram_free_kib == 900);
	assert_true(f->cpus == -1);
	assert_int_equal(f->numa.n, 2);
	assert_true(f->numa.v[1].kib == -1);
	assert_string_equal(f->numa.v[1].cpus, "");
	assert_string_equal(f->disk.v[0].path, "/a b");
	assert_string_equal(f->memlock, "unlimited");
	assert_true(f->gpu.nvswitches == 2);
	assert_int_equal(f->nic.n, 2);
	assert_true(f->nic.v[0].speed == 100000 && f->nic.v[1].speed == 0);
	assert_true(f->rdma.v[0].active && f->rdma.v[0].rate == 400);
	assert_null(f->rdma.v[0].interface);
	assert_false(f->rdma.v[1].active || f->rdma.v[1].verbs);
	assert_string_equal(f->hca.v[0].firmware, "28.39");
	assert_string_equal(f->hca_port.v[0].sm_lid, "0x2");
	assert_string_equal(f->hca_gid.v[0].type, "RoCE v2");
	assert_string_equal(f->gpu.user.v[0].uuid, "GPU-a");
}

/* Whatever text a machine sends is shown, and none of it moves the cursor. */
static void
test_views(void **state)
{
	static const char *const words[] = {"NVIDIA A100", "mlx5_0:1", "400 Gb/s", "MT4129",
		"\\x1b[31mred", "10.0.0.5/24", "2 uncorrected memory errors", "Xid", "is partitioned by MIG"};
	struct node node = {.name = "n1", .host = "h", .executor = "local"};
	struct cluster c = {.node = &node, .nnode = 1, .nspec = 1, .nlayout = 1};
	struct discovered one = {.node = &node};
	struct discovery all = {.cluster = &c, .v = &one, .n = 1};
	struct diags problems = {.arena = &arena};
	struct str s = {0};
	char *out = NULL;
	size_t size = 0;
	FILE *to = open_memstream(&out, &size);

	(void)state;
	str_puts(&s, "id\tm1\tb1\t\033[31mred\tu\t1\t1\t/h\t1\naddr\teth0\t10.0.0.5\t24\n"
		 "nic\teth0\tup\t100000\t9000\tphysical\n"
		 "rdma\tmlx5_0\t1\t4: ACTIVE\t400 Gb/sec\tInfiniBand\tib0\tyes\n"
		 "hca\tmlx5_0\tMT4129\tMT_1\t28\t0\t0000:1a:00.0\n");
	raw(&s, "nvidia-gpu", "index, name, uuid, pci.bus_id, memory.total [MiB], mig.mode.current, "
	    "ecc.errors.uncorrected.volatile.total\n"
	    "0, NVIDIA A100, GPU-a, 00000000:41:00.0, 40960 MiB, Enabled, 2\n");
	raw(&s, "xid", "NVRM: Xid (PCI:0000:41:00): 79, gone\n");
	one.facts = node.facts = machine(&s);
	one.text = "x";
	discovery_warn(&arena, &all, &problems);
	discovery_text(&all, &problems, to, false);
	fclose(to);
	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (!strstr(out, words[i]))
			fail_msg("'%s' is not in:\n%s", words[i], out);
	assert_null(strchr(out, '\033'));
	free(out);
	assert_non_null(strstr(discovery_json(&arena, &all, &problems), "\"code\": 79"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_h200, reset),
		cmocka_unit_test_teardown(test_few_fields, reset),
		cmocka_unit_test_teardown(test_topo_with_cards, reset),
		cmocka_unit_test_teardown(test_topo_rubbish, reset),
		cmocka_unit_test_teardown(test_csv_forms, reset),
		cmocka_unit_test_teardown(test_amd, reset),
		cmocka_unit_test_teardown(test_lines, reset),
		cmocka_unit_test_teardown(test_views, reset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

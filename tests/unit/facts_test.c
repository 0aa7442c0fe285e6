/* Lines of observe.sh -> facts: fields, escapes, garbage. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "planner/base/str.h"
#include "planner/base/str.h"
#include "planner/facts/facts.h"

#define KEY "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static struct facts *
read_text(struct arena *a, const char *text)
{
	return facts_read(a, text, strlen(text));
}

static void
test_every_line(void **state)
{
	struct arena a = {0};
	const struct facts *f = read_text(&a,
		"id\tm1\tb1\tgpu-1\tubuntu\t1000\t1001\t/home/ubuntu\t1763800000\n"
		"os\t6.1.0\tx86_64\tDebian GNU/Linux 12\n"
		"docker\tok\t24.0.7\t\n"
		"toolkit\tyes\n"
		"gpu\t0\tGPU-a\tNVIDIA H100 80GB HBM3\t81559\t3\t550.54\n"
		"gpu\t1\tGPU-b\tNVIDIA H100 80GB HBM3\t81559\t0\t550.54\n"
		"gpuproc\t4711\t1024\talice\tpython train.py\n"
		"addr\teth0\t192.0.2.11\t24\n"
		"reach\t192.0.2.12\tno\tno answer\n"
		"resolve\tgpu-1\t127.0.1.1\n"
		"shared\t/srv\tnfs4\t0:53\t1000\tyes\n"
		"shm\t65536\n"
		"port\t8000\t77\tbob\tnginx\t-\n"
		"port\t6379\t78\troot\tgcs_server\tdray-x-head\n"
		"image\tvllm:1\tsha256:aa\t-\n"
		"container\tdray-x-head\tc1\texited\t137\t2026-11-20T10:00:00Z\tsha256:aa\tx\t"
		"head[gpu-1]\tdd\t{\"port\":\"6379\"}\t0\n"
		"record\thead[gpu-1]\t{\"step\":\"head[gpu-1]\",\"phase\":\"done\",\"kind\":\"head\","
		"\"instance\":\"c1\",\"inputs\":{\"port\":\"6379\"}}\n"
		"members\t{\"cluster\":\"x\"}\n"
		"mackey\t" KEY "\n"
		"lock\theld\talice since 10:00\n"
		"model\tabc/config.json\t120\tblob1\n"
		"script\t/srv/.dray/run.sh\tbeef\n"
		"proc\tserve\tu-1\t99\talive\t-\t{}\n"
		"end\n");

	(void)state;
	assert_true(f->complete);
	assert_int_equal(f->state, FACTS_OK);
	assert_string_equal(f->machine_id, "m1");
	assert_string_equal(f->home, "/home/ubuntu");
	assert_true(f->epoch == 1763800000);
	assert_string_equal(f->os, "Debian GNU/Linux 12");
	assert_string_equal(f->docker, "ok");
	assert_true(f->toolkit);
	assert_int_equal(f->gpu.n, 2);
	assert_int_equal(f->gpu.v[1].index, 1);
	assert_true(f->gpu.v[0].total_mib == 81559 && f->gpu.v[0].used_mib == 3);
	assert_string_equal(f->gpu.user.v[0].command, "python …");
	assert_string_equal(f->addr.v[0].address, "192.0.2.11");
	assert_string_equal(f->reach.v[0].state, "no");
	assert_string_equal(f->resolve_address, "127.0.1.1");
	assert_string_equal(f->shared_fs, "nfs4");
	assert_string_equal(f->shared_id, "0:53");
	assert_true(f->shared_free_kib == 1000 && f->shm_kib == 65536);
	assert_string_equal(f->shared_state, "yes");
	assert_null(f->port.v[0].container);
	assert_string_equal(f->port.v[1].container, "dray-x-head");
	assert_null(f->image.v[0].digests);
	assert_int_equal(f->container.v[0].exit_code, 137);
	assert_string_equal(f->container.v[0].step, "head[gpu-1]");
	assert_string_equal(f->record.v[0].instance, "c1");
	assert_string_equal(f->record.v[0].inputs.v[0].value, "6379");
	assert_string_equal(f->members, "{\"cluster\":\"x\"}");
	assert_string_equal(f->mac_key, KEY);
	assert_string_equal(f->lock_info, "alice since 10:00");
	assert_true(f->file.v[0].size == 120);
	assert_string_equal(f->script_sha, "beef");
	assert_true(f->proc.v[0].alive);
	arena_release(&a);
}

static void
test_escapes(void **state)
{
	struct arena a = {0};
	const struct facts *f = read_text(&a, "gpuproc\t1\t2\tx\\ty\tz\nreach\t::1\tno\ta\\nb\\\\c\\q\\\nend\n");

	(void)state;
	assert_string_equal(f->gpu.user.v[0].user, "x\ty");
	assert_string_equal(f->reach.v[0].detail, "a\nb\\c\\q\\");
	arena_release(&a);
}

/* Short lines, unknown types and NULs are ignored; so is everything after "end". */
static void
test_rubbish(void **state)
{
	static const char text[] = "gpu\t0\tshort\n\n\t\t\nnonsense\ta\nimage\tr\0x\tid\t-\n"
				   "shm\tmany\ntoolkit\tyes\nend\ngpu\t0\ta\tb\t1\t2\t3\n";
	struct arena a = {0};
	const struct facts *f = facts_read(&a, text, sizeof text - 1);

	(void)state;
	assert_true(f->complete && f->toolkit);
	assert_int_equal(f->gpu.n, 0);
	assert_int_equal(f->image.n, 0);
	assert_true(f->shm_kib == 0);
	f = read_text(&a, "shm\t99999999999999999999\nend\n");
	assert_true(f->shm_kib > 0 && f->shm_kib <= 1ll << 48);
	f = read_text(&a, "toolkit\tyes\nen");
	assert_false(f->complete);
	f = read_text(&a, "");
	assert_false(f->complete);
	assert_string_equal(f->machine_id, "");
	assert_null(f->mac_key);
	arena_release(&a);
}

/* Values that dray uses in commands, in environments of other nodes and in hints are checked. */
static void
test_names(void **state)
{
	struct arena a = {0};
	const struct facts *f = read_text(&a, "id\tm\tb\th\tu; rm -rf /\t1000\t0\t/root\t1\n"
		"addr\teth0\t10.0.0.1\t24\naddr\teth0\t10.0.0.2; reboot\t24\naddr\teth0\tlocalhost\t8\n"
		"addr\teth0\t10.1\t8\naddr\te th\t10.0.0.3\t8\naddr\tveth1@if2\tfe80::1\t64\n"
		"rdma\tmlx5_0\t1\t4: ACTIVE\t400\tInfiniBand\t-\n"
		"rdma\tmlx5_0,^x\t1\t4: ACTIVE\t400\tInfiniBand\t-\n"
		"rdma\tmlx5_1\t1 -v\t4: ACTIVE\t400\tInfiniBand\t-\n"
		"mackey\t" KEY "0\nend\n");

	(void)state;
	assert_string_equal(f->user, "1000");
	assert_int_equal(f->addr.n, 2);
	assert_string_equal(f->addr.v[1].address, "fe80::1");
	assert_int_equal(f->rdma.n, 1);
	assert_null(f->mac_key);
	assert_null(read_text(&a, "mackey\tabcd\nend\n")->mac_key);
	assert_string_equal(read_text(&a, "id\tm\tb\th\t$(id)\t-1\t0\t/\t1\nend\n")->user, "?");
	arena_release(&a);
}

/* As many GPUs as a spec can ask for. */
static void
test_many_gpus(void **state)
{
	struct arena a = {0};
	struct str s = {0};
	const struct facts *f;

	(void)state;
	for (int i = 0; i < 1000; i++)
		str_printf(&s, "gpu\t%d\tU%d\tH100\t1\t0\t580\n", i, i);
	str_puts(&s, "end\n");
	f = read_text(&a, s.buf);
	assert_int_equal(f->gpu.n, 64);
	assert_int_equal(f->gpu.v[63].index, 63);
	assert_true(f->complete);
	str_release(&s);
	arena_release(&a);
}

/* If a node noted that a command ended, an intent of that apply becomes "done", and no
 * other. */
static void
test_ended(void **state)
{
	struct arena a = {0};
	const struct facts *f = read_text(&a,
		"record\ta\t{\"step\":\"a\",\"phase\":\"intent\",\"apply_id\":\"i1\"}\n"
		"ended\ta\ti1 up 0 T1 u1\n"
		"record\tb\t{\"step\":\"b\",\"phase\":\"intent\",\"apply_id\":\"i2\"}\n"
		"ended\tb\ti1 up 0 T1 u1\n"
		"record\tc\t{\"step\":\"c\",\"phase\":\"intent\",\"apply_id\":\"i1\"}\n"
		"ended\tc\ti1 up 7 T1 -\\nno luck\\nat all\n"
		"record\td\t{\"step\":\"d\",\"phase\":\"intent\",\"apply_id\":\"i1\"}\n"
		"ended\tx\ti1 up 0 T1 u1\nended\td\ti1 up 0\nended\td\t\n"
		"record\te\t{\"step\":\"e\",\"phase\":\"done\",\"apply_id\":\"i1\"}\n"
		"ended\te\ti2 down 3 T2 -\\nno\nend\n");

	(void)state;
	assert_int_equal(f->record.n, 5);
	assert_string_equal(f->record.v[0].phase, "done");
	assert_string_equal(f->record.v[0].instance, "u1");
	assert_string_equal(f->record.v[0].at, "T1");
	assert_string_equal(f->record.v[1].phase, "intent");
	assert_string_equal(f->record.v[2].phase, "intent");
	assert_int_equal(f->record.v[2].end.status, 7);
	assert_string_equal(f->record.v[2].end.words, "no luck\nat all");
	assert_string_equal(f->record.v[3].phase, "intent");
	assert_null(f->record.v[3].end.apply_id);
	assert_string_equal(f->record.v[4].phase, "done");
	assert_true(f->record.v[4].end.down);
	arena_release(&a);
}

/* An unreadable record is not ignored: something was started there. */
static void
test_broken_record(void **state)
{
	struct arena a = {0};
	const struct facts *f = read_text(&a, "record\tserve\t{\"step\":\nrecord\thead[a]\t"
					  "{\"step\":\"other\",\"phase\":\"done\"}\nend\n");

	(void)state;
	assert_int_equal(f->record.n, 2);
	assert_string_equal(f->record.v[0].step, "serve");
	assert_string_equal(f->record.v[0].phase, "intent");
	/* The name of the file wins over the name in it. */
	assert_string_equal(f->record.v[1].step, "head[a]");
	arena_release(&a);
}

static void
test_bounded(void **state)
{
	struct arena a = {0};
	struct str s = {0};
	const struct facts *f;

	(void)state;
	for (int i = 0; i < 50000; i++)
		str_puts(&s, "addr\teth0\t192.0.2.1\t24\n");
	str_puts(&s, "end\n");
	f = facts_read(&a, s.buf, s.len);
	assert_true(f->addr.n <= 20000);
	assert_false(f->complete);
	str_release(&s);
	arena_release(&a);
}

/* A foreign command line is cut to its program, also in looks that have all of it. */
static void
test_programs(void **state)
{
	static const char *const cases[][2] = {
		{"vllm serve --api-key sk-poison", "vllm …"}, {"/usr/bin/python3 ...", "python3 …"},
		{"nc", "nc"}, {"nc ", "nc"}, {"", ""}, {"/", "/"}, {"a/b/c d", "c …"},
		{"x\t--token=sk-poison", "x …"}, {"postgres: sk/poison", "postgres: …"},
	};
	struct arena a = {0};
	static const char text[] =
		"port\t8000\t9\tbob\tvllm serve --api-key sk-poison\t-\n"
		"gpuproc\t7\t1024\tbob\t/opt/x/python3 -m serve --key=sk-poison\tGPU-1\nend\n";
	const struct facts *f;

	(void)state;
	for (size_t i = 0; i + 1 < sizeof cases / sizeof *cases; i++)
		assert_string_equal(facts_program(&a, cases[i][0]), cases[i][1]);
	f = facts_read(&a, text, sizeof text - 1);
	assert_string_equal(f->port.v[0].command, "vllm …");
	assert_string_equal(f->gpu.user.v[0].command, "python3 …");
	arena_release(&a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_programs),
		cmocka_unit_test(test_every_line), cmocka_unit_test(test_escapes),
		cmocka_unit_test(test_rubbish), cmocka_unit_test(test_names), cmocka_unit_test(test_many_gpus), cmocka_unit_test(test_broken_record),
		cmocka_unit_test(test_ended),
		cmocka_unit_test(test_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

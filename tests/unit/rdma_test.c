/* RDMA in the command lines that start the engine's containers, and how the user can change
 * it. */
#include "tests/unit/kinds_by_hand.h"

#include "planner/cluster/rdma.h"

static const char port[] =
	"rdma\tmlx5_0\t1\t4: ACTIVE\t400 Gb/sec (4X NDR)\tInfiniBand\tib0\tyes\n"
	"image\timg:1\tsha256:11\t-\n";

static void
with(const char *engine)
{
	build_model(engine);
	seen_as(0, port);
	seen_as(1, port);
	rdma_choose(&arena, model);
	graph = graph_build(&arena, model, &problems);
}

static const char *
started(const char *addr)
{
	struct tasks tasks = up(addr);

	return words(&tasks.v[0].task, 0);
}

static void
test_ray(void **state)
{
	struct tasks tasks;

	(void)state;
	with("engine: {backend: ray, image: img:1}\n");
	for (size_t i = 0; i < 2; i++) {
		const char *all = started(i ? "worker[n2]" : "head[n1]");

		assert_non_null(strstr(all, "-e NCCL_DEBUG=INFO -e NCCL_IB_HCA==mlx5_0:1 "));
		assert_non_null(strstr(all, "--cap-add IPC_LOCK --device /dev/infiniband "
				       "--ulimit memlock=-1 "));
	}
	assert_string_equal(attrs_value(&step("head[n1]")->want, "rdma.device", ""), "/dev/infiniband");
	assert_int_equal(kind_effect(step("head[n1]")->kind, "rdma.device"), EFFECT_REPLACE);
	tasks = up("serve");
	assert_string_equal(tasks.v[tasks.n - 1].task.script->name, "transport");
	assert_string_equal(words(&tasks.v[tasks.n - 1].task, 0), "name=dray-c1-head log=/tmp/dray/serve.log rdma=yes");
	assert_false(tasks.v[tasks.n - 1].task.changes);
}

static void
test_mp(void **state)
{
	struct tasks tasks;

	(void)state;
	with("engine: {backend: mp, image: img:1}\n");
	assert_non_null(strstr(started("rank[n2]"), "--device /dev/infiniband"));
	assert_int_equal(kind_effect(step("rank[n2]")->kind, "rdma.device"), EFFECT_REPLACE);
	tasks = up("rank[n1]");
	assert_string_equal(words(&tasks.v[tasks.n - 1].task, 0), "name=dray-c1-rank rdma=yes");
	tasks = up("rank[n2]");
	assert_string_not_equal(tasks.v[tasks.n - 1].task.script->name, "transport");
}

/* Unless all nodes have ports there is no RDMA: an upgrade of dray changes no container. */
static void
test_none(void **state)
{
	struct tasks tasks;
	const char *all;

	(void)state;
	build("engine: {backend: ray, image: img:1}\n", port, NULL);
	rdma_choose(&arena, model);
	assert_null(model->rdma);
	all = started("head[n1]");
	assert_null(strstr(all, "infiniband"));
	assert_null(strstr(all, "NCCL_DEBUG"));
	assert_null(strstr(all, "NCCL_IB"));
	tasks = up("serve");
	assert_string_not_equal(tasks.v[tasks.n - 1].task.script->name, "transport");
	assert_true(told(DIAG_WARNING, "no RDMA: it has no RDMA port, but other nodes have"));
}

static void
test_user_wins(void **state)
{
	struct tasks tasks;
	const char *all;

	(void)state;
	with("engine: {backend: ray, image: img:1, env: {NCCL_IB_HCA: mlx5_7, NCCL_DEBUG: WARN}, "
	     "docker_args: [--ulimit, memlock=5, --device=/dev/infiniband/uverbs0]}\n");
	all = started("head[n1]");
	assert_non_null(strstr(all, "-e NCCL_IB_HCA=mlx5_7 "));
	assert_non_null(strstr(all, "-e NCCL_DEBUG=WARN "));
	assert_null(strstr(all, "memlock=-1"));
	assert_null(strstr(all, "--device /dev/infiniband"));
	assert_non_null(strstr(all, "--cap-add IPC_LOCK --ulimit memlock=5 --device=/dev/infiniband/"));
	/* NCCL prints nothing at that level, so nothing is read. */
	tasks = up("serve");
	assert_string_not_equal(tasks.v[tasks.n - 1].task.script->name, "transport");
	reset(NULL);
	with("engine: {backend: ray, image: img:1, docker_args: [--privileged]}\n");
	all = started("head[n1]");
	assert_null(strstr(all, "--device"));
	assert_null(strstr(all, "IPC_LOCK"));
	assert_non_null(strstr(all, "--ulimit memlock=-1 --privileged"));
	reset(NULL);
	with("engine: {backend: ray, image: img:1, env: {NCCL_IB_DISABLE: '1'}}\n");
	all = started("head[n1]");
	assert_null(strstr(all, "infiniband"));
	assert_null(strstr(all, "NCCL_IB_HCA"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_ray, reset, reset),
		cmocka_unit_test_setup_teardown(test_mp, reset, reset),
		cmocka_unit_test_setup_teardown(test_none, reset, reset),
		cmocka_unit_test_setup_teardown(test_user_wins, reset, reset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

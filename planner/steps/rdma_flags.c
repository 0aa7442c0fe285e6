/* How a container gets RDMA, and what NCCL is told about it. */
#include "planner/steps/rdma_flags.h"

#include <string.h>

#include "planner/base/limits.h"
#include "planner/runtimes/process.h"
#include "planner/runtimes/runtime.h"
#include "planner/cluster/rdma.h"

/*
 * RDMA in the engine's containers. Without the device and the right to lock memory, NCCL uses
 * TCP without a word. These are attributes of the step; what the user wrote in env or
 * docker_args takes precedence.
 */
static bool
rdma_flags_is_off(const struct cluster *c, const struct node *n)
{
	const char *off = env_value(c, n, "NCCL_IB_DISABLE");

	return off && strcmp(off, "0") != 0;
}

static bool
rdma_flags_custom_has(const struct cluster *c, const char *text)
{
	const struct words *more = &c->spec->engine.docker_args;

	for (size_t i = 0; i < more->n; i++)
		if (strstr(more->v[i].text, text))
			return true;
	return false;
}

static bool
rdma_flags_rdma_wanted(const struct cluster *c, const struct node *n)
{
	return c->rdma && n->rank < c->nlayout && !rdma_flags_is_off(c, n);
}

bool
rdma_locks_little(const struct cluster *c, const struct node *n)
{
	const struct facts *f = n->facts;

	if (!node_observed(n) || !*f->memlock_hard || strcmp(f->memlock_hard, "unlimited") == 0)
		return false;
	return !c->runtime->contained || (strcmp(c->runtime->name, "podman") == 0 && strcmp(f->uid, "0") != 0);
}

void
rdma_want(struct arena *a, const struct cluster *c, const struct node *n, struct attrs *to)
{
	bool privileged = rdma_flags_custom_has(c, "--privileged");
	bool contained = c->runtime->contained;

	if (n->rank < c->nlayout && rdma_must_be_off(c))
		attrs_add(a, to, "env.NCCL_IB_DISABLE", "1");
	if (!rdma_flags_rdma_wanted(c, n))
		return;
	if (contained && !privileged && !rdma_flags_custom_has(c, "/dev/infiniband"))
		attrs_add(a, to, "rdma.device", "/dev/infiniband");
	if (contained && !privileged && !rdma_flags_custom_has(c, "IPC_LOCK"))
		attrs_add(a, to, "rdma.cap-add", "IPC_LOCK");
	/* What the login may not do, its podman may not grant: the container would not start. */
	if (contained && !rdma_flags_custom_has(c, "memlock") && !rdma_locks_little(c, n))
		attrs_add(a, to, "rdma.ulimit", "memlock=-1");
	attrs_add(a, to, "env.NCCL_IB_HCA", arena_printf(a, "=%s", c->rdma->hca));
	if (c->rdma->cables && !env_value(c, n, "NCCL_IB_SUBNET_AWARE_ROUTING"))
		attrs_add(a, to, "env.NCCL_IB_SUBNET_AWARE_ROUTING", "1");
	if (c->rdma->cables && !env_value(c, n, "NCCL_IB_MERGE_NICS"))
		attrs_add(a, to, "env.NCCL_IB_MERGE_NICS", "0");
	/* Only NCCL's log says which transport it took. */
	if (!env_value(c, n, "NCCL_DEBUG"))
		attrs_add(a, to, "env.NCCL_DEBUG", "INFO");
}

/* Does NCCL tell in its log what it does? */
static bool
rdma_flags_nccl_tells(const struct cluster *c, const struct node *n)
{
	const char *debug = env_value(c, n, "NCCL_DEBUG");

	if (!debug)
		return rdma_flags_rdma_wanted(c, n);
	return strcmp(debug, "INFO") == 0 || strcmp(debug, "TRACE") == 0;
}

void
rdma_report(struct arena *a, const struct step *s, const char *container, const char *log,
	    struct tasks *tasks)
{
	const struct cluster *c = s->cluster;
	struct task *t;

	if (c->nlayout < 2 || !rdma_flags_nccl_tells(c, s->node))
		return;
	t = tasks_add(a, tasks, s->node, "transport", "read NCCL's log");
	t->timeout_s = NCCL_LOG_LIMIT;
	if (c->runtime->contained) {
		container_task(a, t, c->runtime);
		task_arg(a, t, "name", container);
		task_arg(a, t, "log", log);
	} else {
		t->script = process_script(a, "transport");
		task_arg(a, t, "cluster", c->name);
		task_arg(a, t, "step", s->addr);
	}
	task_arg(a, t, "rdma", rdma_flags_rdma_wanted(c, s->node) ? "yes" : NULL);
}

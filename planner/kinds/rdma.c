#include <string.h>

#include "planner/kinds/common.h"
#include "planner/rdma.h"

/*
 * RDMA in the engine's containers: without the device and the right to lock memory NCCL
 * takes TCP and says nothing. Shown as attributes of the step; what the user wrote in env
 * or docker_args goes before.
 */
static bool
is_off(const struct model *m, const struct node *n)
{
	const char *off = env_value(m, n, "NCCL_IB_DISABLE");

	return off && strcmp(off, "0") != 0;
}

static bool
user_has(const struct model *m, const char *text)
{
	const struct words *more = &m->spec->engine.docker_args;

	for (size_t i = 0; i < more->n; i++)
		if (strstr(more->v[i].text, text))
			return true;
	return false;
}

static bool
rdma_wanted(const struct model *m, const struct node *n)
{
	return m->rdma && n->rank < m->nlayout && !is_off(m, n);
}

void
rdma_want(struct arena *a, const struct model *m, const struct node *n, struct attrs *to)
{
	bool privileged = user_has(m, "--privileged");
	bool contained = m->runtime != RUNTIME_NONE;

	if (!rdma_wanted(m, n))
		return;
	if (contained && !privileged && !user_has(m, "/dev/infiniband"))
		attrs_add(a, to, "rdma.device", "/dev/infiniband");
	if (contained && !privileged && !user_has(m, "IPC_LOCK"))
		attrs_add(a, to, "rdma.cap-add", "IPC_LOCK");
	if (contained && !user_has(m, "memlock"))
		attrs_add(a, to, "rdma.ulimit", "memlock=-1");
	attrs_add(a, to, "env.NCCL_IB_HCA", arena_printf(a, "=%s", m->rdma->hca));
	/* NCCL says in its log, and nowhere else, which way it took. */
	if (!env_value(m, n, "NCCL_DEBUG"))
		attrs_add(a, to, "env.NCCL_DEBUG", "INFO");
}

void
rdma_args(struct arena *a, struct task *t, const struct attrs *inputs)
{
	for (size_t i = 0; i < inputs->n; i++) {
		const struct attr *attr = &inputs->v[i];

		if (strncmp(attr->name, "rdma.", 5) != 0 || !attr->value)
			continue;
		task_argf(a, t, "--%s", attr->name + 5);
		task_arg(a, t, attr->value);
	}
}

void
rdma_report(struct arena *a, const struct model *m, struct node *n, const char *container,
	    const char *log, struct tasks *tasks)
{
	const char *debug = env_value(m, n, "NCCL_DEBUG");
	struct task *t;

	if (!rdma_wanted(m, n) ||
	    (debug && strcmp(debug, "INFO") != 0 && strcmp(debug, "TRACE") != 0))
		return;
	t = tasks_add(a, tasks, n, "transport", "read NCCL's log");
	container_task(a, t, m->runtime);
	t->timeout_s = 30;
	task_arg(a, t, container);
	task_arg(a, t, log);
}

/* The task that looks at a node for a discovery. */
#include "planner/discover/discover.h"

#include "planner/base/limits.h"

void
discover_task(struct arena *a, const struct cluster *c, struct task *t)
{
	*t = (struct task){.type = TASK_SCRIPT, .timeout_s = DISCOVER_LIMIT};
	t->script = script_behind(a, "whose", script_with(a, "gpus-look", "discover"));
	t->script = script_behind(a, "net", t->script);
	task_arg(a, t, "shared", c->store);
	task_arg(a, t, "cache", c->hf_home);
	task_arg(a, t, "venv", c->venv);
	task_arg(a, t, "package", c->engine ? c->engine->package : NULL);
	task_arg(a, t, "needs", c->engine ? c->engine->shape[SHAPE_COORDINATOR].package : NULL);
	task_arg(a, t, "sys", "/sys");
	task_arg(a, t, "dev", "/dev");
	task_arg(a, t, "proc", "/proc");
}

/* How containers, and the server in the head's container, are ended and looked at. */
#include "planner/runtimes/container.h"

#include <string.h>

#include "planner/base/limits.h"

static const char *
container_end_report(struct arena *a, const struct runtime *runtime)
{
	return script_behind(a, "end-of-file", &(struct script){"", container_text(a, runtime, "container-diagnose")})
		->text;
}

static void
container_end_server(struct arena *a, const struct step *s, const struct kind *in,
		     const struct runtime *runtime, bool free, const char *what,
		     struct tasks *tasks)
{
	struct task *t = tasks_add(a, tasks, s->node, "serve-down", what);

	t->script = engine_script(a, s->cluster->engine,
				  script_behind(a, "gpus", keep_script(a, t->script)));
	container_task(a, t, runtime);
	t->changes = true;
	t->timeout_s = ENGINE_DOWN_LIMIT;
	container_named(a, t, s, in);
	task_arg(a, t, "free", free ? "yes" : NULL);
	task_arg(a, t, "status_sh", engine_text(s->cluster->engine->status_script));
	task_arg(a, t, "diagnose_sh", container_end_report(a, runtime));
}

/* A server that a killed apply left running is ours because of where it runs. */
void
container_clear_beside(struct arena *a, const struct step *s, const struct kind *in,
		       struct tasks *tasks)
{
	container_end_server(a, s, in, s->cluster->runtime, false,
			     arena_printf(a, "end a leftover %s", s->cluster->engine->server), tasks);
}

/* The ports that it had, from its inputs. */
static const char *
container_end_ports(struct arena *a, const struct step *s)
{
	struct attrs have = s->observed.have;
	const char *port = attrs_value(&have, "port", NULL);
	const char *master = attrs_value(&have, "master", NULL);
	const char *colon = master ? strrchr(master, ':') : NULL;

	if (!port)      /* a rank without the API listens at no port of ours */
		return NULL;
	return colon ? arena_printf(a, "%s %s", port, colon + 1) : port;
}

/* Keeps the log; for a rank, also waits until its GPUs and ports are free. */
void
container_down(struct arena *a, const struct step *s, struct tasks *tasks)
{
	const char *name = container_name(a, s->cluster, s->kind->name);
	const struct runtime *there = runtime_there(s);
	const struct script *down = script_get("container-down");
	struct task *t;

	if (s->kind->group)
		t = tasks_add(a, tasks, s->node, "rank-down",
			      arena_printf(a, "keep the log of %s, %s rm -f, wait until its GPUs are "
					   "free", name, there->name));
	else
		t = tasks_add(a, tasks, s->node, "container-down",
			      arena_printf(a, "%s rm -f %s", there->name, name));
	if (s->kind->group)
		t->script = script_behind(a, "gpus", t->script);
	t->script = s->kind->group ? owner_script(a, t->script) : keep_script(a, t->script);
	container_task(a, t, there);
	t->changes = true;
	t->timeout_s = s->kind->group ? ENGINE_DOWN_LIMIT : CONTAINER_DOWN_LIMIT;
	container_named(a, t, s, s->kind);
	task_arg(a, t, "diagnose_sh", container_end_report(a, there));
	if (!s->kind->group) {
		task_arg(a, t, "part", s->kind->name);
		return;
	}
	task_arg(a, t, "node", s->node->name);
	task_arg(a, t, "ports", container_end_ports(a, s));
	down = keep_script(a, &(struct script){"", container_text(a, there, down->name)});
	task_arg(a, t, "down_sh", down->text);
	diagnose_args(a, t);
}

void
container_down_beside(struct arena *a, const struct step *s, const struct kind *in,
		      const char *coordinator, struct tasks *tasks)
{
	(void)coordinator;
	container_end_server(a, s, in, runtime_there(s), true,
			     arena_printf(a, "end %s, wait until its GPUs are free",
					  s->cluster->engine->server), tasks);
}

/* ---- ask ---- */

static struct task *
container_end_ask(struct arena *a, const struct step *on, struct tasks *tasks, const char *script,
	      const char *what)
{
	const struct runtime *runtime = on->cluster->runtime;
	struct task *t = tasks_add(a, tasks, on->node, script,
				   arena_printf(a, "%s %s", runtime->name, what));

	container_task(a, t, runtime);
	task_arg(a, t, "name", container_place(a, on));
	return t;
}

void
container_guard(struct arena *a, const struct step *on, struct tasks *tasks)
{
	struct task *t = container_end_ask(a, on, tasks, "container-guard", "inspect");

	t->timeout_s = GUARD_LIMIT;
	task_arg(a, t, "instance", on->observed.instance);
}

void
container_diagnose(struct arena *a, const struct step *on, bool beside, struct tasks *tasks)
{
	struct task *t = container_end_ask(a, on, tasks, "container-diagnose", "logs");

	t->script = script_behind(a, "end-of-file", t->script);
	t->timeout_s = DIAGNOSE_LIMIT;
	task_arg(a, t, "part", on->kind->name);
	task_arg(a, t, "beside", beside ? "yes" : NULL);
	diagnose_args(a, t);
}

const char *
container_place(struct arena *a, const struct step *s)
{
	return container_name(a, s->cluster, s->kind->name);
}

/* The tasks that belong to no kind: the look at a node, its records, its lock. */
#include "planner/observe.h"

#include <string.h>

#include "planner/kinds/common.h"

/* Seconds: each of these is a few file operations, or a handful of docker calls. */
enum { LOOK_TIMEOUT = 30, RECORD_TIMEOUT = 30, LOCK_TIMEOUT = 10 };

static const char *
or_dash(const char *s)
{
	return s && *s ? s : "-";
}

static struct task
script(struct arena *a, const char *name, int timeout_s, bool changes)
{
	return (struct task){.type = TASK_SCRIPT, .script = script_with(a, "state", name),
		.timeout_s = timeout_s, .changes = changes};
}

/* What the head's own will listen at; with `auto` the look itself may decide. */
static const char *
ports(struct arena *a, const struct spec *s)
{
	const char *backend = s->engine.backend.text, *all = "";

	if (strcmp(backend, "mp") != 0)
		all = arena_printf(a, "%d ", RAY_PORT);
	if (strcmp(backend, "ray") != 0)
		all = arena_printf(a, "%s%lld ", all, s->engine.master_port.value);
	return arena_printf(a, "%s%lld", all, s->serve.port.value);
}

void
observe_task(struct arena *a, const struct model *m, const struct node *n, struct task *t)
{
	bool head = n == &m->node[0];

	*t = script(a, "observe", LOOK_TIMEOUT, false);
	t->script = script_behind(a, "net", process_script(a, "observe"));
	task_arg(a, t, m->cluster);
	task_arg(a, t, or_dash(m->spec->shared_dir.text));
	task_arg(a, t, or_dash(m->image));
	task_arg(a, t, head && m->hf_home && m->hub && !m->spec->model.path.text
		 ? arena_printf(a, "%s/hub/%s", m->hf_home, m->hub) : "-");
	task_arg(a, t, or_dash(m->spec->model.path.text));
	task_arg(a, t, or_dash(m->launcher_script ? m->script_path : NULL));
	/* Ports that must be free or ours. */
	if (head)
		task_arg(a, t, ports(a, m->spec));
	else
		task_arg(a, t, "-");
	task_arg(a, t, container_name(a, m, "head"));
	task_arg(a, t, runtime_word(m->runtime));
	task_arg(a, t, or_dash(m->venv));
	for (size_t i = 0; i < m->nlayout; i++) {
		const struct node *peer = &m->node[i];
		long long port = peer->spec && peer->spec->ssh.port.set
			? peer->spec->ssh.port.value : 22;

		if (peer != n && peer->address)
			task_argf(a, t, "%s %lld", peer->address, port);
	}
}

/* worker[gpu-2] -> worker@gpu-2, which observe.sh turns back. */
static const char *
file_name(struct arena *a, const char *addr)
{
	char *name = arena_strdup(a, addr), *open = strchr(name, '[');
	size_t n = strlen(name);

	if (open && n && name[n - 1] == ']') {
		*open = '@';
		name[n - 1] = '\0';
	}
	return name;
}

void
record_task(struct arena *a, const struct model *m, const char *addr,
	    const struct record *rec, struct task *t)
{
	*t = script(a, "record", RECORD_TIMEOUT, true);
	task_arg(a, t, m->cluster);
	task_arg(a, t, file_name(a, addr));
	task_arg(a, t, rec ? "write" : "remove");
	if (rec) {
		t->input = record_write(a, rec);
		t->ninput = strlen(t->input);
	}
}

void
members_task(struct arena *a, const struct model *m, const char *json, struct task *t)
{
	*t = script(a, "members", RECORD_TIMEOUT, true);
	task_arg(a, t, m->cluster);
	task_arg(a, t, json ? "write" : "remove");
	task_arg(a, t, or_dash(m->spec->shared_dir.text));
	if (json) {
		t->input = arena_printf(a, "%s\n%s\n", json, m->mac_key ? m->mac_key : "");
		t->ninput = strlen(t->input);
	}
}

void
lock_task(struct arena *a, const struct model *m, const char *info_json, struct task *t)
{
	*t = script(a, "lock", LOCK_TIMEOUT, false);
	task_arg(a, t, m->cluster);
	task_arg(a, t, info_json);
}

struct record *
record_of(struct arena *a, const struct step *s, const char *phase, const char *apply_id,
	  const char *at)
{
	struct record *r = ar_new(a, struct record);
	bool done = strcmp(phase, "done") == 0;

	*r = (struct record){
		.step = s->addr, .node = s->node ? s->node->name : NULL, .kind = s->kind->name,
		.phase = phase, .apply_id = apply_id, .at = at,
		.instance = done ? s->seen.instance : NULL,
		.output = done ? s->seen.output : NULL,
		.inputs = step_inputs(a, s),
		.down = s->keep,
	};
	for (size_t i = 0; i < s->deps.n; i++) {
		const struct dep *dep = &s->deps.v[i];

		if (dep->edge == EDGE_INSTANCE && dep->on->seen.instance)
			attrs_add(a, &r->bound, dep->on->addr, dep->on->seen.instance);
	}
	attrs_sort(&r->bound);
	attrs_sort(&r->down);
	return r;
}

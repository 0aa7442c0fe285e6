/* The tasks that belong to no kind: observe a node, write its records, take the lock. */
#include "planner/steps/observe.h"

#include <string.h>

#include "planner/base/limits.h"
#include "planner/cluster/address.h"
#include "planner/runtimes/carried.h"
#include "planner/runtimes/container.h"
#include "planner/runtimes/process.h"
#include "planner/steps/coordinator.h"
#include "planner/steps/inputs.h"
#include "planner/steps/named.h"

static struct task
observe_script(struct arena *a, const char *name, int timeout_s, bool changes)
{
	return (struct task){.type = TASK_SCRIPT, .script = script_with(a, "state", name),
		.timeout_s = timeout_s, .changes = changes};
}

/* The ports that the head's steps may use. With `auto`, the look may still decide. */
static const char *
observe_ports(struct arena *a, const struct cluster *c)
{
	const struct engine *e = c->engine;
	const struct spec *s = c->spec;
	const char *word = s->engine.backend.text, *all = "";

	if (!engine_shape_is(e, SHAPE_RANKS, word) && coordinator_port(c)) {
		all = arena_printf(a, "%d ", coordinator_port(c));
		for (const struct engine_port *p = e->ports; p->what; p++)
			if (p->without)
				all = arena_printf(a, "%s%d ", all, p->from);
	}
	if (!engine_shape_is(e, SHAPE_COORDINATOR, word))
		all = arena_printf(a, "%s%lld ", all, s->engine.master_port.value);
	if (e->data_port && s->parallelism.data.value > 1)
		all = arena_printf(a, "%s%d ", all, e->data_port);
	return arena_printf(a, "%s%lld", all, s->serve.port.value);
}

/* The peers that it dials, if their address is known already. */
static void
observe_peers(struct arena *a, const struct cluster *c, const struct node *n, struct task *t)
{
	size_t peer[ADDRESS_PEERS];
	size_t found = n->rank < c->nlayout ? address_peers(c->nlayout, n->rank, peer) : 0;

	for (size_t i = 0; i < found; i++) {
		const struct node *other = &c->node[peer[i]];

		if (other->address)
			task_wordf(a, t, "%s %d", other->address, node_ssh_port(other));
	}
}

void
observe_task(struct arena *a, const struct cluster *c, const struct node *n, bool verify, struct task *t)
{
	bool head = n == &c->node[0];
	const char *files = NULL;

	*t = observe_script(a, "observe", OBSERVE_LIMIT, false);
	t->script = script_behind(a, "lockfile", process_script(a, "observe"));
	t->script = script_behind(a, "gpus-look", script_behind(a, "container-look",
		script_behind(a, "model-look", script_behind(a, "named-look", t->script))));
	t->script = script_behind(a, "net", t->script);
	if (c->archive && !c->archive_from)
		t->script = script_behind(a, "archive", t->script);
	if (c->spec->carried.n)
		t->script = script_behind(a, "files-look", t->script);
	task_arg(a, t, "cluster", c->name);
	task_arg(a, t, "shared", c->store);
	task_arg(a, t, "image", c->image);
	task_arg(a, t, "archive", c->archive_from ? NULL : c->archive);
	if ((head || !c->store_shared) && c->hf_home && c->hub) {
		task_arg(a, t, "hub", arena_printf(a, "%s/hub/%s", c->hf_home, c->hub));
		task_arg(a, t, "revision", c->spec->model.revision.text);
	}
	if ((head || !c->store_shared) && c->hf_home && c->nextra) {
		const char *list = "";

		for (size_t i = 0; i < c->nextra; i++)
			list = arena_printf(a, "%s%s%s %s", list, i ? " " : "", c->extra[i].hub,
					    c->extra[i].from.revision.text);
		task_arg(a, t, "cache", arena_printf(a, "%s/hub", c->hf_home));
		task_arg(a, t, "repos", list);
	}
	if (c->source && c->source->mount)
		task_arg(a, t, "path", c->source->mount(&c->spec->model));
	if (c->source && c->nnode > 1 && (c->source->mount || !c->store_shared))
		task_arg(a, t, "compare", "yes");
	if (verify && c->source && (head || !c->store_shared || c->source->mount)) {
		task_arg(a, t, "verify", "yes");
		t->timeout_s = VERIFY_LIMIT;
	}
	if (c->launcher_script)
		task_arg(a, t, "script", c->script_path);
	for (size_t i = 0; i < c->spec->carried.n; i++) {
		const char *path = carried_path(a, &c->spec->carried.v[i]);

		if (path)
			files = files ? arena_printf(a, "%s %s", files, path) : path;
	}
	task_arg(a, t, "files", files);
	if (head)
		task_arg(a, t, "ports", observe_ports(a, c));
	if (env_value(c, n, "NCCL_IB_GID_INDEX"))
		task_arg(a, t, "index", "yes");
	task_arg(a, t, "named", named_asked(a, c));
	if (c->sif) {
		t->script = script_behind(a, "sif-look", t->script);
		task_arg(a, t, "sif", c->runtime->file(a, c->sif, c->store));
		task_arg(a, t, "sif_own", *c->sif == '/' ? "own" : NULL);
	}
	if (head && c->engine->status_command &&
	    !engine_shape_is(c->engine, SHAPE_RANKS, c->spec->engine.backend.text)) {
		task_arg(a, t, "status_command", c->engine->status_command);
		task_arg(a, t, "status_sh", engine_text(c->engine->status_script));
	}
	task_arg(a, t, "worker_title", c->engine->worker_title);
	task_arg(a, t, "core_title", c->engine->core_title);
	task_arg(a, t, "head", container_name(a, c, kind_head.name));
	task_arg(a, t, "runtime", c->runtime->name);
	task_arg(a, t, "venv", c->venv);
	task_arg(a, t, "package", c->engine->package);
	task_arg(a, t, "needs", c->engine->shape[SHAPE_COORDINATOR].package);
	task_words(a, t);
	observe_peers(a, c, n, t);
}

/* observe.sh does the reverse. */
const char *
record_name(struct arena *a, const char *addr)
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
record_task(struct arena *a, const struct cluster *c, const char *addr,
	    const struct record *rec, struct task *t)
{
	*t = observe_script(a, "put-record", RECORD_LIMIT, true);
	task_arg(a, t, "cluster", c->name);
	task_arg(a, t, "step", record_name(a, addr));
	task_arg(a, t, "act", rec ? "write" : "remove");
	if (rec) {
		t->input = record_write(a, rec);
		t->ninput = strlen(t->input);
	}
}

void
members_task(struct arena *a, const struct cluster *c, const char *json, struct task *t)
{
	*t = observe_script(a, "put-members", RECORD_LIMIT, true);
	t->script = script_behind(a, "state", script_behind(a, "downloading",
		script_with(a, "lockfile", "put-members")));
	task_arg(a, t, "cluster", c->name);
	task_arg(a, t, "act", json ? "write" : "remove");
	task_arg(a, t, "shared_dir", c->store);
	if (json) {
		t->input = arena_printf(a, "%s\n%s\n", json, c->mac_key ? c->mac_key : "");
		t->ninput = strlen(t->input);
	}
}

void
members_task_with(struct arena *a, const struct cluster *c, const char *json,
		  const struct history_entry *e, struct task *t)
{
	members_task(a, c, json, t);
	if (!json || !e)
		return;
	task_arg(a, t, "history", history_file(a, e));
	t->input = arena_printf(a, "%s%s\n", (const char *)t->input, history_write(a, e));
	t->ninput = strlen(t->input);
}

void
history_task(struct arena *a, const struct cluster *c, struct task *t)
{
	*t = observe_script(a, "print-history", HISTORY_LIMIT, false);
	task_arg(a, t, "cluster", c->name);
}

void
lock_task(struct arena *a, const struct cluster *c, const char *info_json, struct task *t)
{
	*t = observe_script(a, "lock", LOCK_LIMIT, false);
	t->script = owner_script(a, script_with(a, "lockfile", "lock"));
	task_arg(a, t, "cluster", c->name);
	task_arg(a, t, "info", info_json);
}

struct record *
record_of(struct arena *a, const struct step *s, const char *phase, const char *apply_id,
	  const char *at)
{
	struct record *r = ar_new(a, struct record);
	const struct record *then = step_record(s);
	bool done = strcmp(phase, "done") == 0;

	*r = (struct record){
		.took = then ? then->took : 0,
		.memory = then ? then->memory : (struct measured){0},
		.step = s->addr, .node = s->node ? s->node->name : NULL, .kind = s->kind->name,
		.phase = phase, .apply_id = apply_id, .at = at,
		.owner = s->node && s->node->facts ? s->node->facts->owner : NULL,
		.instance = done ? s->observed.instance : NULL,
		.output = done ? s->observed.output : NULL,
		.inputs = step_inputs(a, s),
		.down = s->keep,
	};
	for (size_t i = 0; i < s->deps.n; i++) {
		const struct dep *dep = &s->deps.v[i];

		if (dep->edge == EDGE_INSTANCE && dep->on->observed.instance)
			attrs_add(a, &r->bound, dep->on->addr, dep->on->observed.instance);
	}
	attrs_sort(&r->bound);
	attrs_sort(&r->down);
	return r;
}

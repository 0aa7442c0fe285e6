/* What all runtimes share: which runtime is meant, and what its scripts need. */
#include "planner/runtimes/runtime.h"

#include <string.h>

#include "planner/base/limits.h"
#include "planner/runtimes/carried.h"
#include "planner/runtimes/container.h"
#include "planner/runtimes/process.h"

#define RUNTIME(name) extern const struct runtime runtime_##name;
#include "planner/spec/runtimes.def"
#undef RUNTIME

static const struct runtime *const runtimes[] = {
#define RUNTIME(name) &runtime_##name,
#include "planner/spec/runtimes.def"
#undef RUNTIME
	NULL,
};

const struct runtime *
runtime_find(const char *word)
{
	for (size_t i = 0; runtimes[i]; i++)
		if (strcmp(runtimes[i]->name, word) == 0)
			return runtimes[i];
	return runtimes[0];
}

const char *
runtime_image(struct arena *a, const struct runtime *runtime, const char *image)
{
	return runtime->image(a, image);
}

const char *
runtime_prefix(struct arena *a, const struct runtime *runtime, const char *image, const char *store)
{
	return runtime->prefix ? runtime->prefix(a, image, store) : NULL;
}

const struct runtime *
runtime_of(struct attrs inputs)
{
	return runtime_find(attrs_value(&inputs, "runtime", runtimes[0]->name));
}

const struct runtime *
runtime_there(const struct step *s)
{
	const struct record *r = step_record(s);

	if (s->observed.have.n)
		return runtime_of(s->observed.have);
	if (r && r->inputs.n)
		return runtime_of(r->inputs);
	return s->cluster->runtime;
}

void
runtime_want(struct arena *a, struct step *s)
{
	const struct cluster *c = s->cluster;
	const struct engine_shape *shape = &c->engine->shape[c->shape];
	const struct facts *f = s->node->facts;

	if (c->runtime != runtimes[0])
		attrs_add(a, &s->want, "runtime", c->runtime->name);
	if (c->runtime->contained)
		return;
	attrs_add(a, &s->want, "venv", c->venv);
	/* The image says which version. */
	if (c->sif)
		return;
	if (node_observed(s->node) && f->venv_engine)
		attrs_add(a, &s->want, c->engine->package, f->venv_engine);
	if (node_observed(s->node) && f->venv_needs && shape->needs)
		attrs_add(a, &s->want, shape->package, f->venv_needs);
}

const struct script *
owner_script(struct arena *a, const struct script *then)
{
	return script_behind(a, "state", script_behind(a, "whose", then));
}

const struct script *
keep_script(struct arena *a, const struct script *then)
{
	return owner_script(a, script_behind(a, "keep", then));
}

void
kept_logs(struct arena *a, const struct cluster *c, struct tasks *tasks)
{
	for (size_t i = 0; i < c->nspec; i++) {
		struct task *t = tasks_add(a, tasks, &c->node[i], "kept-logs", "read what was kept");

		t->script = script_behind(a, "state", script_with(a, "keep", "kept-logs"));
		t->timeout_s = DIAGNOSE_LIMIT;
		task_arg(a, t, "cluster", c->name);
		task_arg(a, t, "node", c->node[i].name);
		diagnose_args(a, t);
	}
}

static const struct script *
runtime_script(struct arena *a, const struct runtime *runtime, const struct script *then)
{
	if (!runtime->shim)
		return then;
	return script_behind(a, "bounded", script_behind(a, runtime->shim, then));
}

void
container_task(struct arena *a, struct task *t, const struct runtime *runtime)
{
	t->script = runtime_script(a, runtime, t->script);
}

const char *
container_text(struct arena *a, const struct runtime *runtime, const char *name)
{
	return runtime_script(a, runtime, script_get(name))->text;
}

void
start_server_args(struct arena *a, struct task *t, const struct start *start)
{
	struct attrs *inputs = start->inputs;

	task_arg(a, t, "key", attrs_get(inputs, "api_key") ? "yes" : NULL);
	task_arg(a, t, "bind", attrs_value(inputs, "bind", NULL));
	task_arg(a, t, "port", attrs_value(inputs, "port", NULL));
	if (strcmp(engine_scheme(start->step->cluster->engine, *inputs), "http") != 0)
		task_arg(a, t, "scheme", "https");
	task_arg_int(a, t, "stall", start->until == START_JOINED ? JOIN_STALL : SERVE_STALL);
}

void
diagnose_args(struct arena *a, struct task *t)
{
	task_arg_int(a, t, "lines", DIAGNOSE_LINES);
	task_arg_int(a, t, "bytes", DIAGNOSE_BYTES);
}

const char *
start_awaited(const struct start *start)
{
	const struct observed *o = &start->step->observed;

	return o->coming ? o->instance : NULL;
}

void
env_words(struct arena *a, struct task *t, struct attrs *from)
{
	attrs_sort(from);
	for (size_t i = 0; i < from->n; i++)
		if (strncmp(from->v[i].name, "env.", 4) == 0 && from->v[i].value)
			task_wordf(a, t, "%s=%s", from->v[i].name + 4, carried_text(a, from, from->v[i].value));
}

bool
observe_silent(struct arena *a, struct step *s, const struct runtime *runtime)
{
	const char *state = runtime->state(s->node->facts);

	if (!step_record(s) || (strcmp(state, "down") != 0 && strcmp(state, "denied") != 0))
		return false;
	s->observed.state = STATE_UNKNOWN;
	s->observed.why = arena_printf(a, "%s does not answer there", runtime->title);
	return true;
}

/* The cluster's own runtime if it is contained (or not), else the first that is. */
static const struct runtime *
runtime_like(const struct cluster *c, bool contained)
{
	const struct runtime *const *r = runtimes;

	if (c->runtime->contained == contained)
		return c->runtime;
	while (r[1] && r[0]->contained != contained)
		r++;
	return *r;
}

/* The record says which runtime started it; without one, look for either sort. */
void
observe_engine(struct arena *a, struct step *s, struct diags *problems)
{
	const struct cluster *c = s->cluster;
	const struct record *r = step_record(s);
	const struct runtime *there =
		r ? runtime_of(r->inputs) :
		find_proc(s) ? runtime_like(c, false) :
		find_container(s->node, container_name(a, c, s->kind->name)) ? runtime_like(c, true)
									     : c->runtime;

	there->observe(a, s, problems);
}

bool
engine_lives(struct arena *a, const struct step *s)
{
	const struct fact_proc *p = find_proc(s);

	return (p && p->alive) ||
	       container_runs(find_container(s->node, container_name(a, s->cluster, s->kind->name)));
}

/* The memory that an engine printed when it started: kept in its record, and used by the next
 * layout of the same model. */
#include <string.h>

#include "planner/base/vec.h"
#include "planner/cluster/decide.h"
#include "planner/layout/layout_fit.h"

static const double GIB = 1024.0 * 1024 * 1024;

struct measured
measured_of_start(const struct cluster *c, const char *text)
{
	const struct layout_result *r = c->layout;
	struct measured m = {0};
	struct layout_stage s;

	if (!measured_read(text, &m))
		return (struct measured){0};
	m.tensor = c->tensor;
	m.pipeline = c->pipeline;
	m.model = c->engine->memory_model;
	if (!r || !r->usable || r->best.fit == FIT_UNKNOWN || r->ask->kv_given > 0)
		return m;
	/* The estimate without the correction by an earlier start. */
	s = layout_stage_said(r->ask, &r->best, r->best.worst);
	m.said_weights = s.weights / GIB;
	m.said_kv = s.room / GIB;
	return m;
}

/* Arguments that change the memory in ways that the estimate does not know: what was measured with
 * other values of them does not count. */
static bool
measured_args_same(const struct cluster *c, struct record *r)
{
	static const char *const args[] = {"quantization", "kv-cache-dtype", "enforce-eager", "dtype",
		"enable-expert-parallel", "speculative-config", "cpu-offload-gb", "block-size",
		"enable-lora", "compilation-config", "kv-cache-memory-bytes"};
	struct arena a = {0};
	bool same = true;

	for (size_t i = 0; i < countof(args); i++) {
		const char *had = attrs_value(&r->inputs, arena_printf(&a, "args.%s", args[i]),
					      NULL);
		const char *has = spec_arg_value(c->spec, args[i]);

		same = same && (had && has ? strcmp(had, has) == 0 : !had && !has);
	}
	arena_release(&a);
	return same;
}

static bool
measured_input_is(struct record *r, const char *name, const char *value)
{
	const char *had = attrs_value(&r->inputs, name, NULL);

	return had && value ? strcmp(had, value) == 0 : !had && !value;
}

/* Is the record from a start of the same engine with the same model? */
static bool
measured_is_of(const struct cluster *c, struct record *r)
{
	const struct facts *f = c->venv ? cluster_venv_facts(c) : NULL;

	return measured_input_is(r, "image", c->image) && measured_input_is(r, "venv", c->venv) &&
	       measured_input_is(r, c->engine->package, f ? f->venv_engine : NULL) &&
	       measured_input_is(r, "model.repo", c->spec->model.repo.text) &&
	       (!c->commit || measured_input_is(r, "model.commit", c->commit)) &&
	       measured_input_is(r, "model.path", c->spec->model.path.text) &&
	       measured_args_same(c, r);
}

void
measured_look(const struct cluster *c, struct layout_ask *ask)
{
	struct facts *f = c->nnode && node_observed(&c->node[0]) ? c->node[0].facts : NULL;

	for (size_t i = 0; f && i < f->record.n; i++) {
		struct record *r = &f->record.v[i];

		if (r->memory.kv > 0 && !record_is_custom(r) && measured_is_of(c, r))
			ask->measured = &r->memory;
	}
}

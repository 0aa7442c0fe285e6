/* engine.runtime: none. The engine is a process of a virtual environment on the node. */
#include <string.h>

#include "planner/runtimes/process.h"

static const char *
none_image(struct arena *a, const char *image)
{
	(void)a, (void)image;
	return NULL;
}

static const char *
none_state(const struct facts *f)
{
	(void)f;
	return "ok";
}

/* Reports an error if both show a version and they differ. */
static void
none_compare(const struct node *n, const struct node *first, const char *what,
	     const char *here, const char *there, struct diags *out)
{
	if (n != first && node_observed(first) && here && there && strcmp(here, there) != 0 &&
	    *here != '?' && *there != '?')
		diag_node(out, DIAG_ERROR, n, "install the same version on all nodes",
			  "%s %s here, %s on %s", what, here, there, first->name);
}

/* Is there anything that hf has to download on the node? */
static bool
none_downloads(const struct cluster *c, const struct facts *f)
{
	bool some = c->source->fetched && !c->source->list && !(c->manifest && snapshot_has(f, c->manifest));

	for (size_t i = 0; i < c->nextra; i++)
		some = some || !c->extra[i].manifest || !snapshot_has(f, c->extra[i].manifest);
	return some;
}

/* The virtual environment must have what the steps call, and the head's versions: a
 * coordinator refuses other versions, and ranks with other versions hang. */
static void
none_check(struct arena *a, const struct cluster *c, const struct node *n, struct diags *out)
{
	const struct engine_shape *shape = &c->engine->shape[c->shape];
	const struct facts *f = n->facts, *first = c->node[0].facts;
	bool missing = strcmp(f->venv_state, "missing") == 0;
	const char *make = missing ? arena_printf(a, "python3 -m venv %s, then ", c->venv) : "";
	const char *hint = arena_printf(a, "on %s: %s%s/bin/pip install %s%s%s", n->name, make, c->venv,
					c->engine->package, shape->needs ? " " : "",
					shape->needs ? shape->package : "");

	if (strcmp(f->venv_state, "ok") != 0) {
		diag_node(out, DIAG_ERROR, n, hint, "engine.venv '%s' %s%s%s", c->venv,
			  missing ? "does not exist" : "has no ", missing ? "" : c->engine->package,
			  missing ? "" : " in it");
		return;
	}
	if (shape->needs && !f->venv_needs)
		diag_node(out, DIAG_ERROR, n, arena_printf(a, "on %s: %s/bin/pip install %s, or set "
							   "engine.backend: %s", n->name, c->venv, shape->package,
							   c->engine->shape[SHAPE_RANKS].word),
			  "engine.venv '%s' has no %s in it", c->venv, shape->needs);
	if (n == &c->node[0] && !f->venv_hf && none_downloads(c, f))
		diag_node(out, DIAG_ERROR, n,
			  arena_printf(a, "on %s: %s/bin/pip install huggingface_hub", n->name, c->venv),
			  "engine.venv '%s' has no hf command", c->venv);
	if (!first)
		return;
	none_compare(n, &c->node[0], c->engine->title, f->venv_engine, first->venv_engine, out);
	if (shape->needs)
		none_compare(n, &c->node[0], shape->needs, f->venv_needs, first->venv_needs, out);
}

const struct runtime runtime_none = {
	.name = "none",
	.title = "the host",
	.image = none_image,
	.state = none_state,
	.check = none_check,
	.observe = process_observe,
	.up = process_up,
	.down = process_down,
	.up_beside = process_up_beside,
	.down_beside = process_down_beside,
	.trial = process_trial,
	.guard = process_guard,
	.diagnose = process_diagnose,
	.place = process_place,
};

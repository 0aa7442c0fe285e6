/* engine.backend -> the shape of the engine; the engine's version as observed. */
#include <string.h>

#include "planner/cluster/cluster.h"
#include "planner/facts/facts.h"

const struct facts *
cluster_image_facts(const struct cluster *c)
{
	const struct facts *f = c->nnode ? c->node[0].facts : NULL;

	if (!c->image || !f || f->state != FACTS_OK || !f->engine_image)
		return NULL;
	for (size_t i = 0; i < f->image.n; i++)
		if (strcmp(f->image.v[i].ref, c->image) == 0 &&
		    strcmp(f->image.v[i].id, f->engine_image) == 0)
			return f;
	return NULL;
}

const struct facts *
cluster_venv_facts(const struct cluster *c)
{
	const struct facts *f = c->nnode ? c->node[0].facts : NULL;

	return c->venv && f && f->state == FACTS_OK && *f->venv_state ? f : NULL;
}

struct engine_version
cluster_engine_version(const struct cluster *c)
{
	const struct facts *f = c->venv ? cluster_venv_facts(c) : cluster_image_facts(c);

	if (c->venv && (!c->sif || (f && f->venv_engine)))
		return engine_version_read(f && f->venv_engine ? f->venv_engine : "");
	return f && f->engine_has ? engine_version_read(f->engine_has)
				  : c->engine->version_of_image(c->spec->engine.image.text, false);
}

static struct engine_choice
shape_chosen(struct arena *a, const struct cluster *c, size_t nodes)
{
	for (enum shape shape = 0; shape < SHAPES; shape++)
		if (engine_shape_is(c->engine, shape, c->spec->engine.backend.text))
			return (struct engine_choice){.shape = shape};
	return c->engine->choose(a, c, nodes);
}

void
cluster_choose_shape(struct arena *a, struct cluster *c)
{
	struct engine_choice choice = shape_chosen(a, c, c->nlayout);

	c->shape = choice.shape;
	c->shape_why = choice.why;
	c->shape_guessed = choice.guessed;
}

void
cluster_check_shape(struct arena *a, const struct cluster *c, struct diags *d)
{
	const struct spec_engine *e = &c->spec->engine;
	const struct engine_shape *other = &c->engine->shape[SHAPE_COORDINATOR];
	bool by_data = c->data > 1, named = engine_shape_is(c->engine, SHAPE_RANKS, e->backend.text);
	const char *why;

	if (c->shape != SHAPE_RANKS || c->nlayout < 2 ||
	    c->data >= (long long)c->nlayout)      /* each node has copies of its own */
		return;
	why = c->engine->refuses(a, cluster_engine_version(c), SHAPE_RANKS,
				 by_data || !other->word ? NULL
				 : named ? arena_printf(a, "backend %s", other->word)
					 : arena_printf(a, "one with %s in it", other->needs));
	if (why)
		diag_error(d, named ? e->backend.at : c->venv && !c->sif ? e->venv.at : e->image.at, "%s", why);
}

enum shape
cluster_several_shape(struct arena *a, const struct cluster *c)
{
	return shape_chosen(a, c, 2).shape;
}

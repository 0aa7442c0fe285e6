/* engine.backend auto -> Ray or mp, from what is known of the image, and why. */
#include <string.h>

#include "planner/cluster/cluster.h"
#include "planner/engines/vllm/vllm.h"
#include "planner/facts/facts.h"

/* The record of the engine's step on another node, a worker with a head or a rank; or NULL. Used
 * while the head does not answer. */
static struct record *
shape_left_standing(const struct cluster *c, size_t nodes)
{
	if (!c->nnode || !c->node[0].facts || node_observed(&c->node[0]))
		return NULL;
	for (size_t i = 1; i < nodes && i < c->nnode; i++)
		for (size_t k = 0; node_observed(&c->node[i]) && k < c->node[i].facts->record.n; k++) {
			struct record *r = &c->node[i].facts->record.v[k];

			if (!record_is_custom(r) && (attrs_get(&r->inputs, "head") ||
						     attrs_get(&r->inputs, "rank")))
				return r;
		}
	return NULL;
}

static struct engine_choice
shape_by_ray(bool ray, const char *why)
{
	return (struct engine_choice){ray ? SHAPE_COORDINATOR : SHAPE_RANKS, why, false};
}

struct engine_choice
vllm_choose(struct arena *a, const struct cluster *c, size_t nodes)
{
	struct engine_version v = vllm_version_of_image(c->spec->engine.image.text, false);
	const struct facts *f = c->venv ? cluster_venv_facts(c) : cluster_image_facts(c);
	struct record *left = shape_left_standing(c, nodes);
	bool inside = engine_version_before(v, 0, 18, 0);       /* vLLM's own images have Ray */

	if (c->launcher_script)
		return shape_by_ray(true, "launcher script starts Ray");
	if (c->data > 1)
		return shape_by_ray(false, "data parallel needs no Ray");
	if (nodes == 1)
		return shape_by_ray(false, "one node needs no Ray");
	if (left && (c->venv || !engine_version_known(v)))
		return shape_by_ray(attrs_get(&left->inputs, "head"), "as it runs now; the head does not answer");
	/* What is in the image is not known before its commands are made, and they must not change
	 * the plan then. */
	if (c->sif)
		return shape_by_ray(false, "a SIF file may have no Ray; set engine.backend: ray if it has");
	if (c->venv)
		return shape_by_ray(f && f->venv_needs, f && f->venv_needs
				    ? arena_printf(a, "the environment has Ray %s", f->venv_needs)
				    : f ? "the environment has no Ray" : "the environment was not observed");
	if (f)
		return shape_by_ray(f->engine_needs, f->engine_needs
				    ? arena_printf(a, "the image has Ray %s", f->engine_needs)
				    : "the image has no Ray");
	if (engine_version_known(v))
		return shape_by_ray(inside, arena_printf(a, "vllm-openai v%d.%d.%d has %s", v.major, v.minor,
							 v.patch, inside ? "it" : "no Ray"));
	return (struct engine_choice){SHAPE_RANKS,
		"the tag does not tell; apply looks into the image first", true};
}

/* The GPUs of a node that the engine may use. */
#include "planner/cluster/visible.h"

#include <string.h>

#include "planner/cluster/cluster.h"
#include "planner/facts/facts.h"

/* The maker whose GPUs the image is built for. NULL: not known, or dray does not serve on them. */
static const struct accelerator *
visible_image_accelerator(const struct cluster *c)
{
	const char *image = c->image ? c->image : c->sif, *name = image ? c->engine->image_for(image) : NULL;

	return name ? accelerator_find(name) : NULL;
}

const struct accelerator *
node_accelerator(const struct cluster *c, const struct node *n)
{
	const struct accelerator *by_image = visible_image_accelerator(c);

	if (n->facts && n->facts->gpu.n)
		return accelerator_of(&n->facts->gpu);
	return by_image ? by_image : accelerators[0];
}

/* The variable in the environment of the login, as in a job of Slurm. A process inherits it, and a
 * container does not. */
static const char *
visible_by_login(const struct node *n, const struct accelerator *accelerator, const char **variable)
{
	for (size_t i = 0; node_observed(n) && i < n->facts->selects.n; i++) {
		const struct fact_selects *s = &n->facts->selects.v[i];
		const char *const *too = accelerator->visible_too;
		bool ours = strcmp(s->variable, accelerator->visible) == 0;

		for (; !ours && too && *too; too++)
			ours = strcmp(s->variable, *too) == 0;
		if (ours) {
			*variable = s->variable;
			return s->list;
		}
	}
	return NULL;
}

const char *
node_selects(const struct cluster *c, const struct node *n, const char **variable)
{
	const struct accelerator *accelerator = node_accelerator(c, n);
	const char *const *too = accelerator->visible_too;
	const char *list = env_value(c, n, *variable = accelerator->visible);

	for (; !list && too && *too; too++)
		list = env_value(c, n, *variable = *too);
	return list || c->image ? list : visible_by_login(n, accelerator, variable);
}

/* The GPUs that the node's env selects; those of another node may be among them. */
static struct gpus
visible_selected(struct arena *a, const struct cluster *c, const struct node *n)
{
	const char *variable, *list = node_selects(c, n, &variable);

	return list || n->facts->gpu.slice.n ? gpus_visible(a, &n->facts->gpu, list) : n->facts->gpu;
}

static bool
visible_has(const struct gpus *all, const char *uuid)
{
	for (size_t i = 0; i < all->n; i++)
		if (strcmp(all->v[i].uuid, uuid) == 0)
			return true;
	return false;
}

const struct node *
visible_twice(struct arena *a, const struct cluster *c, const struct node *n, const char **uuid,
	      size_t *nodes)
{
	const struct node *first = NULL;
	struct gpus own;

	if (!node_observed(n))
		return NULL;
	own = visible_selected(a, c, n);
	for (size_t k = 0; k < own.n && !first; k++) {
		const char *id = own.v[k].uuid;

		*nodes = 1;
		for (size_t i = 0; *id && i < c->nlayout; i++) {
			const struct node *other = &c->node[i];
			struct gpus all;

			/* Most nodes share none: look before anything is selected. */
			if (other == n || !node_observed(other) || (!visible_has(&other->facts->gpu, id) &&
								    !other->facts->gpu.slice.n))
				continue;
			all = visible_selected(a, c, other);
			if (!visible_has(&all, id))
				continue;
			first = first ? first : other;
			*uuid = id;
			++*nodes;
		}
	}
	return first;
}

const struct facts *
facts_visible(struct arena *a, const struct cluster *c, const struct node *n)
{
	const char *variable;
	struct facts *f;

	if (!node_observed(n) || (!node_selects(c, n, &variable) && !n->facts->gpu.slice.n))
		return node_observed(n) ? n->facts : NULL;
	f = ar_new(a, struct facts);
	*f = *n->facts;
	f->gpu = visible_selected(a, c, n);
	return f;
}

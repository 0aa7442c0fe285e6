/* engine.backend: auto -> ray or mp, from what is known of the image, and why. */
#include <string.h>

#include "planner/engine_version.h"
#include "planner/facts.h"

/* What an apply found when it looked into the very image that the head has, or NULL. */
static const struct facts *
looked_into(const struct model *m)
{
	const struct facts *f = m->nnode ? m->node[0].facts : NULL;

	if (!m->image || !f || f->state != FACTS_OK || !f->engine_image)
		return NULL;
	for (size_t i = 0; i < f->image.n; i++)
		if (strcmp(f->image.v[i].ref, m->image) == 0 &&
		    strcmp(f->image.v[i].id, f->engine_image) == 0)
			return f;
	return NULL;
}

/* The virtual environment of the head, as a look showed it, or NULL. */
static const struct facts *
environment(const struct model *m)
{
	const struct facts *f = m->nnode ? m->node[0].facts : NULL;

	return m->venv && f && f->state == FACTS_OK && *f->venv_state ? f : NULL;
}

static bool
is_seen(const struct node *n)
{
	return n->facts && n->facts->state == FACTS_OK && n->facts->complete;
}

/* While the head, which could tell, is silent: the record of what another node has of the
 * engine, or NULL. */
static const struct record *
left_standing(const struct model *m)
{
	if (!m->nnode || !m->node[0].facts || is_seen(&m->node[0]))
		return NULL;
	for (size_t i = 1; i < m->nlayout && i < m->nnode; i++)
		for (size_t k = 0; is_seen(&m->node[i]) && k < m->node[i].facts->record.n; k++) {
			const struct record *r = &m->node[i].facts->record.v[k];

			if (strncmp(r->step, "worker[", 7) == 0 || strncmp(r->step, "rank[", 5) == 0)
				return r;
		}
	return NULL;
}

struct engine_version
model_engine_version(const struct model *m)
{
	const struct facts *f = looked_into(m);

	if (m->venv)
		return engine_version_read(environment(m) && environment(m)->venv_vllm
					   ? environment(m)->venv_vllm : "");
	return f && f->engine_vllm ? engine_version_read(f->engine_vllm)
				   : engine_version_of_image(m->spec->engine.image.text);
}

static void
choose(struct model *m, enum backend backend, const char *why)
{
	m->backend = backend;
	m->backend_why = why;
}

void
model_choose_backend(struct arena *a, struct model *m)
{
	const char *word = m->spec->engine.backend.text, *image = m->spec->engine.image.text;
	struct engine_version v = engine_version_of_image(image);
	const struct facts *f = looked_into(m);
	const struct record *r = left_standing(m);

	m->backend_guessed = false;
	if (strcmp(word, "ray") == 0) {
		choose(m, BACKEND_RAY, NULL);
	} else if (strcmp(word, "mp") == 0) {
		choose(m, BACKEND_MP, NULL);
	} else if (m->launcher_script) {
		choose(m, BACKEND_RAY, "launcher script starts Ray");
	} else if (m->data > 1) {
		choose(m, BACKEND_MP, "data parallel goes without Ray");
	} else if (m->nlayout == 1) {
		choose(m, BACKEND_MP, "one node needs no Ray");
	} else if (r && (m->venv || !engine_version_known(v))) {
		choose(m, *r->step == 'w' ? BACKEND_RAY : BACKEND_MP,
		       "as it is there; the head is silent");
	} else if (m->venv) {
		f = environment(m);
		choose(m, f && f->venv_ray ? BACKEND_RAY : BACKEND_MP, f && f->venv_ray
		       ? arena_printf(a, "the environment has Ray %s", f->venv_ray)
		       : f ? "the environment has no Ray" : "the environment cannot be seen");
	} else if (f) {
		choose(m, f->engine_ray ? BACKEND_RAY : BACKEND_MP, f->engine_ray
		       ? arena_printf(a, "the image has Ray %s", f->engine_ray)
		       : "the image has no Ray");
	} else if (engine_version_known(v)) {
		choose(m, engine_has(v, ENGINE_RAY_INSIDE) == ENGINE_YES ? BACKEND_RAY : BACKEND_MP,
		       arena_printf(a, "vllm-openai v%d.%d.%d has %s", v.major, v.minor, v.patch,
				    engine_has(v, ENGINE_RAY_INSIDE) == ENGINE_YES ? "it" : "no Ray"));
	} else {
		choose(m, BACKEND_MP, "the tag does not tell; apply looks into the image first");
		m->backend_guessed = true;
	}
}

enum backend
model_several_backend(struct arena *a, const struct model *m)
{
	struct model several = *m;

	several.nlayout = 2;
	model_choose_backend(a, &several);
	return several.backend;
}

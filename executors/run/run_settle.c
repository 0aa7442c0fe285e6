/* Settles which commits the spec means, by what the servers and the nodes' caches say. */
#include "executors/run/run_looks.h"

#include <string.h>

#include "planner/steps/inputs.h"

/* Did an apply begin a download on the head and not finish it? The step's address begins with these n
 * bytes. */
static bool
settle_is_half_done(const struct cluster *c, const char *step, size_t n)
{
	const struct facts *f = c->node[0].facts;

	for (size_t i = 0; f && i < f->record.n; i++)
		if (f->record.v[i].step && strncmp(f->record.v[i].step, step, n) == 0 &&
		    f->record.v[i].phase && strcmp(f->record.v[i].phase, "done") != 0)
			return true;
	return false;
}

void
settle_model(struct looking *l)
{
	struct run *r = l->run;
	struct cluster *c = r->cluster;
	const struct spec_model *spec = &c->spec->model;
	static const char download[] = "download";
	bool fixed = hub_is_commit(spec->revision.text);
	const char *why = c->commit_why;

	if (!spec->at.line || !c->source->fetched || !c->nnode)
		return;
	c->commit_why = NULL;
	if (fixed && !c->commit && !settle_is_half_done(c, download, sizeof download) &&
	    cluster_take_snapshot(l->arena, c))
		return;
	c->commit_why = why;
	if (fixed && !r->opt.facts_dir) {
		r->lookup = lookup_start(r, l->arena, &l->left, &l->finished);
		looking_wait(l);
	}
	if (r->lookup)
		lookup_finish(r->lookup);
	if (!c->commit && c->commit_why && (fixed || !model_commit(c)))
		cluster_take_snapshot(l->arena, c);
}

void
settle_ask_extras(struct looking *l, bool fixed)
{
	struct cluster *c = l->run->cluster;

	for (size_t i = 0; i < c->nextra; i++) {
		struct cluster_extra *x = &c->extra[i];

		if (hub_is_commit(x->from.revision.text) == fixed && !x->commit && !x->commit_why)
			l->extra[i] = lookup_start_extra(l->run, l->arena, x, &l->left, &l->finished);
	}
}

static bool
settle_is_half_there(struct arena *a, const struct cluster *c, const struct cluster_extra *x)
{
	const char *start = arena_printf(a, "repo.%s[", x->name);

	return settle_is_half_done(c, start, strlen(start));
}

void
settle_extras(struct looking *l)
{
	struct run *r = l->run;
	struct cluster *c = r->cluster;

	for (size_t i = 0; i < c->nextra; i++) {
		struct cluster_extra *x = &c->extra[i];

		if (hub_is_commit(x->from.revision.text) && !x->commit && !x->commit_why &&
		    !settle_is_half_there(l->arena, c, x))
			cluster_take_extra(l->arena, c, x);
	}
	if (!r->opt.facts_dir) {
		settle_ask_extras(l, true);
		looking_wait(l);
	}
	for (size_t i = 0; i < c->nextra; i++) {
		struct cluster_extra *x = &c->extra[i];

		if (l->extra[i])
			lookup_finish(l->extra[i]);
		if (!x->commit && x->commit_why && !extra_commit(c, x))
			cluster_take_extra(l->arena, c, x);
	}
}

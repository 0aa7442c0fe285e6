/* The inputs of a step: what it wants, with what its upstreams and the user's environment add. */
#include "planner/steps/inputs.h"

#include <stdio.h>
#include <string.h>

#include "planner/facts/facts.h"

static void
inputs_add_env(struct arena *a, const struct pairs *from, struct attrs *to)
{
	for (size_t i = 0; i < from->n; i++)
		attrs_add(a, to, arena_printf(a, "env.%s", from->v[i].key.text),
			  from->v[i].value.text ? from->v[i].value.text : "");
}

void
env_want(struct arena *a, const struct cluster *c, const struct node *n, struct attrs *to)
{
	inputs_add_env(a, &c->spec->engine.env, to);
	if (n->spec)
		inputs_add_env(a, &n->spec->env, to);
}

static bool
inputs_same(const char *x, const char *y)
{
	return x && y && strcmp(x, y) == 0;
}

/* The recorded commit comes from a node and becomes part of a path on others: check it. */
static const char *
inputs_recorded_commit(const struct facts *f, const char *step, const struct spec_model *from)
{
	size_t n = strlen(step);

	for (size_t i = 0; i < f->record.n; i++) {
		struct record *r = &f->record.v[i];

		if (!r->step || strncmp(r->step, step, n) != 0 || (r->step[n] && r->step[n] != '[') ||
		    !inputs_same(r->phase, "done"))
			continue;
		if (inputs_same(attrs_value(&r->inputs, "repo", NULL), from->repo.text) &&
		    inputs_same(attrs_value(&r->inputs, "revision", NULL), from->revision.text))
			return hub_is_commit(attrs_value(&r->inputs, "commit", NULL))
				? attrs_value(&r->inputs, "commit", NULL) : NULL;
	}
	return NULL;
}

const char *
model_commit(const struct cluster *c)
{
	const struct node *head = c->nnode ? &c->node[0] : NULL;

	if (c->commit || !head || !node_observed(head))
		return c->commit;
	for (size_t i = 0; i < head->facts->record.n; i++) {
		struct record *r = &head->facts->record.v[i];

		if ((!inputs_same(r->step, "download") && !inputs_same(r->kind, "weights")) ||
		    !inputs_same(r->phase, "done"))
			continue;
		if (inputs_same(attrs_value(&r->inputs, "repo", NULL), c->spec->model.repo.text) &&
		    inputs_same(attrs_value(&r->inputs, "revision", NULL),
				c->spec->model.revision.text))
			return hub_is_commit(attrs_value(&r->inputs, "commit", NULL))
				? attrs_value(&r->inputs, "commit", NULL) : NULL;
	}
	return NULL;
}

const char *
extra_commit(const struct cluster *c, const struct cluster_extra *x)
{
	char step[256];

	if (x->commit || !c->nnode || !node_observed(&c->node[0]))
		return x->commit;
	snprintf(step, sizeof step, "repo.%s", x->name);
	return inputs_recorded_commit(c->node[0].facts, step, &x->from);
}

struct attrs
step_inputs(struct arena *a, const struct step *s)
{
	struct attrs out = {0};

	for (size_t i = 0; i < s->want.n; i++) {
		const struct attr *attr = &s->want.v[i];
		const char *value = attr->value;

		for (size_t k = 0; !value && k < s->deps.n; k++)
			if (inputs_same(s->deps.v[k].input, attr->name))
				value = s->deps.v[k].on->observed.output;
		if (!value)
			value = s->observed.output;
		if (value && attr->secret)
			attrs_add_secret(a, &out, attr->name, value);
		else if (value)
			attrs_add(a, &out, attr->name, value);
	}
	attrs_sort(&out);
	return out;
}

const struct step *
step_upstream(const struct step *s, const char *kind, const struct node *on)
{
	for (size_t i = 0; i < s->deps.n; i++) {
		const struct step *up = s->deps.v[i].on;

		if (strcmp(up->kind->name, kind) == 0 && (!on || up->node == on))
			return up;
	}
	return NULL;
}

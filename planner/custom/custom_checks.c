/* Checks of steps: their nodes, duplicates, and what they wait for. */
#include <string.h>

#include "planner/base/vec.h"
#include "planner/spec/checks.h"
#include "planner/custom/custom_private.h"
#include "planner/steps/kinds.h"

static bool
custom_checks_has_node(const struct spec *s, const char *name)
{
	for (size_t i = 0; i < s->nnode; i++)
		if (s->node[i].name.text && strcmp(s->node[i].name.text, name) == 0)
			return true;
	return false;
}

/* A node named head, workers or all takes precedence over the word. */
static bool
custom_checks_means(const struct spec *s, const struct word *w, size_t i)
{
	if (s->node[i].name.text && strcmp(w->text, s->node[i].name.text) == 0)
		return true;
	if (custom_checks_has_node(s, w->text))
		return false;
	return strcmp(w->text, "all") == 0 || (strcmp(w->text, "head") == 0 && i == 0) ||
	       (strcmp(w->text, "workers") == 0 && i > 0);
}

bool
custom_is_on(const struct spec *s, const struct spec_step *step, size_t node)
{
	for (size_t i = 0; i < step->nodes.n; i++)
		if (custom_checks_means(s, &step->nodes.v[i], node))
			return true;
	return false;
}

const char *
custom_base(struct arena *a, const struct spec_step *s)
{
	if (s->command.text)
		return arena_printf(a, "command.%s", s->command.text);
	return s->kind.text && s->name.text
		? arena_printf(a, "%s.%s", s->kind.text, s->name.text) : NULL;
}

/* " (did you mean 'gpu-1'?)" */
static const char *
custom_checks_node_hint(struct checking *c, const char *word, bool groups)
{
	static const char *const all[] = {"head", "workers", "all"};
	struct arena *a = c->d->arena;
	struct custom_names names = {0};

	for (size_t i = 0; i < c->spec->nnode; i++)
		if (c->spec->node[i].name.text)
			*vec_push(a, &names) = c->spec->node[i].name.text;
	for (size_t i = 0; groups && i < countof(all); i++)
		*vec_push(a, &names) = all[i];
	return diag_hint(a, word, names.v, names.n);
}

void
check_step_nodes(struct checking *c)
{
	const struct spec *s = c->spec;

	for (size_t i = 0; s->nnode && !s->nodes_lost && i < s->steps.n; i++)
		for (size_t k = 0; k < s->steps.v[i].nodes.n; k++) {
			const struct word *w = &s->steps.v[i].nodes.v[k];

			if (!custom_checks_has_node(s, w->text) && strcmp(w->text, "head") != 0 &&
			    strcmp(w->text, "workers") != 0 && strcmp(w->text, "all") != 0)
				check_fail(c, w->at, "no node '%s'%s", w->text,
					   custom_checks_node_hint(c, w->text, true));
		}
}

void
check_step_unique(struct checking *c)
{
	const struct spec *s = c->spec;
	const char **base = ar_array(c->d->arena, const char *, s->steps.n + 1);

	for (size_t i = 0; i < s->steps.n; i++) {
		const struct spec_step *new = &s->steps.v[i];

		base[i] = custom_base(c->d->arena, new);
		for (size_t k = 0; base[i] && k < i; k++) {
			const struct spec_step *old = &s->steps.v[k];
			size_t node = 0;

			if (!base[k] || strcmp(base[i], base[k]) != 0)
				continue;
			while (node < s->nnode &&
			       !(custom_is_on(s, new, node) && custom_is_on(s, old, node)))
				node++;
			if (node == s->nnode)
				continue;
			check_fail(c, (new->command.text ? &new->command : &new->name)->at,
				   "node '%s' already has a step '%s'", s->node[node].name.text,
				   base[i]);
			diag_note(c->d, (old->command.text ? &old->command : &old->name)->at, "here");
			break;
		}
	}
}

struct custom_names
custom_known(struct arena *a, const struct spec *s)
{
	struct custom_names known = {0};

	for (size_t i = 0; kinds[i]; i++)
		*vec_push(a, &known) = kinds[i]->name;
	for (size_t i = 0; s->custom_kinds && i < s->custom_kinds->n; i++)
		*vec_push(a, &known) = s->custom_kinds->v[i]->kind.name;
	for (size_t i = 0; i < s->steps.n; i++) {
		const char *base = custom_base(a, &s->steps.v[i]);

		if (base)
			*vec_push(a, &known) = base;
	}
	return known;
}

bool
custom_knows(const struct custom_names *known, const struct word *w)
{
	size_t n = strcspn(w->text, "[");

	for (size_t i = 0; i < known->n; i++)
		if (strncmp(known->v[i], w->text, n) == 0 && !known->v[i][n])
			return true;
	return false;
}

void
custom_unknown(struct arena *a, struct diags *d, const struct custom_names *known,
	     const struct word *w, const char *check)
{
	size_t n = strcspn(w->text, "[");

	diag_error(d, w->at, "there is no kind or step '%.*s'%s%s", (int)n, w->text,
		   diag_hint(a, arena_strndup(a, w->text, n), known->v, known->n), check);
}

/* Is there a step of that base on the node? */
static bool
custom_checks_is_done_on(struct checking *c, const char *base, size_t n, const char *node)
{
	const struct spec *s = c->spec;

	for (size_t i = 0; i < s->steps.n; i++) {
		const char *own = custom_base(c->d->arena, &s->steps.v[i]);

		for (size_t k = 0; own && strncmp(own, base, n) == 0 && !own[n] && k < s->nnode; k++)
			if (s->node[k].name.text && strcmp(s->node[k].name.text, node) == 0 &&
			    custom_is_on(s, &s->steps.v[i], k))
				return true;
	}
	return false;
}

static void
custom_checks_order(struct checking *c, const struct custom_names *known, const struct word *w)
{
	size_t n = strcspn(w->text, "[");
	bool dotted = memchr(w->text, '.', n);
	const char *node = w->text[n] ? arena_strndup(c->d->arena, w->text + n + 1,
						      strlen(w->text + n) - 2) : NULL;

	/* The user's kinds are not known here; custom_steps_check() checks again. */
	if (!custom_knows(known, w)) {
		if (dotted || (!c->spec->kinds.n && !c->spec->kinds_lost)) {
			custom_unknown(c->d->arena, c->d, known, w, " [step_order]");
			c->failed |= UINT64_C(1) << c->now;
		}
	} else if (!node || !c->spec->nnode || c->spec->nodes_lost) {
		return;
	} else if (!custom_checks_has_node(c->spec, node)) {
		check_fail(c, w->at, "no node '%s'%s", node,
			   custom_checks_node_hint(c, node, false));
	} else if (dotted && !custom_checks_is_done_on(c, w->text, n, node) &&
		   !(c->failed & UINT64_C(1) << CHECK_step_nodes)) {
		check_fail(c, w->at, "step '%.*s' does not run on node '%s'", (int)n, w->text, node);
	}
}

void
check_step_order(struct checking *c)
{
	const struct spec *s = c->spec;
	struct custom_names known = custom_known(c->d->arena, s);

	for (size_t i = 0; i < s->steps.n; i++) {
		const struct words *all[] = {&s->steps.v[i].after, &s->steps.v[i].before,
			&s->steps.v[i].follows};

		for (size_t k = 0; k < countof(all); k++)
			for (size_t j = 0; j < all[k]->n; j++)
				custom_checks_order(c, &known, &all[k]->v[j]);
	}
}

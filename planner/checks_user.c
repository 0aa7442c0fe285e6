/* Checks of steps: where they are done, that none is there twice, what they wait for. */
#include <string.h>

#include "planner/base/vec.h"
#include "planner/checks.h"
#include "planner/user_private.h"

static bool
has_node(const struct spec *s, const char *name)
{
	for (size_t i = 0; i < s->nnode; i++)
		if (s->node[i].name.text && strcmp(s->node[i].name.text, name) == 0)
			return true;
	return false;
}

/* A node's own name is stronger than head, workers and all. */
static bool
means(const struct spec *s, const struct word *w, size_t i)
{
	if (s->node[i].name.text && strcmp(w->text, s->node[i].name.text) == 0)
		return true;
	if (has_node(s, w->text))
		return false;
	return strcmp(w->text, "all") == 0 || (strcmp(w->text, "head") == 0 && i == 0) ||
	       (strcmp(w->text, "workers") == 0 && i > 0);
}

bool
user_is_on(const struct spec *s, const struct spec_step *step, size_t node)
{
	for (size_t i = 0; i < step->nodes.n; i++)
		if (means(s, &step->nodes.v[i], node))
			return true;
	return false;
}

const char *
user_base(struct arena *a, const struct spec_step *s)
{
	if (s->command.text)
		return arena_printf(a, "command.%s", s->command.text);
	return s->kind.text && s->name.text
		? arena_printf(a, "%s.%s", s->kind.text, s->name.text) : NULL;
}

/* " (did you mean 'gpu-1'?)" */
static const char *
node_hint(struct checking *c, const char *word, bool groups)
{
	static const char *const all[] = {"head", "workers", "all"};
	struct arena *a = c->d->arena;
	struct user_names names = {0};

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

			if (!has_node(s, w->text) && strcmp(w->text, "head") != 0 &&
			    strcmp(w->text, "workers") != 0 && strcmp(w->text, "all") != 0)
				check_fail(c, w->at, "no node '%s'%s", w->text,
					   node_hint(c, w->text, true));
		}
}

/* The first node that both entries are done on; nnode: none. */
static size_t
common_node(const struct spec *s, const struct spec_step *x, const struct spec_step *y)
{
	size_t n = 0;

	while (n < s->nnode && !(user_is_on(s, x, n) && user_is_on(s, y, n)))
		n++;
	return n;
}

void
check_step_unique(struct checking *c)
{
	const struct spec *s = c->spec;
	const char **base = ar_array(c->d->arena, const char *, s->steps.n + 1);

	for (size_t i = 0; i < s->steps.n; i++) {
		const struct spec_step *new = &s->steps.v[i];

		base[i] = user_base(c->d->arena, new);
		for (size_t k = 0; base[i] && k < i; k++) {
			const struct spec_step *old = &s->steps.v[k];
			size_t node;

			if (!base[k] || strcmp(base[i], base[k]) != 0)
				continue;
			node = common_node(s, new, old);
			if (node == s->nnode)
				continue;
			check_fail(c, (new->command.text ? &new->command : &new->name)->at,
				   "there is a step '%s' on node '%s' already", base[i],
				   s->node[node].name.text);
			diag_note(c->d, (old->command.text ? &old->command : &old->name)->at, "here");
			break;
		}
	}
}

bool
user_knows(const struct user_names *known, const struct word *w)
{
	size_t n = strcspn(w->text, "[");

	for (size_t i = 0; i < known->n; i++)
		if (strncmp(known->v[i], w->text, n) == 0 && !known->v[i][n])
			return true;
	return false;
}

void
user_unknown(struct arena *a, struct diags *d, const struct user_names *known,
	     const struct word *w, const char *check)
{
	size_t n = strcspn(w->text, "[");

	diag_error(d, w->at, "there is no kind and no step '%.*s'%s%s", (int)n, w->text,
		   diag_hint(a, arena_strndup(a, w->text, n), known->v, known->n), check);
}

/* Is a step of that base done on the node? */
static bool
is_done_on(struct checking *c, const char *base, size_t n, const char *node)
{
	const struct spec *s = c->spec;

	for (size_t i = 0; i < s->steps.n; i++) {
		const char *own = user_base(c->d->arena, &s->steps.v[i]);

		for (size_t k = 0; own && strncmp(own, base, n) == 0 && !own[n] && k < s->nnode; k++)
			if (s->node[k].name.text && strcmp(s->node[k].name.text, node) == 0 &&
			    user_is_on(s, &s->steps.v[i], k))
				return true;
	}
	return false;
}

static void
check_order(struct checking *c, const struct user_names *known, const struct word *w)
{
	size_t n = strcspn(w->text, "[");
	bool dotted = memchr(w->text, '.', n);
	const char *node = w->text[n] ? arena_strndup(c->d->arena, w->text + n + 1,
						      strlen(w->text + n) - 2) : NULL;

	/* The user's kinds are not known here; user_steps_check() looks again. */
	if (!user_knows(known, w)) {
		if (dotted || (!c->spec->kinds.n && !c->spec->kinds_lost)) {
			user_unknown(c->d->arena, c->d, known, w, " [step_order]");
			c->failed |= UINT64_C(1) << c->now;
		}
	} else if (!node || !c->spec->nnode || c->spec->nodes_lost) {
		return;
	} else if (!has_node(c->spec, node)) {
		check_fail(c, w->at, "no node '%s'%s", node, node_hint(c, node, false));
	} else if (dotted && !is_done_on(c, w->text, n, node) &&
		   !(c->failed & UINT64_C(1) << CHECK_step_nodes)) {
		check_fail(c, w->at, "step '%.*s' is not done on node '%s'", (int)n, w->text, node);
	}
}

void
check_step_order(struct checking *c)
{
	const struct spec *s = c->spec;
	struct user_names known = {0};

	for (size_t i = 0; kinds[i]; i++)
		*vec_push(c->d->arena, &known) = kinds[i]->name;
	for (size_t i = 0; i < s->steps.n; i++) {
		const char *base = user_base(c->d->arena, &s->steps.v[i]);

		if (base)
			*vec_push(c->d->arena, &known) = base;
	}
	for (size_t i = 0; i < s->steps.n; i++) {
		const struct words *all[] = {&s->steps.v[i].after, &s->steps.v[i].before,
			&s->steps.v[i].follows};

		for (size_t k = 0; k < countof(all); k++)
			for (size_t j = 0; j < all[k]->n; j++)
				check_order(c, &known, &all[k]->v[j]);
	}
}

/* after:, before: and follows: as edges of the graph: those of the spec, and of steps that
 * left it those of their records. */
#include <string.h>

#include "planner/base/vec.h"
#include "planner/graph.h"
#include "planner/kinds/common.h"
#include "planner/user_private.h"

struct steps {
	struct step **v;
	size_t n, cap;
};

struct linker {
	struct graph_builder *b;
	struct problems *problems;
	const struct spec_step *entry;
	struct steps own;               /* the entry's steps */
};

/* An address, a kind, or an address without its node, of n bytes. */
static bool
means(const char *word, size_t n, const struct step *step)
{
	if (strncmp(step->addr, word, n) != 0)
		return false;
	return !step->addr[n] || step->addr[n] == '[' ||
	       (step->addr[n] == '.' && strncmp(step->kind->name, word, n) == 0 &&
		!step->kind->name[n]);
}

bool
user_means(const struct word *w, const struct step *step)
{
	return means(w->text, strlen(w->text), step);
}

static bool
is_own(const struct linker *l, const struct step *step)
{
	for (size_t i = 0; i < l->own.n; i++)
		if (l->own.v[i] == step)
			return true;
	return false;
}

/* What the word means; of a kind that includes the entry itself, all but that. */
static struct steps
targets(struct linker *l, const struct word *w)
{
	const struct graph *g = l->b->graph;
	bool kind = !strpbrk(w->text, ".["), in_use = false;
	struct steps found = {0};
	size_t n = strcspn(w->text, "[");

	if (w->text[n]) {
		struct step *one = graph_find(g, w->text);

		if (one)
			*vec_push(l->b->arena, &found) = one;
		for (size_t i = 0; !one && !in_use && i < g->range.n; i++)
			in_use = strncmp(g->range.v[i].kind->name, w->text, n) == 0 &&
				 !g->range.v[i].kind->name[n];
		if (in_use)
			problem_add(l->b->arena, l->problems, DIAG_WARNING, NULL,
				    "'after', 'before' and 'follows' can name what there is",
				    "%s names %s, and there is no such step",
				    l->own.n ? l->own.v[0]->addr : "a step", w->text);
		return found;
	}
	for (size_t r = 0; r < g->range.n; r++) {
		const struct graph_range *range = &g->range.v[r];
		size_t length = strlen(range->kind->name);

		/* Nothing is ever done in a step without an up. */
		if (!range->kind->up || strncmp(range->kind->name, w->text, length) != 0 ||
		    (w->text[length] && w->text[length] != '.'))
			continue;
		for (size_t i = range->first; i < range->end; i++)
			if (user_means(w, g->v[i]) && !(kind && is_own(l, g->v[i])))
				*vec_push(l->b->arena, &found) = g->v[i];
	}
	return found;
}

static void
link_words(struct linker *l, const struct words *words, enum edge edge, bool before)
{
	for (size_t k = 0; k < words->n; k++) {
		struct steps found = targets(l, &words->v[k]);

		for (size_t i = 0; i < l->own.n; i++)
			for (size_t j = 0; j < found.n; j++)
				graph_dep(l->b, before ? found.v[j] : l->own.v[i],
					  before ? l->own.v[i] : found.v[j], edge, NULL);
	}
}

void
user_link(struct graph_builder *b, struct problems *problems)
{
	const struct model *m = b->model;

	/* The steps of an entry lie together. */
	for (size_t i = 0, end; i < m->user.n; i = end) {
		struct linker l = {.b = b, .problems = problems, .entry = m->user.v[i].spec};

		for (end = i; end < m->user.n && m->user.v[end].spec == l.entry; end++) {
			struct step *s = graph_find(b->graph, m->user.v[end].addr);

			if (s)
				*vec_push(b->arena, &l.own) = s;
		}
		link_words(&l, &l.entry->after, EDGE_ORDER, false);
		link_words(&l, &l.entry->follows, EDGE_INSTANCE, false);
		link_words(&l, &l.entry->before, EDGE_ORDER, true);
	}
}

/* ---- what left the spec ---- */

static const char *
joined(struct arena *a, const char *text, const struct words *words)
{
	for (size_t i = 0; i < words->n; i++)
		text = arena_printf(a, "%s%s%s", text, *text ? " " : "", words->v[i].text);
	return text;
}

void
user_keep_order(struct arena *a, const struct spec_step *spec, struct attrs *keep)
{
	const char *after = joined(a, joined(a, "", &spec->after), &spec->follows);
	const char *before = joined(a, "", &spec->before);

	if (*after)
		attrs_add(a, keep, "after", after);
	if (*before)
		attrs_add(a, keep, "before", before);
}

static bool
any_means(const char *words, const struct step *step)
{
	for (size_t n; *words; words += n + (words[n] == ' ')) {
		n = strcspn(words, " ");
		if (means(words, n, step))
			return true;
	}
	return false;
}

/* Of the user's, and of another entry than `own`. */
static bool
is_other(const struct step *own, const struct step *step)
{
	size_t n = strcspn(own->addr, "[");

	return (step->kind == &kind_command || user_kind_of(step->kind)) &&
	       (strncmp(own->addr, step->addr, n) != 0 || step->addr[n] != '[');
}

void
user_link_orphans(struct graph_builder *b)
{
	const struct graph *g = b->graph;
	size_t first = g->n;

	while (first && g->v[first - 1]->orphan)
		first--;
	for (size_t i = first; i < g->n; i++) {
		const struct record *r = step_record(g->v[i]);
		struct attrs kept = r ? r->down : (struct attrs){0};
		const char *after = attrs_value(&kept, "after", ""), *before = attrs_value(&kept, "before", "");

		if (!*after && !*before)
			continue;
		for (size_t k = first; k < g->n; k++) {
			if (!is_other(g->v[i], g->v[k]))
				continue;
			if (any_means(after, g->v[k]))
				graph_dep(b, g->v[i], g->v[k], EDGE_ORDER, NULL);
			if (any_means(before, g->v[k]))
				graph_dep(b, g->v[k], g->v[i], EDGE_ORDER, NULL);
		}
	}
}

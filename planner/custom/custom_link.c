/* after:, before: and follows: as edges of the graph, from the spec, or from the records of
 * steps that left it. */
#include <string.h>

#include "planner/base/vec.h"
#include "planner/plan/graph.h"
#include "planner/base/diag.h"
#include "planner/custom/custom_private.h"

struct steps {
	struct step **v;
	size_t n, cap;
};

struct linker {
	struct graph_builder *b;
	struct diags *problems;
	const struct spec_step *entry;
	struct steps own;               /* the entry's steps */
};

/* Is the word (n bytes) the step's address, its address without the node, or its kind? */
static bool
custom_link_means(const char *word, size_t n, const struct step *step)
{
	if (strncmp(step->addr, word, n) != 0)
		return false;
	return !step->addr[n] || step->addr[n] == '[' ||
	       (step->addr[n] == '.' && strncmp(step->kind->name, word, n) == 0 &&
		!step->kind->name[n]);
}

static bool
custom_link_is_own(const struct linker *l, const struct step *step)
{
	for (size_t i = 0; i < l->own.n; i++)
		if (l->own.v[i] == step)
			return true;
	return false;
}

/* The steps that the word means, without those of the entry itself. */
static struct steps
custom_link_targets(struct linker *l, const struct word *w)
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
			diag_node(l->problems, DIAG_WARNING, NULL,
				  "'after', 'before' and 'follows' must name existing steps",
				  "%s names %s, but there is no such step",
				  l->own.n ? l->own.v[0]->addr : "a step", w->text);
		return found;
	}
	for (size_t r = 0; r < g->range.n; r++) {
		const struct graph_range *range = &g->range.v[r];
		size_t length = strlen(range->kind->name);

		/* A step without an up does nothing. */
		if (!range->kind->up || strncmp(range->kind->name, w->text, length) != 0 ||
		    (w->text[length] && w->text[length] != '.'))
			continue;
		for (size_t i = range->first; i < range->end; i++)
			if (custom_link_means(w->text, strlen(w->text), g->v[i]) &&
			    !(kind && custom_link_is_own(l, g->v[i])))
				*vec_push(l->b->arena, &found) = g->v[i];
	}
	return found;
}

static void
custom_link_words(struct linker *l, const struct words *words, enum edge edge, bool before)
{
	for (size_t k = 0; k < words->n; k++) {
		struct steps found = custom_link_targets(l, &words->v[k]);

		for (size_t i = 0; i < l->own.n; i++)
			for (size_t j = 0; j < found.n; j++)
				graph_dep_by(l->b, before ? found.v[j] : l->own.v[i],
					     before ? l->own.v[i] : found.v[j], edge, &words->v[k]);
	}
}

void
custom_link(struct graph_builder *b, struct diags *problems)
{
	const struct cluster *c = b->cluster;

	/* The steps of an entry are next to each other. */
	for (size_t i = 0, end; i < c->custom.n; i = end) {
		struct linker l = {.b = b, .problems = problems, .entry = c->custom.v[i].spec};

		for (end = i; end < c->custom.n && c->custom.v[end].spec == l.entry; end++) {
			struct step *s = graph_find(b->graph, c->custom.v[end].addr);

			if (s)
				*vec_push(b->arena, &l.own) = s;
		}
		custom_link_words(&l, &l.entry->after, EDGE_ORDER, false);
		custom_link_words(&l, &l.entry->follows, EDGE_INSTANCE, false);
		custom_link_words(&l, &l.entry->before, EDGE_ORDER, true);
	}
}

/* ---- steps that left the spec ---- */

static const char *
custom_link_joined(struct arena *a, const char *text, const struct words *words)
{
	for (size_t i = 0; i < words->n; i++)
		text = arena_printf(a, "%s%s%s", text, *text ? " " : "", words->v[i].text);
	return text;
}

void
custom_keep_order(struct arena *a, const struct spec_step *spec, struct attrs *keep)
{
	const char *after =
		custom_link_joined(a, custom_link_joined(a, "", &spec->after), &spec->follows);
	const char *before = custom_link_joined(a, "", &spec->before);

	if (*after)
		attrs_add(a, keep, "after", after);
	if (*before)
		attrs_add(a, keep, "before", before);
}

static bool
custom_link_any_means(const char *words, const struct step *step)
{
	for (size_t n; *words; words += n + (words[n] == ' ')) {
		n = strcspn(words, " ");
		if (custom_link_means(words, n, step))
			return true;
	}
	return false;
}

void
custom_link_orphans(struct graph_builder *b)
{
	const struct graph *g = b->graph;
	size_t first = g->n;

	while (first && g->v[first - 1]->orphan)
		first--;
	for (size_t i = first; i < g->n; i++) {
		const struct record *r = step_record(g->v[i]);
		struct attrs kept = r ? r->down : (struct attrs){0};
		const char *after = attrs_value(&kept, "after", ""), *before = attrs_value(&kept, "before", "");
		size_t n = strcspn(g->v[i]->addr, "[");

		if (!*after && !*before)
			continue;
		for (size_t k = first; k < g->n; k++) {
			struct step *other = g->v[k];

			/* Only user's steps, and of another entry. */
			if (!other->kind->users ||
			    (strncmp(g->v[i]->addr, other->addr, n) == 0 && other->addr[n] == '['))
				continue;
			if (custom_link_any_means(after, other))
				graph_dep(b, g->v[i], other, EDGE_ORDER, NULL);
			if (custom_link_any_means(before, other))
				graph_dep(b, other, g->v[i], EDGE_ORDER, NULL);
		}
	}
}

/* steps: of the spec over the nodes of the model: one step a node, each by its address. */
#include "planner/user.h"

#include <string.h>

#include "planner/base/vec.h"
#include "planner/graph.h"
#include "planner/order.h"
#include "planner/user_private.h"

enum { KINDS_MAX = 40, STEPS_MAX = 20 * 1000 };

struct builder {
	struct arena *arena;
	struct model *m;
	const struct spec *spec;
	struct diags *d;
	const char **base;              /* of each entry: "command.scratch" */
};

/* ---- kinds ---- */

/* Ours, the user's in the place of commands: a step of the user's that has left the spec
 * goes down after what dray itself runs. */
static void
merge_kinds(struct builder *b, const struct user_kinds *user)
{
	const struct kind **list;
	size_t n = 0;

	while (kinds[n])
		n++;
	list = ar_array(b->arena, const struct kind *, n + user->n + 1);
	n = 0;
	for (size_t i = 0; kinds[i]; i++) {
		list[n++] = kinds[i];
		for (size_t k = 0; kinds[i] == &kind_command && k < user->n; k++)
			list[n++] = &user->v[k]->kind;
	}
	b->m->kinds = list;
}

static void
build_kinds(struct builder *b)
{
	const struct user_kinds *user = b->spec->user_kinds;

	if (!user || !user->n)
		return;
	if (user->n > KINDS_MAX) {
		diag_error(b->d, user->v[KINDS_MAX]->at, "more than %d kinds", KINDS_MAX);
		return;
	}
	for (size_t i = 0; i < user->n; i++)
		for (size_t k = 0; k < i; k++) {
			if (strcmp(user->v[i]->kind.name, user->v[k]->kind.name) != 0)
				continue;
			diag_error(b->d, user->v[i]->at, "'%s' defines kind '%s', which is there "
				   "already", user->v[i]->file, user->v[i]->kind.name);
			diag_note(b->d, user->v[k]->at, "defined by '%s'", user->v[k]->file);
			break;
		}
	merge_kinds(b, user);
}

const struct user_kind *
user_kind_of(const struct kind *kind)
{
	/* Only kinds that user_kind_read() made have this, as their first member. */
	return kind->see == kind_lua.see ? (const struct user_kind *)(const void *)kind : NULL;
}

static const struct user_kind *
kind_of(struct builder *b, const struct word *name)
{
	const struct user_kinds *user = b->spec->user_kinds;
	size_t n = user ? user->n : 0;
	const char **names = ar_array(b->arena, const char *, n + 1);

	for (size_t i = 0; i < n; i++) {
		names[i] = user->v[i]->kind.name;
		if (strcmp(names[i], name->text) == 0)
			return user->v[i];
	}
	if (kind_find(name->text))
		diag_error(b->d, name->at, "'%s' is a kind of dray's own, which makes its steps itself",
			   name->text);
	else
		diag_error(b->d, name->at, "no file under 'kinds' defines a kind '%s'%s", name->text,
			   diag_hint(b->arena, name->text, names, n));
	return NULL;
}

/* ---- nodes ---- */

static bool
has_node(const struct spec *s, const char *name)
{
	for (size_t i = 0; i < s->nnode; i++)
		if (strcmp(s->node[i].name.text, name) == 0)
			return true;
	return false;
}

/* A node's own name is stronger than head, workers and all. */
static bool
means(const struct spec *s, const struct word *w, size_t i)
{
	if (strcmp(w->text, s->node[i].name.text) == 0)
		return true;
	if (has_node(s, w->text))
		return false;
	return strcmp(w->text, "all") == 0 || (strcmp(w->text, "head") == 0 && i == 0) ||
	       (strcmp(w->text, "workers") == 0 && i > 0);
}

static void
check_nodes(struct builder *b, const struct spec_step *step)
{
	static const char *const groups[] = {"head", "workers", "all"};
	const struct spec *s = b->spec;

	for (size_t i = 0; i < step->nodes.n; i++) {
		const struct word *w = &step->nodes.v[i];
		const char **names = ar_array(b->arena, const char *, s->nnode + 3);
		bool known = has_node(s, w->text);

		for (size_t k = 0; k < countof(groups); k++) {
			names[s->nnode + k] = groups[k];
			known = known || strcmp(groups[k], w->text) == 0;
		}
		for (size_t k = 0; k < s->nnode; k++)
			names[k] = s->node[k].name.text;
		if (!known)
			diag_error(b->d, w->at, "no node '%s'%s", w->text,
				   diag_hint(b->arena, w->text, names, s->nnode + 3));
	}
}

/* ---- steps ---- */

static void
command_want(struct arena *a, const struct spec_step *step, struct attrs *want)
{
	const struct { const char *name, *text; } all[] = {{"check", step->check.text},
		{"creates", step->creates.text}, {"run", step->run.text}, {"undo", step->undo.text}};

	for (size_t i = 0; i < countof(all); i++)
		if (all[i].text)
			attrs_add(a, want, all[i].name, all[i].text);
	attrs_sort(want);
}

/* "KIND.NAME" of an entry. */
static const char *
base_of(struct arena *a, const struct spec_step *s)
{
	return s->command.text ? arena_printf(a, "command.%s", s->command.text)
			       : arena_printf(a, "%s.%s", s->kind.text, s->name.text);
}

static bool
is_on(const struct spec *s, const struct spec_step *step, size_t node)
{
	for (size_t i = 0; i < step->nodes.n; i++)
		if (means(s, &step->nodes.v[i], node))
			return true;
	return false;
}

/* Two entries may share a name when no node has both. */
static bool
is_twice(struct builder *b, size_t i)
{
	const struct spec_step *new = &b->spec->steps.v[i];

	for (size_t k = 0; k < i; k++) {
		const struct spec_step *old = &b->spec->steps.v[k];

		if (strcmp(b->base[i], b->base[k]) != 0)
			continue;
		for (size_t n = 0; n < b->spec->nnode; n++) {
			if (!is_on(b->spec, new, n) || !is_on(b->spec, old, n))
				continue;
			diag_error(b->d, (new->command.text ? new->command : new->name).at,
				   "there is a step '%s' on node '%s' already", b->base[i],
				   b->spec->node[n].name.text);
			diag_note(b->d, (old->command.text ? old->command : old->name).at, "here");
			return true;
		}
	}
	return false;
}

static void
build_step(struct builder *b, size_t entry)
{
	const struct spec_step *step = &b->spec->steps.v[entry];
	const bool command = step->command.text;
	const struct user_kind *user = command ? NULL : kind_of(b, &step->kind);
	struct attrs want = {0};
	struct value *args = NULL;

	check_nodes(b, step);
	if (is_twice(b, entry) || (!command && !user))
		return;
	if (command)
		command_want(b->arena, step, &want);
	else
		args = user_args(b->arena, user, step, &want, b->d);
	for (size_t i = 0; i < b->spec->nnode; i++) {
		struct user_step *new;

		if (!is_on(b->spec, step, i))
			continue;
		new = vec_push(b->arena, &b->m->user);
		*new = (struct user_step){.kind = command ? &kind_command : &user->kind, .user = user,
			.spec = step, .node = b->spec->node[i].name.text, .args = args};
		new->addr = arena_printf(b->arena, "%s[%s]", b->base[entry], new->node);
		/* Secrets are added to each step's own. */
		for (size_t k = 0; k < want.n; k++)
			attrs_add(b->arena, &new->want, want.v[k].name, want.v[k].value);
		attrs_sort(&new->want);
	}
}

struct user_step *
user_step_find(const struct model *m, const char *addr)
{
	for (size_t i = 0; i < m->user.n; i++)
		if (strcmp(m->user.v[i].addr, addr) == 0)
			return &m->user.v[i];
	return NULL;
}

/* ---- after, before, follows ---- */

struct names {
	const char **v;
	size_t n, cap;
};

static bool
has(const struct names *list, const char *name, size_t n)
{
	for (size_t i = 0; i < list->n; i++)
		if (strncmp(list->v[i], name, n) == 0 && !list->v[i][n])
			return true;
	return false;
}

static void
check_reference(struct builder *b, const struct names *known, const struct word *w)
{
	size_t n = strcspn(w->text, "[");
	const char *node = w->text[n] ? arena_strndup(b->arena, w->text + n + 1,
						      strlen(w->text + n) - 2) : NULL;

	if (!has(known, w->text, n)) {
		diag_error(b->d, w->at, "there is no kind and no step '%.*s'%s", (int)n, w->text,
			   diag_hint(b->arena, arena_strndup(b->arena, w->text, n), known->v,
				     known->n));
	} else if (node && !has_node(b->spec, node)) {
		const char **names = ar_array(b->arena, const char *, b->spec->nnode + 1);

		for (size_t i = 0; i < b->spec->nnode; i++)
			names[i] = b->spec->node[i].name.text;
		diag_error(b->d, w->at, "no node '%s'%s", node,
			   diag_hint(b->arena, node, names, b->spec->nnode));
	} else if (node && memchr(w->text, '.', n) && !user_step_find(b->m, w->text)) {
		diag_error(b->d, w->at, "step '%.*s' is not done on node '%s'", (int)n, w->text, node);
	}
}

static void
check_references(struct builder *b)
{
	const struct kind *const *list = b->m->kinds ? b->m->kinds : kinds;
	struct names known = {0};

	for (; *list; list++)
		*vec_push(b->arena, &known) = (*list)->name;
	for (size_t i = 0; i < b->spec->steps.n; i++)
		*vec_push(b->arena, &known) = b->base[i];
	for (size_t i = 0; i < b->spec->steps.n; i++) {
		const struct spec_step *s = &b->spec->steps.v[i];
		const struct words *all[] = {&s->after, &s->before, &s->follows};

		for (size_t k = 0; k < countof(all); k++)
			for (size_t j = 0; j < all[k]->n; j++)
				check_reference(b, &known, &all[k]->v[j]);
	}
}

/* The word of an entry that makes `then` wait for `first`, or NULL. */
static const struct word *
reason(const struct step *then, const struct step *first)
{
	const struct user_step *u = then->user;

	for (size_t i = 0; u && i < u->spec->after.n; i++)
		if (user_means(&u->spec->after.v[i], first))
			return &u->spec->after.v[i];
	for (size_t i = 0; u && i < u->spec->follows.n; i++)
		if (user_means(&u->spec->follows.v[i], first))
			return &u->spec->follows.v[i];
	u = first->user;
	for (size_t i = 0; u && i < u->spec->before.n; i++)
		if (user_means(&u->spec->before.v[i], then))
			return &u->spec->before.v[i];
	return NULL;
}

/* The graph as it will be, without a look at any node, only for its shape. */
static void
check_circle(struct builder *b)
{
	struct problems problems = {0};
	struct graph *g = graph_build(b->arena, b->m, &problems);
	struct circle c = graph_circle(b->arena, g);
	bool told = false;

	for (size_t i = 0; i + 1 < c.n; i++) {
		const struct word *w = reason(c.v[i], c.v[i + 1]);

		if (w && !told)
			diag_error(b->d, w->at, "%s", circle_text(b->arena, &c));
		else if (w)
			diag_note(b->d, w->at, "because of this as well");
		told = told || w;
	}
}

bool
user_steps_build(struct arena *a, struct model *m, const struct spec *spec, struct diags *d)
{
	struct builder b = {.arena = a, .m = m, .spec = spec, .d = d};
	size_t before = d->nerror;

	build_kinds(&b);
	b.base = ar_array(a, const char *, spec->steps.n + 1);
	for (size_t i = 0; i < spec->steps.n; i++)
		b.base[i] = base_of(a, &spec->steps.v[i]);
	for (size_t i = 0; i < spec->steps.n; i++)
		build_step(&b, i);
	if (m->user.n > STEPS_MAX)
		diag_error(d, spec->steps.v[0].at, "more than %d steps", STEPS_MAX);
	check_references(&b);
	if (d->nerror == before && m->user.n)
		check_circle(&b);
	return d->nerror == before;
}

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

const struct user_kind *
user_kind_of(const struct kind *kind)
{
	/* Only kinds that user_kind_read() made have this, as their first member. */
	return kind->see == kind_lua.see ? (const struct user_kind *)(const void *)kind : NULL;
}

static const struct user_kind *
kind_find_user(const struct spec *s, const char *name)
{
	for (size_t i = 0; s->user_kinds && i < s->user_kinds->n; i++)
		if (strcmp(s->user_kinds->v[i]->kind.name, name) == 0)
			return s->user_kinds->v[i];
	return NULL;
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

static void
build_step(struct builder *b, const struct spec_step *step)
{
	const bool command = step->command.text;
	const struct user_kind *user = command ? NULL : kind_find_user(b->spec, step->kind.text);
	struct attrs want = {0};
	struct value *args = NULL;

	if (command)
		command_want(b->arena, step, &want);
	else
		args = user_args(b->arena, user, step, &want, b->d);
	for (size_t i = 0; i < b->spec->nnode; i++) {
		struct user_step *new;

		if (!user_is_on(b->spec, step, i))
			continue;
		new = vec_push(b->arena, &b->m->user);
		*new = (struct user_step){.kind = command ? &kind_command : &user->kind, .user = user,
			.spec = step, .node = b->spec->node[i].name.text, .args = args};
		new->addr = arena_printf(b->arena, "%s[%s]", user_base(b->arena, step), new->node);
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

/* ---- what is wrong with them ---- */

static void
check_kinds(struct builder *b)
{
	const struct user_kinds *user = b->spec->user_kinds;

	if (user->n > KINDS_MAX)
		diag_error(b->d, user->v[KINDS_MAX]->at, "more than %d kinds", KINDS_MAX);
	for (size_t i = 0; i < user->n && i < KINDS_MAX; i++)
		for (size_t k = 0; k < i; k++) {
			if (strcmp(user->v[i]->kind.name, user->v[k]->kind.name) != 0)
				continue;
			diag_error(b->d, user->v[i]->at, "'%s' defines kind '%s', which is there "
				   "already", user->v[i]->file, user->v[i]->kind.name);
			diag_note(b->d, user->v[k]->at, "defined by '%s'", user->v[k]->file);
			break;
		}
}

static void
unknown_kind(struct builder *b, const struct word *name)
{
	const struct user_kinds *user = b->spec->user_kinds;
	struct user_names names = {0};

	for (size_t i = 0; user && i < user->n; i++)
		*vec_push(b->arena, &names) = user->v[i]->kind.name;
	if (kind_find(name->text))
		diag_error(b->d, name->at, "'%s' is a kind of dray's own, which makes its steps itself",
			   name->text);
	else if (!b->spec->kinds_lost)
		diag_error(b->d, name->at, "no file under 'kinds' defines a kind '%s'%s", name->text,
			   diag_hint(b->arena, name->text, names.v, names.n));
}

static void
check_step(struct builder *b, const struct spec_step *step)
{
	const struct user_kind *kind;

	if (step->command.at.line || !step->kind.text)
		return;
	kind = kind_find_user(b->spec, step->kind.text);
	if (kind)
		user_args(b->arena, kind, step, &(struct attrs){0}, b->d);
	else
		unknown_kind(b, &step->kind);
}

/* What is neither a step of the spec nor one of our kinds is one of the user's kinds. */
static void
check_order(struct builder *b)
{
	const struct spec *spec = b->spec;
	struct user_names known = {0};

	for (size_t i = 0; kinds[i]; i++)
		*vec_push(b->arena, &known) = kinds[i]->name;
	for (size_t i = 0; spec->user_kinds && i < spec->user_kinds->n; i++)
		*vec_push(b->arena, &known) = spec->user_kinds->v[i]->kind.name;
	for (size_t i = 0; i < spec->steps.n; i++) {
		const char *base = user_base(b->arena, &spec->steps.v[i]);

		if (base)
			*vec_push(b->arena, &known) = base;
	}
	for (size_t i = 0; i < spec->steps.n; i++) {
		const struct spec_step *s = &spec->steps.v[i];
		const struct words *all[] = {&s->after, &s->before, &s->follows};

		for (size_t k = 0; k < countof(all); k++)
			for (size_t j = 0; j < all[k]->n; j++) {
				const struct word *w = &all[k]->v[j];

				if (!strchr(w->text, '.') && !user_knows(&known, w))
					user_unknown(b->arena, b->d, &known, w, "");
			}
	}
}

void
user_steps_check(struct arena *a, const struct spec *s, struct diags *d)
{
	struct builder b = {.arena = a, .spec = s, .d = d};

	if (s->user_kinds)
		check_kinds(&b);
	for (size_t i = 0; i < s->steps.n; i++)
		check_step(&b, &s->steps.v[i]);
	if (s->kinds.n && !s->kinds_lost)
		check_order(&b);
}

/* ---- circles ---- */

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

/* Takes all edges away that the word makes; were there any? */
static bool
forget(struct graph *g, const struct word *w)
{
	bool any = false;

	for (size_t i = 0; i < g->n; i++) {
		struct step *s = g->v[i];
		size_t n = 0;

		for (size_t k = 0; k < s->deps.n; k++)
			if (reason(s, s->deps.v[k].on) != w)
				s->deps.v[n++] = s->deps.v[k];
		any = any || n < s->deps.n;
		s->deps.n = n;
	}
	return any;
}

/* The graph as it will be, without a look at any node, only for its shape. Circles that have
 * a word in common are told as one. */
static void
check_circles(struct builder *b)
{
	struct problems problems = {0};
	struct graph *g = graph_build(b->arena, b->m, &problems);

	for (bool more = true; more; graph_order(b->arena, g)) {
		struct circle c = graph_circle(b->arena, g);
		bool told = false;

		more = false;
		for (size_t i = 0; i + 1 < c.n; i++) {
			const struct word *w = reason(c.v[i], c.v[i + 1]);

			if (w && !told)
				diag_error(b->d, w->at, "%s", circle_text(b->arena, &c));
			else if (w)
				diag_note(b->d, w->at, "because of this as well");
			told = told || w;
		}
		for (size_t i = 0; i + 1 < c.n; i++) {
			const struct word *w = reason(c.v[i], c.v[i + 1]);

			if (w && forget(g, w))
				more = true;
		}
	}
}

bool
user_steps_build(struct arena *a, struct model *m, const struct spec *spec, struct diags *d)
{
	size_t before = d->nerror;
	struct diags quiet = {.arena = a};
	/* Of a spec that is wrong, what is wrong with its steps was said. */
	struct builder b = {.arena = a, .m = m, .spec = spec, .d = before ? &quiet : d};

	if (spec->user_kinds && spec->user_kinds->n)
		merge_kinds(&b, spec->user_kinds);
	for (size_t i = 0; i < spec->steps.n && m->user.n <= STEPS_MAX; i++)
		build_step(&b, &spec->steps.v[i]);
	b.d = d;
	if (m->user.n > STEPS_MAX)
		diag_error(d, spec->steps.v[0].at, "more than %d steps", STEPS_MAX);
	if (d->nerror == before && m->user.n)
		check_circles(&b);
	return d->nerror == before;
}

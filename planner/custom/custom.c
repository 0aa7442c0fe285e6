/* steps: of the spec -> one step for each node, with its address. */
#include "planner/custom/custom.h"

#include <string.h>

#include "planner/base/vec.h"
#include "planner/custom/custom_private.h"
#include "planner/steps/kinds.h"

enum { KINDS_MAX = 40, STEPS_MAX = 20 * 1000 };

struct builder {
	struct arena *arena;
	struct cluster *cluster;
	const struct spec *spec;
	struct diags *d;
};

/* ---- kinds ---- */

/* dray's kinds, with the user's in the place of commands: a user's step that left the spec goes
 * down after what dray itself runs. */
static void
custom_merge_kinds(struct builder *b, const struct custom_kinds *user)
{
	const struct kind **list;
	size_t n = 0;

	while (kinds[n])
		n++;
	list = ar_array(b->arena, const struct kind *, n + (user ? user->n : 0) + 1);
	n = 0;
	for (size_t i = 0; kinds[i]; i++) {
		list[n++] = kinds[i];
		for (size_t k = 0; user && kinds[i] == &kind_command && k < user->n; k++)
			list[n++] = &user->v[k]->kind;
	}
	b->cluster->kinds = list;
}

static const struct custom_kind *
custom_kind_find(const struct spec *s, const char *name)
{
	for (size_t i = 0; s->custom_kinds && i < s->custom_kinds->n; i++)
		if (strcmp(s->custom_kinds->v[i]->kind.name, name) == 0)
			return s->custom_kinds->v[i];
	return NULL;
}

/* ---- steps ---- */

static void
custom_build_step(struct builder *b, const struct spec_step *step)
{
	const bool command = step->command.text;
	const struct { const char *name, *text; } own[] = {{"check", step->check.text},
		{"creates", step->creates.text}, {"run", step->run.text}, {"undo", step->undo.text}};
	const struct custom_kind *user = command ? NULL : custom_kind_find(b->spec, step->kind.text);
	struct attrs want = {0};
	struct value *args = NULL;

	if (!command)
		args = custom_args(b->arena, user, step, &want, b->d);
	for (size_t i = 0; command && i < countof(own); i++)
		if (own[i].text)
			attrs_add(b->arena, &want, own[i].name, own[i].text);
	for (size_t i = 0; i < b->spec->nnode; i++) {
		struct custom_step *new;

		if (!custom_is_on(b->spec, step, i))
			continue;
		new = vec_push(b->arena, &b->cluster->custom);
		*new = (struct custom_step){.kind = command ? &kind_command : &user->kind, .user = user,
			.spec = step, .node = b->spec->node[i].name.text, .args = args};
		new->addr = arena_printf(b->arena, "%s[%s]", custom_base(b->arena, step), new->node);
			/* A copy: each step adds its own secrets. */
		for (size_t k = 0; k < want.n; k++)
			attrs_add(b->arena, &new->want, want.v[k].name, want.v[k].value);
		attrs_sort(&new->want);
	}
}

struct custom_step *
custom_step_find(const struct cluster *c, const char *addr)
{
	for (size_t i = 0; i < c->custom.n; i++)
		if (strcmp(c->custom.v[i].addr, addr) == 0)
			return &c->custom.v[i];
	return NULL;
}

/* ---- errors ---- */

static void
custom_check_kinds(struct builder *b)
{
	const struct custom_kinds *user = b->spec->custom_kinds;

	if (user->n > KINDS_MAX)
		diag_error(b->d, user->v[KINDS_MAX]->at, "more than %d kinds", KINDS_MAX);
	for (size_t i = 0; i < user->n && i < KINDS_MAX; i++)
		for (size_t k = 0; k < i; k++) {
			if (strcmp(user->v[i]->kind.name, user->v[k]->kind.name) != 0)
				continue;
			diag_error(b->d, user->v[i]->at, "'%s' defines kind '%s', which is already "
				   "defined", user->v[i]->file, user->v[i]->kind.name);
			diag_note(b->d, user->v[k]->at, "defined by '%s'", user->v[k]->file);
			break;
		}
}

static void
custom_unknown_kind(struct builder *b, const struct word *name)
{
	const struct custom_kinds *user = b->spec->custom_kinds;
	struct custom_names names = {0};

	for (size_t i = 0; user && i < user->n; i++)
		*vec_push(b->arena, &names) = user->v[i]->kind.name;
	if (kind_find(name->text))
		diag_error(b->d, name->at, "'%s' is one of dray's own kinds: dray adds its steps itself",
			   name->text);
	else if (!b->spec->kinds_lost)
		diag_error(b->d, name->at, "no file under 'kinds' defines a kind '%s'%s", name->text,
			   diag_hint(b->arena, name->text, names.v, names.n));
}

/* A name that is neither a step of the spec nor one of dray's kinds must be a user's kind. */
static void
custom_check_order(struct builder *b)
{
	const struct spec *spec = b->spec;
	struct custom_names known = custom_known(b->arena, spec);

	for (size_t i = 0; i < spec->steps.n; i++) {
		const struct spec_step *s = &spec->steps.v[i];
		const struct words *all[] = {&s->after, &s->before, &s->follows};

		for (size_t k = 0; k < countof(all); k++)
			for (size_t j = 0; j < all[k]->n; j++) {
				const struct word *w = &all[k]->v[j];

				if (!strchr(w->text, '.') && !custom_knows(&known, w))
					custom_unknown(b->arena, b->d, &known, w, "");
			}
	}
}

void
custom_steps_check(struct arena *a, const struct spec *s, struct diags *d)
{
	struct builder b = {.arena = a, .spec = s, .d = d};

	if (s->custom_kinds)
		custom_check_kinds(&b);
	for (size_t i = 0; i < s->steps.n; i++) {
		const struct spec_step *step = &s->steps.v[i];
		const struct custom_kind *kind;

		if (step->command.at.line || !step->kind.text)
			continue;
		kind = custom_kind_find(s, step->kind.text);
		if (kind)
			custom_args(a, kind, step, &(struct attrs){0}, d);
		else
			custom_unknown_kind(&b, &step->kind);
	}
	if (s->kinds.n && !s->kinds_lost)
		custom_check_order(&b);
}

bool
custom_steps_build(struct arena *a, struct cluster *c, struct diags *d)
{
	const struct spec *spec = c->spec;
	struct diags quiet = {.arena = a};
	/* custom_steps_check() already reported errors in the steps. */
	struct builder b = {.arena = a, .cluster = c, .spec = spec, .d = &quiet};

	custom_merge_kinds(&b, spec->custom_kinds);
	for (size_t i = 0; i < spec->steps.n && c->custom.n <= STEPS_MAX; i++)
		custom_build_step(&b, &spec->steps.v[i]);
	if (c->custom.n > STEPS_MAX)
		diag_error(d, spec->steps.v[0].at, "more than %d steps", STEPS_MAX);
	return c->custom.n <= STEPS_MAX;
}

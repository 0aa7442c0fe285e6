/* with: of a step, by the fields of its kind. */
#include <stdlib.h>
#include <string.h>

#include "planner/base/vec.h"
#include "planner/user.h"
#include "planner/user_private.h"

struct giver {
	struct arena *arena;
	const struct user_kind *kind;
	const struct spec_step *step;
	struct attrs *want;
	struct diags *d;
};

const char *
user_text(struct arena *a, const struct value *v)
{
	switch (v->type) {
	case VALUE_TEXT: return v->text;
	case VALUE_BOOL: return v->boolean ? "true" : "false";
	case VALUE_INTEGER: return arena_printf(a, "%lld", v->integer);
	default: return value_write(a, v);
	}
}

void
user_add(struct arena *a, struct attrs *to, const struct user_field *f, const struct value *v)
{
	if (f->type != USER_MAP) {
		attrs_add(a, to, f->name, user_text(a, v));
		return;
	}
	for (size_t i = 0; v->type == VALUE_MAP && i < v->n; i++)
		attrs_add(a, to, arena_printf(a, "%s.%s", f->name, v->key[i]),
			  user_text(a, v->item[i]));
}

static bool
is_reference(const char *s)
{
	static const char *const prefix[] = {"env:", "file:", "cmd:"};

	for (size_t i = 0; i < countof(prefix); i++) {
		size_t n = strlen(prefix[i]);

		if (strncmp(s, prefix[i], n) == 0)
			return s[n + strspn(s + n, " ")] != '\0';
	}
	return false;
}

static struct value *
secret(struct giver *g, const struct user_field *f, const struct tree *t)
{
	if (t->type == TREE_TEXT && is_reference(t->text))
		return value_text(g->arena, t->text);
	if (t->type == TREE_TEXT && t->to > t->from)
		diag_hide(g->d, t->src, t->from, t->to);
	diag_error(g->d, t->at, "'%s' must be a reference: env:NAME, file:PATH or cmd:COMMAND, "
		   "never the secret itself", f->name);
	return NULL;
}

static bool
has_control(const char *s)
{
	for (; *s; s++)
		if (((unsigned char)*s < 0x20 && *s != '\n' && *s != '\t') || *s == 0x7f)
			return true;
	return false;
}

/* A scalar by the type of its field, not by its looks. */
static struct value *
scalar(struct giver *g, const struct user_field *f, const struct tree *t)
{
	const struct value *looks;

	switch (f->type) {
	case USER_BOOL:
		if (strcmp(t->text, "true") == 0 || strcmp(t->text, "false") == 0)
			return value_bool(g->arena, *t->text == 't');
		diag_error(g->d, t->at, "'%s' must be true or false", f->name);
		return NULL;
	case USER_INTEGER:
		looks = spec_value(g->arena, &(struct tree){.type = TREE_TEXT, .plain = true,
				   .text = t->text});
		if (looks->type == VALUE_INTEGER)
			return value_integer(g->arena, looks->integer);
		diag_error(g->d, t->at, "'%s' must be a whole number", f->name);
		return NULL;
	default:
		if (!has_control(t->text))
			return value_text(g->arena, t->text);
		diag_error(g->d, t->at, "'%s' contains a control character", f->name);
		return NULL;
	}
}

static struct value *
given(struct giver *g, const struct user_field *f, const struct tree *t)
{
	bool composed = f->type == USER_LIST || f->type == USER_MAP;

	if (t->type == TREE_BAD)
		return NULL;
	if (tree_is_empty(t) && !composed) {
		diag_error(g->d, t->at, "'%s' has no value", f->name);
		return NULL;
	}
	if (f->secret)
		return secret(g, f, t);
	if (tree_is_empty(t))
		return f->type == USER_LIST ? value_list(g->arena) : value_map(g->arena);
	if ((f->type == USER_LIST && t->type == TREE_LIST) ||
	    (f->type == USER_MAP && t->type == TREE_MAP))
		return spec_value(g->arena, t);
	if (!composed && t->type == TREE_TEXT)
		return scalar(g, f, t);
	diag_error(g->d, t->at, "'%s' must be %s%s, not a %s", f->name,
		   f->type == USER_INTEGER ? "an " : "a ", user_type_word(f->type),
		   t->type == TREE_LIST ? "list" : t->type == TREE_MAP ? "map" : "text");
	return NULL;
}

static void
unknown(struct giver *g, const struct tree *key, const struct tree *item)
{
	const char **names = ar_array(g->arena, const char *, g->kind->nfield + 1), *near;

	for (size_t i = 0; i < g->kind->nfield; i++)
		names[i] = g->kind->field[i].name;
	near = diag_nearest(key->text, names, g->kind->nfield);
	/* A secret under a misspelt key is one all the same. */
	if (near && user_field_find(g->kind, near)->secret && item->to > item->from)
		diag_hide(g->d, item->src, item->from, item->to);
	diag_error(g->d, key->at, "kind '%s' has no field '%.60s'%s", g->kind->kind.name, key->text,
		   diag_hint(g->arena, key->text, names, g->kind->nfield));
}

static const struct tree *
find(const struct tree *map, const char *key)
{
	for (size_t i = 0; map && i < map->n; i++)
		if (map->key[i]->type == TREE_TEXT && strcmp(map->key[i]->text, key) == 0)
			return map->item[i];
	return NULL;
}

struct value *
user_args(struct arena *a, const struct user_kind *kind, const struct spec_step *step,
	  struct attrs *want, struct diags *d)
{
	struct giver g = {.arena = a, .kind = kind, .step = step, .want = want, .d = d};
	struct value *args = value_map(a);
	const struct tree *with = step->with;
	size_t before = d->nerror;

	for (size_t i = 0; with && i < with->n; i++)
		if (with->key[i]->type == TREE_TEXT && !user_field_find(kind, with->key[i]->text))
			unknown(&g, with->key[i], with->item[i]);
	for (size_t i = 0; i < kind->nfield; i++) {
		const struct user_field *f = &kind->field[i];
		const struct tree *t = find(with, f->name);
		struct value *v = t ? given(&g, f, t) : f->fallback;

		if (!t && f->required && !(with && with->type == TREE_BAD))
			diag_error(d, with ? with->at : step->at, "'%s' is missing in 'with' of "
				   "this %s%s%s%s", f->name, kind->kind.name, f->doc ? " (" : "",
				   f->doc ? f->doc : "", f->doc ? ")" : "");
		if (!v)
			continue;
		value_set(a, args, f->name, v);
		if (!f->secret)
			user_add(a, want, f, v);
	}
	attrs_sort(want);
	return d->nerror == before ? args : NULL;
}

/* with: of a step, read by the fields of its kind. */
#include <stdlib.h>
#include <string.h>

#include "planner/base/vec.h"
#include "planner/custom/custom.h"
#include "planner/custom/custom_private.h"
#include "planner/spec/read.h"

struct giver {
	struct arena *arena;
	const struct custom_kind *kind;
	struct diags *d;
};

const char *
custom_text(struct arena *a, const struct value *v)
{
	switch (v->type) {
	case VALUE_TEXT: return v->text;
	case VALUE_BOOL: return v->boolean ? "true" : "false";
	case VALUE_INTEGER: return arena_printf(a, "%lld", v->integer);
	default: return value_write(a, v);
	}
}

void
custom_add(struct arena *a, struct attrs *to, const struct custom_field *f, const struct value *v)
{
	if (f->type != CUSTOM_MAP) {
		attrs_add(a, to, f->name, custom_text(a, v));
		return;
	}
	for (size_t i = 0; v->type == VALUE_MAP && i < v->n; i++)
		attrs_add(a, to, arena_printf(a, "%s.%s", f->name, v->key[i]),
			  custom_text(a, v->item[i]));
}

static struct value *
custom_args_secret(struct giver *g, const struct custom_field *f, const struct tree *t)
{
	struct secret_ref ref = secret_ref_of(t->type == TREE_TEXT ? t->text : "");

	if (ref.from != SECRET_NONE && *ref.what)
		return value_text(g->arena, t->text);
	if (t->type == TREE_TEXT && t->to > t->from)
		diag_hide(g->d, t->src, t->from, t->to);
	diag_error(g->d, t->at, "'%s' must be a reference: env:NAME, file:PATH or cmd:COMMAND, "
		   "never the secret itself", f->name);
	return NULL;
}

/* A scalar, read by the type of its field. */
static struct value *
custom_args_scalar(struct giver *g, const struct custom_field *f, const struct tree *t)
{
	const struct value *looks;

	switch (f->type) {
	case CUSTOM_BOOL:
		if (strcmp(t->text, "true") == 0 || strcmp(t->text, "false") == 0)
			return value_bool(g->arena, *t->text == 't');
		diag_error(g->d, t->at, "'%s' must be true or false", f->name);
		return NULL;
	case CUSTOM_INTEGER:
		looks = spec_value(g->arena, &(struct tree){.type = TREE_TEXT, .plain = true,
				   .text = t->text});
		if (looks->type == VALUE_INTEGER)
			return value_integer(g->arena, looks->integer);
		diag_error(g->d, t->at, "'%s' must be a whole number", f->name);
		return NULL;
	default:
		for (const char *s = t->text; *s; s++)
			if (((unsigned char)*s < 0x20 && *s != '\n' && *s != '\t') || *s == 0x7f) {
				diag_error(g->d, t->at, "'%s' contains a control character", f->name);
				return NULL;
			}
		return value_text(g->arena, t->text);
	}
}

static struct value *
custom_args_given(struct giver *g, const struct custom_field *f, const struct tree *t)
{
	bool composed = f->type == CUSTOM_LIST || f->type == CUSTOM_MAP;

	if (t->type == TREE_BAD)
		return NULL;
	if (tree_is_empty(t) && !composed) {
		diag_error(g->d, t->at, "'%s' has no value", f->name);
		return NULL;
	}
	if (f->secret)
		return custom_args_secret(g, f, t);
	if (tree_is_empty(t))
		return f->type == CUSTOM_LIST ? value_list(g->arena) : value_map(g->arena);
	if ((f->type == CUSTOM_LIST && t->type == TREE_LIST) ||
	    (f->type == CUSTOM_MAP && t->type == TREE_MAP))
		return spec_value(g->arena, t);
	if (!composed && t->type == TREE_TEXT)
		return custom_args_scalar(g, f, t);
	diag_error(g->d, t->at, "'%s' must be %s%s, not a %s", f->name,
		   f->type == CUSTOM_INTEGER ? "an " : "a ", custom_type_word(f->type),
		   t->type == TREE_LIST ? "list" : t->type == TREE_MAP ? "map" : "text");
	return NULL;
}

/* Reports a field that the kind does not have. If the name of one that is not given is near, the
 * key is renamed to it, so that its value is checked and it is not missing. */
static void
custom_args_unknown(struct giver *g, const struct tree *with, size_t i)
{
	const char **names = ar_array(g->arena, const char *, g->kind->nfield + 1), *near;
	const struct tree *item = with->item[i];
	struct tree *key = with->key[i];

	for (size_t j = 0; j < g->kind->nfield; j++)
		names[j] = g->kind->field[j].name;
	near = diag_nearest(key->text, names, g->kind->nfield);
	/* The value of a misspelt secret is hidden too. */
	if (near && custom_field_find(g->kind, near)->secret && item->to > item->from)
		diag_hide(g->d, item->src, item->from, item->to);
	diag_error(g->d, key->at, "kind '%s' has no field '%.60s'%s", g->kind->kind.name, key->text,
		   diag_hint(g->arena, key->text, names, g->kind->nfield));
	if (near && !read_find(with, near))
		key->text = near;
}

struct value *
custom_args(struct arena *a, const struct custom_kind *kind, const struct spec_step *step,
	  struct attrs *want, struct diags *d)
{
	struct giver g = {.arena = a, .kind = kind, .d = d};
	struct value *args = value_map(a);
	const struct tree *with = step->with;
	size_t before = d->nerror;

	for (size_t i = 0; with && i < with->n; i++)
		if (with->key[i]->type == TREE_TEXT && !custom_field_find(kind, with->key[i]->text))
			custom_args_unknown(&g, with, i);
	for (size_t i = 0; i < kind->nfield; i++) {
		const struct custom_field *f = &kind->field[i];
		const struct tree *t = with ? read_find(with, f->name) : NULL;
		struct value *v = t ? custom_args_given(&g, f, t) : f->fallback;

		if (!t && f->required && !(with && with->type == TREE_BAD))
			diag_error(d, with ? with->at : step->at, "'%s' is missing in 'with' of "
				   "this %s%s%s%s", f->name, kind->kind.name, f->doc ? " (" : "",
				   f->doc ? f->doc : "", f->doc ? ")" : "");
		if (!v)
			continue;
		value_set(a, args, f->name, v);
		if (!f->secret)
			custom_add(a, want, f, v);
	}
	attrs_sort(want);
	return d->nerror == before ? args : NULL;
}

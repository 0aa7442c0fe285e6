/* Attributes of a Lua kind's steps <-> tables for its functions. */
#include <stdlib.h>
#include <string.h>

#include "planner/base/hash.h"
#include "planner/base/vec.h"
#include "planner/custom/custom_private.h"

/* The field of an attribute NAME, or NAME.KEY if the field is a map. */
static const struct custom_field *
custom_values_field_of(const struct custom_kind *kind, const char *attr)
{
	size_t n = strcspn(attr, ".");

	for (size_t i = 0; i < kind->nfield; i++) {
		const struct custom_field *f = &kind->field[i];

		if (strncmp(f->name, attr, n) == 0 && !f->name[n] &&
		    (attr[n] == '.') == (f->type == CUSTOM_MAP))
			return f;
	}
	return NULL;
}

/* Converts what observe() returns for a field of another type if it is unambiguous: a string
 * of digits for an integer, an integer for a string. */
static const struct value *
custom_values_fit(struct arena *a, const struct custom_field *f, const struct value *v)
{
	const char *end;
	char *stop;

	switch (f->type) {
	case CUSTOM_TEXT:
		if (v->type == VALUE_TEXT)
			return v;
		return v->type == VALUE_INTEGER ? value_text(a, custom_text(a, v)) : NULL;
	case CUSTOM_INTEGER:
		if (v->type == VALUE_INTEGER)
			return v;
		if (v->type == VALUE_NUMBER && v->number > -1e15 && v->number < 1e15 &&
		    v->number == (double)(long long)v->number)
			return value_integer(a, (long long)v->number);
		end = v->type == VALUE_TEXT ? v->text + (*v->text == '-') : "";
		if (!*end || strspn(end, "0123456789") != strlen(end) || strlen(end) > 18)
			return NULL;
		return value_integer(a, strtoll(v->text, &stop, 10));
	case CUSTOM_BOOL:
		return v->type == VALUE_BOOL ? v : NULL;
	case CUSTOM_LIST:
		return v->type == VALUE_LIST ? v : v->type == VALUE_MAP && !v->n ? value_list(a) : NULL;
	case CUSTOM_MAP:
		return v->type == VALUE_MAP || (v->type == VALUE_LIST && !v->n) ? v : NULL;
	}
	return NULL;
}

bool
custom_attrs(struct arena *a, const struct custom_kind *kind, const struct value *have,
	   const char *mac_key, struct attrs *to, struct err *e)
{
	const char **names = ar_array(a, const char *, kind->nfield + 1);

	if (have->type != VALUE_MAP && !(have->type == VALUE_LIST && !have->n))
		return err_set(e, "it must return a table of fields, or nil if nothing is there");
	for (size_t i = 0; i < kind->nfield; i++)
		names[i] = kind->field[i].name;
	for (size_t i = 0; i < have->n; i++) {
		const struct custom_field *f = custom_field_find(kind, have->key[i]);
		const struct value *v = f ? custom_values_fit(a, f, have->item[i]) : NULL;
		char mac[HASH_HEX];

		if (!f)
			return err_set(e, "it returned '%.60s', which is not a field of kind '%s'%s",
				       have->key[i], kind->kind.name,
				       diag_hint(a, have->key[i], names, kind->nfield));
		if (!v || (v->type == VALUE_TEXT && strlen(v->text) != v->n))
			return err_set(e, "it returned a '%s' that is not of type %s", f->name,
				       custom_type_word(f->type));
		if (f->secret) {
			hash_mac(mac_key ? mac_key : "", v->text, v->n, mac);
			attrs_add_secret(a, to, f->name, arena_strdup(a, mac));
		} else {
			custom_add(a, to, f, v);
		}
	}
	attrs_sort(to);
	return true;
}

/* The string of an attribute as a value of the field's type. */
static struct value *
custom_values_typed(struct arena *a, const struct custom_field *f, const char *text)
{
	struct err e = {0};
	struct value *v;

	switch (f->type) {
	case CUSTOM_INTEGER:
		return value_integer(a, strtoll(text, NULL, 10));
	case CUSTOM_BOOL:
		return value_bool(a, strcmp(text, "true") == 0);
	case CUSTOM_LIST:
		v = value_read(a, text, strlen(text), &e);
		return v ? v : value_list(a);
	default:
		return value_text(a, text);
	}
}

struct value *
custom_table(struct arena *a, const struct custom_kind *kind, const struct attrs *from)
{
	struct value *table = value_map(a);

	/* An empty map has no attributes, but is a map. */
	for (size_t i = 0; i < kind->nfield; i++)
		if (kind->field[i].type == CUSTOM_MAP)
			value_set(a, table, kind->field[i].name, value_map(a));
	for (size_t i = 0; i < from->n; i++) {
		const struct attr *attr = &from->v[i];
		const struct custom_field *f = custom_values_field_of(kind, attr->name);

		/* The kind may have changed since: the record may have more fields. */
		if (!f || !attr->value || attr->secret)
			continue;
		if (f->type != CUSTOM_MAP) {
			value_set(a, table, f->name, custom_values_typed(a, f, attr->value));
			continue;
		}
		value_set(a, value_get(table, f->name), attr->name + strlen(f->name) + 1,
			  value_text(a, attr->value));
	}
	return table;
}

static bool
custom_values_is_same(const struct attr *x, const struct attr *y)
{
	return x && y && x->value && y->value && x->secret == y->secret &&
	       strcmp(x->value, y->value) == 0;
}

/* Does an attribute of the field differ between the lists, or is it in only one? */
static bool
custom_values_differs(const struct custom_kind *kind, const struct custom_field *f, struct attrs *x,
		      struct attrs *y)
{
	for (size_t i = 0; i < x->n; i++)
		if (custom_values_field_of(kind, x->v[i].name) == f &&
		    !custom_values_is_same(&x->v[i], attrs_get(y, x->v[i].name)))
			return true;
	for (size_t i = 0; i < y->n; i++)
		if (custom_values_field_of(kind, y->v[i].name) == f && !attrs_get(x, y->v[i].name))
			return true;
	return false;
}

struct value *
custom_change(struct arena *a, const struct step *s)
{
	const struct custom_kind *kind = s->kind->custom;
	struct attrs want = s->want, have = s->observed.have;
	struct value *change = value_map(a), *one, *old, *new;

	if (!kind || s->observed.state == STATE_ABSENT || s->observed.state == STATE_GONE || !have.n)
		return value_nil(a);
	old = custom_table(a, kind, &have);
	new = custom_table(a, kind, &want);
	for (size_t i = 0; i < kind->nfield; i++) {
		const struct custom_field *f = &kind->field[i];

		if (f->effect == EFFECT_NONE || !custom_values_differs(kind, f, &want, &have))
			continue;
		one = value_map(a);
		if (f->secret) {
			value_set(a, one, "secret", value_bool(a, true));
		} else {
			value_set(a, one, "old", value_get(old, f->name));
			value_set(a, one, "new", value_get(new, f->name));
		}
		value_set(a, change, f->name, one);
	}
	return change;
}

/* Does the step set the field? */
static bool
custom_values_is_wanted(const struct custom_kind *kind, const struct custom_field *f,
			const struct attrs *want)
{
	for (size_t i = 0; i < want->n; i++)
		if (custom_values_field_of(kind, want->v[i].name) == f)
			return true;
	return false;
}

struct value *
custom_look_args(struct arena *a, const struct custom_step *s, const struct record *r)
{
	struct attrs want = s->want, made;
	struct value *args = value_map(a), *then;

	if (!r || strcmp(r->phase, "done") != 0)
		return s->args;
	made = r->inputs;
	then = custom_table(a, s->user, &made);
	for (size_t i = 0; i < s->user->nfield; i++) {
		const struct custom_field *f = &s->user->field[i];
		/* Was it made with another value of a field that forces replacement? */
		bool moved = f->effect == EFFECT_REPLACE && !f->secret &&
			     custom_values_is_wanted(s->user, f, &made) &&
			     custom_values_differs(s->user, f, &want, &made);

		value_set(a, args, f->name, value_get(moved ? then : s->args, f->name));
	}
	return args;
}

void
custom_leave_open(struct arena *a, const struct step *s, const struct attrs *recorded,
		const struct attrs *from, struct attrs *to)
{
	const struct custom_kind *kind = s->kind->custom;

	for (size_t i = 0; i < from->n; i++) {
		const struct attr *attr = &from->v[i];
		const struct custom_field *f = custom_values_field_of(kind, attr->name);

		if (!f || (!custom_values_is_wanted(kind, f, &s->want) &&
			   !custom_values_is_wanted(kind, f, recorded)))
			continue;
		if (attr->secret)
			attrs_add_secret(a, to, attr->name, attr->value);
		else
			attrs_add(a, to, attr->name, attr->value);
	}
	/* Few kinds can read a secret back: the record knows what was set. */
	for (size_t i = 0; i < recorded->n; i++) {
		struct attrs observed = *from;

		if (recorded->v[i].secret && !attrs_get(&observed, recorded->v[i].name))
			attrs_add_secret(a, to, recorded->v[i].name, recorded->v[i].value);
	}
	attrs_sort(to);
}

bool
custom_drifted(const struct step *s, const char *attr, const char *observed)
{
	const struct custom_kind *kind = s->kind->custom;
	const struct record *r = step_record(s);
	const struct custom_field *f = kind ? custom_values_field_of(kind, attr) : NULL;
	struct attrs then = r ? r->inputs : (struct attrs){0};
	const char *was = attrs_value(&then, attr, NULL);

	/* A field that the record lacks cannot be compared. */
	if (!f || s->observed.state != STATE_PRESENT || !custom_values_is_wanted(kind, f, &then))
		return false;
	return was && observed ? strcmp(was, observed) != 0 : was || observed;
}

const char *
custom_differs(struct arena *a, const struct step *s, struct attrs *have)
{
	const struct custom_kind *kind = s->kind->custom;

	attrs_sort(have);
	for (size_t i = 0; i < s->want.n; i++) {
		const struct attr *want = &s->want.v[i], *is = attrs_get(have, want->name);

		if (!want->value || custom_values_is_same(want, is) || (want->secret && !is) ||
		    kind_effect(s->kind, want->name) == EFFECT_NONE)
			continue;
		if (want->secret)
			return arena_printf(a, "%s is not what was set", want->name);
		return is ? arena_printf(a, "%s is '%s', not '%s'", want->name, is->value, want->value)
			  : arena_printf(a, "%s is missing, but should be '%s'", want->name, want->value);
	}
	for (size_t i = 0; i < have->n; i++) {
		const struct custom_field *f = custom_values_field_of(kind, have->v[i].name);
		struct attrs wanted = s->want;

		if (f && custom_values_is_wanted(kind, f, &s->want) &&
		    !attrs_get(&wanted, have->v[i].name) && f->effect != EFFECT_NONE)
			return arena_printf(a, "%s is '%s', but should not be there", have->v[i].name,
					    have->v[i].value);
	}
	return NULL;
}

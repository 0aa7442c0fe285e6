/* Between the attributes of a Lua kind's steps and the tables that its functions see. */
#include <stdlib.h>
#include <string.h>

#include "planner/base/hash.h"
#include "planner/base/vec.h"
#include "planner/kinds/common.h"
#include "planner/user_private.h"

/* The field of an attribute: of NAME, and of NAME.KEY when that is a map. */
static const struct user_field *
field_of(const struct user_kind *kind, const char *attr)
{
	size_t n = strcspn(attr, ".");

	for (size_t i = 0; i < kind->nfield; i++) {
		const struct user_field *f = &kind->field[i];

		if (strncmp(f->name, attr, n) == 0 && !f->name[n] &&
		    (attr[n] == '.') == (f->type == USER_MAP))
			return f;
	}
	return NULL;
}

/* What observe() gives for a field of another type, where there is no doubt: a number that
 * it cut out of some text, a text that is a number. */
static const struct value *
fit(struct arena *a, const struct user_field *f, const struct value *v)
{
	const char *end;
	char *stop;

	switch (f->type) {
	case USER_TEXT:
		if (v->type == VALUE_TEXT)
			return v;
		return v->type == VALUE_INTEGER ? value_text(a, user_text(a, v)) : NULL;
	case USER_INTEGER:
		if (v->type == VALUE_INTEGER)
			return v;
		if (v->type == VALUE_NUMBER && v->number > -1e15 && v->number < 1e15 &&
		    v->number == (double)(long long)v->number)
			return value_integer(a, (long long)v->number);
		end = v->type == VALUE_TEXT ? v->text + (*v->text == '-') : "";
		if (!*end || strspn(end, "0123456789") != strlen(end) || strlen(end) > 18)
			return NULL;
		return value_integer(a, strtoll(v->text, &stop, 10));
	case USER_BOOL:
		return v->type == VALUE_BOOL ? v : NULL;
	case USER_LIST:
		return v->type == VALUE_LIST ? v : v->type == VALUE_MAP && !v->n ? value_list(a) : NULL;
	case USER_MAP:
		return v->type == VALUE_MAP || (v->type == VALUE_LIST && !v->n) ? v : NULL;
	}
	return NULL;
}

static bool
has_nul(const struct value *v)
{
	return v->type == VALUE_TEXT && strlen(v->text) != v->n;
}

bool
user_attrs(struct arena *a, const struct user_kind *kind, const struct value *have,
	   const char *mac_key, struct attrs *to, const char **why)
{
	const char **names = ar_array(a, const char *, kind->nfield + 1);

	if (have->type != VALUE_MAP && !(have->type == VALUE_LIST && !have->n)) {
		*why = "it must return a table of fields, or nil when nothing is there";
		return false;
	}
	for (size_t i = 0; i < kind->nfield; i++)
		names[i] = kind->field[i].name;
	for (size_t i = 0; i < have->n; i++) {
		const struct user_field *f = user_field_find(kind, have->key[i]);
		const struct value *v = f ? fit(a, f, have->item[i]) : NULL;
		char mac[HASH_HEX];

		if (!f) {
			*why = arena_printf(a, "it returned '%.60s', which is no field of kind '%s'%s",
					    have->key[i], kind->kind.name,
					    diag_hint(a, have->key[i], names, kind->nfield));
			return false;
		}
		if (!v || has_nul(v)) {
			*why = arena_printf(a, "it returned a '%s' that is no %s", f->name,
					    user_type_word(f->type));
			return false;
		}
		if (f->secret) {
			hash_mac(mac_key ? mac_key : "", v->text, v->n, mac);
			attrs_add_secret(a, to, f->name, arena_strdup(a, mac));
		} else {
			user_add(a, to, f, v);
		}
	}
	attrs_sort(to);
	return true;
}

/* The text of an attribute as the field has it. */
static struct value *
typed(struct arena *a, const struct user_field *f, const char *text)
{
	struct err e = {0};
	struct value *v;

	switch (f->type) {
	case USER_INTEGER:
		return value_integer(a, strtoll(text, NULL, 10));
	case USER_BOOL:
		return value_bool(a, strcmp(text, "true") == 0);
	case USER_LIST:
		v = value_read(a, text, strlen(text), &e);
		return v ? v : value_list(a);
	default:
		return value_text(a, text);
	}
}

struct value *
user_table(struct arena *a, const struct user_kind *kind, const struct attrs *from)
{
	struct value *table = value_map(a);

	/* An empty map has no attributes, and is a map all the same. */
	for (size_t i = 0; i < kind->nfield; i++)
		if (kind->field[i].type == USER_MAP)
			value_set(a, table, kind->field[i].name, value_map(a));
	for (size_t i = 0; i < from->n; i++) {
		const struct attr *attr = &from->v[i];
		const struct user_field *f = field_of(kind, attr->name);
		struct value *map = NULL;

		/* Of a kind that has changed since, the record may have more. */
		if (!f || !attr->value || attr->secret)
			continue;
		if (f->type != USER_MAP) {
			value_set(a, table, f->name, typed(a, f, attr->value));
			continue;
		}
		for (size_t k = 0; k < table->n; k++)
			if (strcmp(table->key[k], f->name) == 0)
				map = table->item[k];
		value_set(a, map, attr->name + strlen(f->name) + 1, value_text(a, attr->value));
	}
	return table;
}

static bool
is_same(const struct attr *x, const struct attr *y)
{
	return x && y && x->value && y->value && x->secret == y->secret &&
	       strcmp(x->value, y->value) == 0;
}

/* Is there an attribute of the field in both lists that differs, or in one alone? */
static bool
differs(const struct user_kind *kind, const struct user_field *f, struct attrs *x, struct attrs *y)
{
	for (size_t i = 0; i < x->n; i++)
		if (field_of(kind, x->v[i].name) == f &&
		    !is_same(&x->v[i], attrs_get(y, x->v[i].name)))
			return true;
	for (size_t i = 0; i < y->n; i++)
		if (field_of(kind, y->v[i].name) == f && !attrs_get(x, y->v[i].name))
			return true;
	return false;
}

struct value *
user_change(struct arena *a, const struct step *s)
{
	const struct user_kind *kind = user_kind_of(s->kind);
	struct attrs want = s->want, have = s->seen.have;
	struct value *change = value_map(a), *one, *old, *new;

	if (!kind || s->seen.state == SEEN_ABSENT || s->seen.state == SEEN_GONE || !have.n)
		return value_nil(a);
	old = user_table(a, kind, &have);
	new = user_table(a, kind, &want);
	for (size_t i = 0; i < kind->nfield; i++) {
		const struct user_field *f = &kind->field[i];

		if (f->effect == EFFECT_NONE || !differs(kind, f, &want, &have))
			continue;
		one = value_map(a);
		if (f->secret) {
			value_set(a, one, "secret", value_bool(a, true));
		} else {
			for (size_t k = 0; k < old->n; k++)
				if (strcmp(old->key[k], f->name) == 0)
					value_set(a, one, "old", old->item[k]);
			for (size_t k = 0; k < new->n; k++)
				if (strcmp(new->key[k], f->name) == 0)
					value_set(a, one, "new", new->item[k]);
		}
		value_set(a, change, f->name, one);
	}
	return change;
}

/* Does the step say anything of the field? */
static bool
is_wanted(const struct user_kind *kind, const struct user_field *f, const struct attrs *want)
{
	for (size_t i = 0; i < want->n; i++)
		if (field_of(kind, want->v[i].name) == f)
			return true;
	return false;
}

/* Was it made with another value of a field that forces replacement? */
static bool
is_moved(const struct user_kind *kind, const struct user_field *f, const struct attrs *wanted,
	 const struct attrs *recorded)
{
	struct attrs want = *wanted, then = *recorded;

	return f->effect == EFFECT_REPLACE && !f->secret && is_wanted(kind, f, recorded) &&
	       differs(kind, f, &want, &then);
}

struct value *
user_look_args(struct arena *a, const struct user_step *s, const struct record *r)
{
	struct value *args = value_map(a), *then;

	if (!r || strcmp(r->phase, "done") != 0)
		return s->args;
	then = user_table(a, s->user, &r->inputs);
	for (size_t i = 0; i < s->user->nfield; i++) {
		const struct user_field *f = &s->user->field[i];
		const struct value *from = is_moved(s->user, f, &s->want, &r->inputs) ? then : s->args;

		for (size_t k = 0; k < from->n; k++)
			if (strcmp(from->key[k], f->name) == 0)
				value_set(a, args, f->name, from->item[k]);
	}
	return args;
}

void
user_leave_open(struct arena *a, const struct step *s, const struct attrs *recorded,
		const struct attrs *from, struct attrs *to)
{
	const struct user_kind *kind = user_kind_of(s->kind);

	for (size_t i = 0; i < from->n; i++) {
		const struct attr *attr = &from->v[i];
		const struct user_field *f = field_of(kind, attr->name);

		if (!f || (!is_wanted(kind, f, &s->want) && !is_wanted(kind, f, recorded)))
			continue;
		if (attr->secret)
			attrs_add_secret(a, to, attr->name, attr->value);
		else
			attrs_add(a, to, attr->name, attr->value);
	}
	/* Few can read a secret back: the record knows what was set. */
	for (size_t i = 0; i < recorded->n; i++) {
		struct attrs seen = *from;

		if (recorded->v[i].secret && !attrs_get(&seen, recorded->v[i].name))
			attrs_add_secret(a, to, recorded->v[i].name, recorded->v[i].value);
	}
	attrs_sort(to);
}

bool
user_drifted(const struct step *s, const char *attr, const char *seen)
{
	const struct user_kind *kind = user_kind_of(s->kind);
	const struct record *r = step_record(s);
	const struct user_field *f = kind ? field_of(kind, attr) : NULL;
	struct attrs then = r ? r->inputs : (struct attrs){0};
	const char *was = attrs_value(&then, attr, NULL);

	/* Of a field that the record lacks nobody knows. */
	if (!f || s->seen.state != SEEN_PRESENT || !is_wanted(kind, f, &then))
		return false;
	return was && seen ? strcmp(was, seen) != 0 : was || seen;
}

const char *
user_differs(struct arena *a, const struct step *s, struct attrs *have)
{
	const struct user_kind *kind = user_kind_of(s->kind);

	attrs_sort(have);
	for (size_t i = 0; i < s->want.n; i++) {
		const struct attr *want = &s->want.v[i], *is = attrs_get(have, want->name);

		if (!want->value || is_same(want, is) || (want->secret && !is) ||
		    kind_effect(s->kind, want->name) == EFFECT_NONE)
			continue;
		if (want->secret)
			return arena_printf(a, "%s is not what was set", want->name);
		return is ? arena_printf(a, "%s is '%s', not '%s'", want->name, is->value, want->value)
			  : arena_printf(a, "%s is not there, '%s' is wanted", want->name, want->value);
	}
	for (size_t i = 0; i < have->n; i++) {
		const struct user_field *f = field_of(kind, have->v[i].name);
		struct attrs wanted = s->want;

		if (f && is_wanted(kind, f, &s->want) && !attrs_get(&wanted, have->v[i].name) &&
		    f->effect != EFFECT_NONE)
			return arena_printf(a, "%s is '%s', and should not be there", have->v[i].name,
					    have->v[i].value);
	}
	return NULL;
}

/* A step kind as a Lua file defines it: its fields, and what a step gives for them. */
#include <stdlib.h>
#include <string.h>

#include "planner/base/vec.h"
#include "planner/kinds/common.h"
#include "planner/user.h"

enum { FIELDS_MAX = 100, NAME_MAX_BYTES = 32, DEFAULT_TIMEOUT = 300, TIMEOUT_MAX = 86400 };

static const char *const type_words[] = {
	[USER_TEXT] = "text", [USER_INTEGER] = "integer", [USER_BOOL] = "boolean",
	[USER_LIST] = "list", [USER_MAP] = "map",
};
static const char *const force_words[] = {"none", "update", "replace"};

struct reader {
	struct arena *arena;
	const struct user_source *src;
	struct diags *d;
	struct user_kind *kind;
};

const char *
user_type_word(enum user_type type)
{
	return type_words[type];
}

const struct user_field *
user_field_find(const struct user_kind *k, const char *name)
{
	for (size_t i = 0; i < k->nfield; i++)
		if (strcmp(k->field[i].name, name) == 0)
			return &k->field[i];
	return NULL;
}

static struct loc
at(const struct reader *r, const char *word)
{
	return r->src->find ? r->src->find(r->src->arg, word) : r->src->at;
}

static bool
is_given(const struct value *v)
{
	return v && v->type != VALUE_NIL;
}

/* An empty table of Lua may be either. */
static bool
is_map(const struct value *v)
{
	return v->type == VALUE_MAP || (v->type == VALUE_LIST && v->n == 0);
}

static bool
is_name(const char *s, const char *letters, size_t most)
{
	size_t n = strspn(s, letters);

	return n && n <= most && !s[n] && !(*s >= '0' && *s <= '9') && *s != '-';
}

static bool
has_type(const struct value *v, enum user_type type)
{
	switch (type) {
	case USER_TEXT: return v->type == VALUE_TEXT;
	case USER_INTEGER: return v->type == VALUE_INTEGER;
	case USER_BOOL: return v->type == VALUE_BOOL;
	case USER_LIST: return v->type == VALUE_LIST || (v->type == VALUE_MAP && v->n == 0);
	case USER_MAP: return is_map(v);
	}
	return false;
}

/* The place in `list` of the word under `key`; `otherwise` when there is none; -1 after an
 * error. */
static int
choice(struct reader *r, const char *name, const struct value *field, const char *key,
       const char *const *list, size_t n, int otherwise)
{
	const struct value *v = value_get(field, key);
	const char *all = list[0];

	if (!is_given(v))
		return otherwise;
	for (size_t i = 0; v->type == VALUE_TEXT && i < n; i++)
		if (strcmp(list[i], v->text) == 0)
			return (int)i;
	for (size_t i = 1; i < n; i++)
		all = arena_printf(r->arena, "%s%s%s", all, i + 1 < n ? ", " : " or ", list[i]);
	diag_error(r->d, at(r, v->type == VALUE_TEXT ? v->text : name),
		   "'%s' of field '%s' must be %s%s", key, name, all,
		   v->type == VALUE_TEXT ? diag_hint(r->arena, v->text, list, n) : "");
	return -1;
}

static bool
flag(struct reader *r, const char *name, const struct value *field, const char *key)
{
	const struct value *v = value_get(field, key);

	if (is_given(v) && v->type != VALUE_BOOL)
		diag_error(r->d, at(r, name), "'%s' of field '%s' must be true or false", key, name);
	return is_given(v) && v->type == VALUE_BOOL && v->boolean;
}

static void
check_keys(struct reader *r, const char *name, const struct value *field)
{
	static const char *const keys[] = {"type", "required", "default", "secret", "forces", "doc"};

	for (size_t i = 0; field->type == VALUE_MAP && i < field->n; i++) {
		const char *key = field->key[i];
		size_t k = 0;

		while (k < countof(keys) && strcmp(keys[k], key) != 0)
			k++;
		if (k == countof(keys))
			diag_error(r->d, at(r, key), "unknown key '%.60s' in field '%s'%s", key, name,
				   diag_hint(r->arena, key, keys, countof(keys)));
	}
}

static struct value *
copy(struct arena *a, const struct value *v, enum user_type type)
{
	const char *json = value_write(a, v);
	struct err e = {0};

	if (type == USER_MAP && !v->n)
		return value_map(a);
	if (type == USER_LIST && !v->n)
		return value_list(a);
	return type == USER_TEXT ? value_text(a, v->text) : value_read(a, json, strlen(json), &e);
}

static void
read_default(struct reader *r, const struct value *field, struct user_field *f)
{
	const struct value *v = value_get(field, "default");

	if (!is_given(v))
		return;
	if (f->secret)
		diag_error(r->d, at(r, f->name), "a secret has no default: field '%s'", f->name);
	else if (f->required)
		diag_error(r->d, at(r, f->name), "field '%s' has a default: so it is not required",
			   f->name);
	else if (!has_type(v, f->type))
		diag_error(r->d, at(r, f->name), "the default of field '%s' must be of its type, %s",
			   f->name, type_words[f->type]);
	else
		f->fallback = copy(r->arena, v, f->type);
}

static void
read_field(struct reader *r, const char *name, const struct value *field, struct user_field *f)
{
	static const enum effect effects[] = {EFFECT_NONE, EFFECT_UPDATE, EFFECT_REPLACE};
	const struct value *doc;
	int type, forces;

	*f = (struct user_field){.name = arena_strdup(r->arena, name)};
	if (!is_name(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-", 64)) {
		diag_error(r->d, at(r, name), "the name of a field is letters, digits, '_' and '-', "
			   "a letter first: '%.60s'", name);
		return;
	}
	if (!is_map(field)) {
		diag_error(r->d, at(r, name), "field '%s' must be a table: {type = \"text\"}", name);
		return;
	}
	check_keys(r, name, field);
	if (!is_given(value_get(field, "type")))
		diag_error(r->d, at(r, name), "field '%s' has no type", name);
	type = choice(r, name, field, "type", type_words, countof(type_words), USER_TEXT);
	forces = choice(r, name, field, "forces", force_words, countof(force_words), 1);
	f->required = flag(r, name, field, "required");
	f->secret = flag(r, name, field, "secret");
	doc = value_get(field, "doc");
	if (is_given(doc) && doc->type != VALUE_TEXT)
		diag_error(r->d, at(r, name), "'doc' of field '%s' must be a text", name);
	else if (is_given(doc))
		f->doc = arena_strdup(r->arena, doc->text);
	if (type < 0 || forces < 0)
		return;
	f->type = (enum user_type)type;
	f->effect = effects[forces];
	if (f->secret && f->type != USER_TEXT)
		diag_error(r->d, at(r, name), "a secret is a text: field '%s'", name);
	else
		read_default(r, field, f);
}

static int
by_name(const void *x, const void *y)
{
	return strcmp(((const struct user_field *)x)->name, ((const struct user_field *)y)->name);
}

static void
read_fields(struct reader *r, const struct value *fields)
{
	struct user_kind *k = r->kind;
	struct field_effect *effect;

	if (is_given(fields) && !is_map(fields)) {
		diag_error(r->d, at(r, "fields"), "'fields' must be a table: {NAME = {type = ...}}");
		return;
	}
	if (is_given(fields) && fields->n > FIELDS_MAX) {
		diag_error(r->d, at(r, "fields"), "more than %d fields", FIELDS_MAX);
		return;
	}
	k->nfield = is_given(fields) ? fields->n : 0;
	k->field = ar_array(r->arena, struct user_field, k->nfield + 1);
	for (size_t i = 0; i < k->nfield; i++)
		read_field(r, fields->key[i], fields->item[i], &k->field[i]);
	if (k->nfield)
		qsort(k->field, k->nfield, sizeof *k->field, by_name);
	effect = ar_array(r->arena, struct field_effect, 2 * k->nfield + 1);
	k->kind.fields = effect;
	for (size_t i = 0; i < k->nfield; i++) {
		const struct user_field *f = &k->field[i];

		*effect++ = (struct field_effect){f->name, f->effect, f->doc};
		if (f->type == USER_MAP)
			*effect++ = (struct field_effect){arena_printf(r->arena, "%s.", f->name),
				f->effect, f->doc};
	}
}

static void
read_name(struct reader *r, const struct value *name)
{
	const char *text = is_given(name) && name->type == VALUE_TEXT ? name->text : NULL;

	if (!is_given(name))
		diag_error(r->d, r->src->at, "'%s' has no name: name = \"nfs\"", r->src->file);
	else if (!text || !is_name(text, "abcdefghijklmnopqrstuvwxyz0123456789_", NAME_MAX_BYTES) ||
		 *text == '_')
		diag_error(r->d, at(r, text ? text : "name"), "the name of a kind is small letters, "
			   "digits and '_', at most %d, a letter first", NAME_MAX_BYTES);
	else if (kind_find(text))
		diag_error(r->d, at(r, text), "'%s' is the name of one of dray's own kinds", text);
	else
		r->kind->kind.name = arena_strdup(r->arena, text);
}

static void
read_functions(struct reader *r)
{
	static const char *const what[] = {"observe(ctx, want)", "up(ctx, want, change)"};
	bool has[] = {r->src->observe, r->src->up};

	for (size_t i = 0; i < countof(has); i++)
		if (!has[i])
			diag_error(r->d, r->src->at, "'%s' has no function %s", r->src->file, what[i]);
}

struct user_kind *
user_kind_read(struct arena *a, const struct user_source *src, struct diags *d)
{
	struct user_kind *k = ar_new(a, struct user_kind);
	struct reader r = {.arena = a, .src = src, .d = d, .kind = k};
	const struct value *t = src->timeout;
	size_t before = d->nerror;

	*k = (struct user_kind){.kind = kind_lua, .file = src->file, .at = src->at,
		.has_down = src->down, .timeout_s = DEFAULT_TIMEOUT};
	read_name(&r, src->name);
	if (is_given(src->doc) && src->doc->type != VALUE_TEXT)
		diag_error(d, at(&r, "doc"), "'doc' must be a text");
	else if (is_given(src->doc))
		k->kind.doc = arena_strdup(a, src->doc->text);
	else
		k->kind.doc = "";
	read_fields(&r, src->fields);
	read_functions(&r);
	if (is_given(t) && (t->type != VALUE_INTEGER || t->integer < 1 || t->integer > TIMEOUT_MAX))
		diag_error(d, at(&r, "timeout"), "'timeout' must be a whole number from 1 to %d, in "
			   "seconds", TIMEOUT_MAX);
	else if (is_given(t))
		k->timeout_s = (int)t->integer;
	return d->nerror == before ? k : NULL;
}

/* A step kind defined by a Lua file: its fields. */
#include <stdlib.h>
#include <string.h>

#include "planner/base/limits.h"
#include "planner/base/vec.h"
#include "planner/custom/custom.h"
#include "planner/steps/kinds.h"

enum { FIELDS_MAX = 100, NAME_MAX_BYTES = 32, TIMEOUT_MAX = 86400 };

static const char *const type_words[] = {
	[CUSTOM_TEXT] = "text", [CUSTOM_INTEGER] = "integer", [CUSTOM_BOOL] = "boolean",
	[CUSTOM_LIST] = "list", [CUSTOM_MAP] = "map",
};
static const char *const force_words[] = {"none", "update", "replace"};

struct reader {
	struct arena *arena;
	const struct custom_source *src;
	struct diags *d;
	struct custom_kind *kind;
};

const char *custom_type_word(enum custom_type type) { return type_words[type]; }

const struct custom_field *
custom_field_find(const struct custom_kind *k, const char *name)
{
	for (size_t i = 0; i < k->nfield; i++)
		if (strcmp(k->field[i].name, name) == 0)
			return &k->field[i];
	return NULL;
}

static struct loc
custom_kind_at(const struct reader *r, const char *word)
{
	return r->src->find ? r->src->find(r->src->arg, word) : r->src->at;
}

static bool custom_kind_is_given(const struct value *v) { return v && v->type != VALUE_NIL; }

/* An empty Lua table may be a map or a list. */
static bool
custom_kind_is_map(const struct value *v)
{
	return v->type == VALUE_MAP || (v->type == VALUE_LIST && v->n == 0);
}

static bool
custom_kind_is_name(const char *s, const char *letters, size_t most)
{
	size_t n = strspn(s, letters);

	return n && n <= most && !s[n] && !(*s >= '0' && *s <= '9') && *s != '-';
}

static bool
custom_kind_has_type(const struct value *v, enum custom_type type)
{
	switch (type) {
	case CUSTOM_TEXT: return v->type == VALUE_TEXT;
	case CUSTOM_INTEGER: return v->type == VALUE_INTEGER;
	case CUSTOM_BOOL: return v->type == VALUE_BOOL;
	case CUSTOM_LIST: return v->type == VALUE_LIST || (v->type == VALUE_MAP && v->n == 0);
	case CUSTOM_MAP: return custom_kind_is_map(v);
	}
	return false;
}

/* The index in `list` of the word under `key`; `otherwise` if there is none; -1 after an
 * error. */
static int
custom_kind_choice(struct reader *r, const char *name, const struct value *field, const char *key,
		   const char *const *list, size_t n, int otherwise)
{
	const struct value *v = value_get(field, key);
	const char *all = list[0];

	if (!custom_kind_is_given(v))
		return otherwise;
	for (size_t i = 0; v->type == VALUE_TEXT && i < n; i++)
		if (strcmp(list[i], v->text) == 0)
			return (int)i;
	for (size_t i = 1; i < n; i++)
		all = arena_printf(r->arena, "%s%s%s", all, i + 1 < n ? ", " : " or ", list[i]);
	diag_error(r->d, custom_kind_at(r, v->type == VALUE_TEXT ? v->text : name),
		   "'%s' of field '%s' must be %s%s", key, name, all,
		   v->type == VALUE_TEXT ? diag_hint(r->arena, v->text, list, n) : "");
	return -1;
}

static bool
custom_kind_flag(struct reader *r, const char *name, const struct value *field, const char *key)
{
	const struct value *v = value_get(field, key);

	if (custom_kind_is_given(v) && v->type != VALUE_BOOL)
		diag_error(r->d, custom_kind_at(r, name),
			   "'%s' of field '%s' must be true or false", key, name);
	return custom_kind_is_given(v) && v->type == VALUE_BOOL && v->boolean;
}

static void
custom_kind_check_keys(struct reader *r, const char *name, const struct value *field)
{
	static const char *const keys[] = {"type", "required", "default", "secret", "forces", "doc"};

	for (size_t i = 0; field->type == VALUE_MAP && i < field->n; i++) {
		const char *key = field->key[i];
		size_t k = 0;

		while (k < countof(keys) && strcmp(keys[k], key) != 0)
			k++;
		if (k == countof(keys))
			diag_error(r->d, custom_kind_at(r, key),
				   "unknown key '%.60s' in field '%s'%s", key, name,
				   diag_hint(r->arena, key, keys, countof(keys)));
	}
}

static struct value *
custom_kind_copy(struct arena *a, const struct value *v, enum custom_type type)
{
	const char *json = value_write(a, v);
	struct err e = {0};

	if (type == CUSTOM_MAP && !v->n)
		return value_map(a);
	if (type == CUSTOM_LIST && !v->n)
		return value_list(a);
	return type == CUSTOM_TEXT ? value_text(a, v->text) : value_read(a, json, strlen(json), &e);
}

static void
custom_kind_read_default(struct reader *r, const struct value *field, struct custom_field *f)
{
	const struct value *v = value_get(field, "default");

	if (!custom_kind_is_given(v))
		return;
	if (f->secret)
		diag_error(r->d, custom_kind_at(r, f->name), "field '%s' is a secret, so it cannot have a default",
			   f->name);
	else if (f->required)
		diag_error(r->d, custom_kind_at(r, f->name),
			   "field '%s' has a default, so it cannot be required", f->name);
	else if (!custom_kind_has_type(v, f->type))
		diag_error(r->d, custom_kind_at(r, f->name),
			   "the default of field '%s' must be of its type, %s", f->name,
			   type_words[f->type]);
	else
		f->fallback = custom_kind_copy(r->arena, v, f->type);
}

static void
custom_kind_read_field(struct reader *r, const char *name, const struct value *field,
		       struct custom_field *f)
{
	static const enum effect effects[] = {EFFECT_NONE, EFFECT_UPDATE, EFFECT_REPLACE};
	const struct value *doc;
	int type, forces;

	*f = (struct custom_field){.name = arena_strdup(r->arena, name)};
	if (!custom_kind_is_name(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				       "0123456789_-", 64)) {
		diag_error(r->d, custom_kind_at(r, name), "the name of a field must be letters, digits, "
			   "'_' and '-', starting with a letter: '%.60s'", name);
		return;
	}
	if (!custom_kind_is_map(field)) {
		diag_error(r->d, custom_kind_at(r, name), "field '%s' must be a table: {type = \"text\"}",
			   name);
		return;
	}
	custom_kind_check_keys(r, name, field);
	if (!custom_kind_is_given(value_get(field, "type")))
		diag_error(r->d, custom_kind_at(r, name), "field '%s' has no type", name);
	type = custom_kind_choice(r, name, field, "type", type_words, countof(type_words), CUSTOM_TEXT);
	forces = custom_kind_choice(r, name, field, "forces", force_words, countof(force_words), 1);
	f->required = custom_kind_flag(r, name, field, "required");
	f->secret = custom_kind_flag(r, name, field, "secret");
	doc = value_get(field, "doc");
	if (custom_kind_is_given(doc) && doc->type != VALUE_TEXT)
		diag_error(r->d, custom_kind_at(r, name), "'doc' of field '%s' must be a string", name);
	else if (custom_kind_is_given(doc))
		f->doc = arena_strdup(r->arena, doc->text);
	if (type < 0 || forces < 0)
		return;
	f->type = (enum custom_type)type;
	f->effect = effects[forces];
	if (f->secret && f->type != CUSTOM_TEXT)
		diag_error(r->d, custom_kind_at(r, name), "field '%s' is a secret, so its type must be text", name);
	else
		custom_kind_read_default(r, field, f);
}

static int
custom_kind_by_name(const void *x, const void *y)
{
	return strcmp(((const struct custom_field *)x)->name, ((const struct custom_field *)y)->name);
}

static void
custom_kind_read_fields(struct reader *r, const struct value *fields)
{
	struct custom_kind *k = r->kind;
	struct field_effect *effect;

	if (custom_kind_is_given(fields) && !custom_kind_is_map(fields)) {
		diag_error(r->d, custom_kind_at(r, "fields"),
			   "'fields' must be a table: {NAME = {type = ...}}");
		return;
	}
	if (custom_kind_is_given(fields) && fields->n > FIELDS_MAX) {
		diag_error(r->d, custom_kind_at(r, "fields"), "more than %d fields", FIELDS_MAX);
		return;
	}
	k->nfield = custom_kind_is_given(fields) ? fields->n : 0;
	k->field = ar_array(r->arena, struct custom_field, k->nfield + 1);
	for (size_t i = 0; i < k->nfield; i++)
		custom_kind_read_field(r, fields->key[i], fields->item[i], &k->field[i]);
	if (k->nfield)
		qsort(k->field, k->nfield, sizeof *k->field, custom_kind_by_name);
	effect = ar_array(r->arena, struct field_effect, 2 * k->nfield + 1);
	k->kind.fields = effect;
	for (size_t i = 0; i < k->nfield; i++) {
		const struct custom_field *f = &k->field[i];

		*effect++ = (struct field_effect){f->name, f->effect, f->doc};
		if (f->type == CUSTOM_MAP)
			*effect++ = (struct field_effect){arena_printf(r->arena, "%s.", f->name),
				f->effect, f->doc};
	}
}

static void
custom_kind_read_name(struct reader *r, const struct value *name)
{
	const char *text = custom_kind_is_given(name) && name->type == VALUE_TEXT ? name->text : NULL;

	if (!custom_kind_is_given(name))
		diag_error(r->d, r->src->at, "'%s' has no name: name = \"nfs\"", r->src->file);
	else if (!text || !custom_kind_is_name(text, "abcdefghijklmnopqrstuvwxyz0123456789_",
					       NAME_MAX_BYTES) || *text == '_')
		diag_error(r->d, custom_kind_at(r, text ? text : "name"), "the name of a kind must be at "
			   "most %d lower-case letters, digits and '_', starting with a letter", NAME_MAX_BYTES);
	else if (kind_find(text))
		diag_error(r->d, custom_kind_at(r, text), "'%s' is the name of one of dray's own kinds",
			   text);
	else
		r->kind->kind.name = arena_strdup(r->arena, text);
}

struct custom_kind *
custom_kind_read(struct arena *a, const struct custom_source *src, struct diags *d)
{
	struct custom_kind *k = ar_new(a, struct custom_kind);
	struct reader r = {.arena = a, .src = src, .d = d, .kind = k};
	const struct value *t = src->timeout;
	size_t before = d->nerror;

	*k = (struct custom_kind){.kind = kind_lua, .file = src->file, .at = src->at,
		.has_down = src->down, .timeout_s = KIND_LIMIT};
	k->kind.custom = k;
	custom_kind_read_name(&r, src->name);
	if (custom_kind_is_given(src->doc) && src->doc->type != VALUE_TEXT)
		diag_error(d, custom_kind_at(&r, "doc"), "'doc' must be a string");
	else if (custom_kind_is_given(src->doc))
		k->kind.doc = arena_strdup(a, src->doc->text);
	else
		k->kind.doc = "";
	custom_kind_read_fields(&r, src->fields);
	if (!src->observe)
		diag_error(d, src->at, "'%s' has no function observe(ctx, want)", src->file);
	if (!src->up)
		diag_error(d, src->at, "'%s' has no function up(ctx, want, change)", src->file);
	if (custom_kind_is_given(t) &&
	    (t->type != VALUE_INTEGER || t->integer < 1 || t->integer > TIMEOUT_MAX))
		diag_error(d, custom_kind_at(&r, "timeout"),
			   "'timeout' must be a whole number from 1 to %d, in seconds", TIMEOUT_MAX);
	else if (custom_kind_is_given(t))
		k->timeout_s = (int)t->integer;
	return d->nerror == before ? k : NULL;
}

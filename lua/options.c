/* Checks the options of ctx:run and ctx:http against api.def. */
#include <string.h>

#include "lua/api.h"
#include "planner/base/diag.h"
#include "planner/spec/spec.h"

const char *const api_names[API_COUNT] = {
#define API(name) #name,
#include "lua/api.def"
};

static const struct option {
	enum api_function of;
	const char *name;
	enum api_type type;
} options[] = {
#define OPTION(api, name, type) {API_##api, name, API_##type},
#include "lua/api.def"
};
enum { NOPTION = sizeof options / sizeof *options, SECONDS_MAX = 7 * 24 * 3600 };

static const struct option *
options_find(enum api_function f, const char *name)
{
	for (size_t i = 0; i < NOPTION; i++)
		if (options[i].of == f && strcmp(options[i].name, name) == 0)
			return &options[i];
	return NULL;
}

static const char *
options_unknown(struct arena *a, enum api_function f, const char *name)
{
	const char *names[NOPTION];
	size_t n = 0;

	for (size_t i = 0; i < NOPTION; i++)
		if (options[i].of == f)
			names[n++] = options[i].name;
	return arena_printf(a, "there is no option '%.60s'%s", name, diag_hint(a, name, names, n));
}

static bool
options_is_plain(const struct value *v)
{
	return v->type == VALUE_TEXT && strlen(v->text) == v->n;
}

/* A list of strings; an integer becomes one, as with `..`. */
static const char *
options_check_texts(struct arena *a, const char *name, struct value *v)
{
	if (v->type != VALUE_LIST || v->n == 0)
		return arena_printf(a, "'%s' must be a list of strings", name);
	for (size_t i = 0; i < v->n; i++)
		if (v->item[i]->type == VALUE_INTEGER)
			v->item[i] = value_text(a, arena_printf(a, "%lld", v->item[i]->integer));
	for (size_t i = 0; i < v->n; i++)
		if (!options_is_plain(v->item[i]))
			return arena_printf(a, v->item[i]->type == VALUE_TEXT
				? "'%s': string %zu contains a zero byte"
				: "'%s' must be a list of strings, but item %zu is not", name, i + 1);
	return NULL;
}

/* A line break could start another header. */
static bool
options_is_header_text(const char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s < 0x20 || *s == 0x7f)
			return false;
	return true;
}

static const char *
options_check_headers(struct arena *a, const char *name, const struct value *v)
{
	if (v->type != VALUE_MAP)
		return arena_printf(a, "'%s' must be a table: {Name = string}", name);
	for (size_t i = 0; i < v->n; i++) {
		const char *key = v->key[i];

		if (!*key || strspn(key, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_")
		    != strlen(key))
			return arena_printf(a, "'%.60s' is not a valid header name", key);
		if (!options_is_plain(v->item[i]))
			return arena_printf(a, "header '%s' must be a string", key);
		if (!options_is_header_text(v->item[i]->text))
			return arena_printf(a, "header '%s' contains a control character", key);
	}
	return NULL;
}

/* Whole seconds; a float without a fraction is allowed. */
static const char *
options_check_integer(struct arena *a, const char *name, struct value *v)
{
	if (v->type == VALUE_NUMBER && v->number >= 1 && v->number <= SECONDS_MAX &&
	    (double)(long long)v->number == v->number)
		*v = (struct value){.type = VALUE_INTEGER, .integer = (long long)v->number};
	if (v->type != VALUE_INTEGER || v->integer < 1 || v->integer > SECONDS_MAX)
		return arena_printf(a, "'%s' must be a whole number from 1 to %d", name, SECONDS_MAX);
	return NULL;
}

static const char *
options_check(struct arena *a, const struct option *o, struct value *v)
{
	bool bytes = strcmp(o->name, "stdin") == 0 || strcmp(o->name, "body") == 0;

	switch (o->type) {
	case API_TEXT:
		if (v->type != VALUE_TEXT)
			return arena_printf(a, "'%s' must be a string", o->name);
		return bytes || options_is_plain(v)
			       ? NULL
			       : arena_printf(a, "'%s' contains a zero byte", o->name);
	case API_TEXTS:
		return options_check_texts(a, o->name, v);
	case API_INTEGER:
		return options_check_integer(a, o->name, v);
	case API_BOOL:
		return v->type == VALUE_BOOL ? NULL : arena_printf(a, "'%s' must be true or false", o->name);
	case API_HEADERS:
		return options_check_headers(a, o->name, v);
	case API_ANY:
		break;
	}
	return NULL;
}

static bool
options_has_header(const struct value *headers, const char *name)
{
	for (size_t i = 0; headers && i < headers->n; i++)
		if (strcasecmp(headers->key[i], name) == 0)
			return true;
	return false;
}

/* Turn `json` into a body and a Content-Type header, and fill in the method. */
static const char *
options_finish_http(struct arena *a, struct value *v)
{
	const struct value *json = value_get(v, "json"), *given = value_get(v, "headers");
	const char *url = value_get_text(v, "url", ""), *method = value_get_text(v, "method", NULL);
	struct value *headers = value_map(a);

	if (secret_ref_of(url).from != SECRET_NONE)
		return "'url' is a secret reference: read it with ctx:secret()";
	if (strncmp(url, "http://", 7) != 0 && strncmp(url, "https://", 8) != 0)
		return *url ? "'url' must start with http:// or https://" : "'url' is missing";
	if (!options_is_header_text(url))
		return "'url' contains a control character";
	if (method && (!*method || strspn(method, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != strlen(method)))
		return "'method' must be a word such as GET, POST or PUT";
	if (json && value_get(v, "body"))
		return "give either 'body' or 'json', not both";
	for (size_t i = 0; given && i < given->n; i++)
		value_set(a, headers, given->key[i], given->item[i]);
	if (json) {
		value_set_text(a, v, "body", value_write(a, json));
		if (!options_has_header(headers, "content-type"))
			value_set_text(a, headers, "Content-Type", "application/json");
	}
	value_set(a, v, "headers", headers);
	if (!method)
		value_set_text(a, v, "method", value_get(v, "body") ? "POST" : "GET");
	return NULL;
}

struct value *
api_check(struct arena *a, enum api_function f, const struct value *given, const char **why)
{
	struct value *v = value_map(a);

	*why = NULL;
	if (given->type != VALUE_MAP) {
		*why = "it takes a table with named items";
		return NULL;
	}
	for (size_t i = 0; i < given->n; i++) {
		const struct option *o = options_find(f, given->key[i]);
		struct value *item = ar_new(a, struct value);

		*item = *given->item[i];
		if (item->type == VALUE_NIL)
			continue;
		*why = o ? options_check(a, o, item) : options_unknown(a, f, given->key[i]);
		if (*why)
			return NULL;
		value_set(a, v, given->key[i], item);
	}
	if (f == API_run && !value_get(v, "argv"))
		*why = "there is nothing to run: ctx:run{\"ls\", \"-l\"}";
	else if (f == API_http)
		*why = options_finish_http(a, v);
	return *why ? NULL : v;
}

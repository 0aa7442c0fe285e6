/* The tables that ctx:run and ctx:http take, checked against api.def. What leaves here goes
 * to a shell or a server, so words have no zero bytes and headers no line breaks. */
#include <ctype.h>
#include <string.h>

#include "lua/api.h"
#include "planner/base/diag.h"
#include "planner/base/vec.h"

enum {
	WORDS_MAX = 4096, WORD_MAX = 128 * 1024,        /* of a command line */
	TIMEOUT_MAX = 24 * 3600,
};

const char *const api_names[API_COUNT] = {
#define API(name, waits, doc, example) #name,
#include "lua/api.def"
};

struct option {
	enum api_function of;
	const char *name;
	enum api_type type;
};

static const struct option table[] = {
#define OPTION(of, name, type, luals, doc) {API_##of, name, API_##type},
#include "lua/api.def"
};

/* The option of that name; NULL with *why. */
static const struct option *
find(struct arena *a, enum api_function f, const char *name, const char **why)
{
	const char *names[countof(table)];
	size_t n = 0;

	for (size_t i = 0; i < countof(table); i++) {
		if (table[i].of != f)
			continue;
		if (strcmp(table[i].name, name) == 0)
			return &table[i];
		names[n++] = table[i].name;
	}
	*why = arena_printf(a, "unknown option '%s'%s", name, diag_hint(a, name, names, n));
	return NULL;
}

/* Numbers are written out, as Lua does. */
static struct value *
as_text(struct arena *a, const struct value *v)
{
	if (v->type == VALUE_TEXT)
		return value_bytes(a, v->text, v->n);
	if (v->type == VALUE_INTEGER)
		return value_text(a, arena_printf(a, "%lld", v->integer));
	if (v->type == VALUE_NUMBER)
		return value_text(a, arena_printf(a, "%.14g", v->number));
	return NULL;
}

static const char *
kind_of(const struct value *v)
{
	static const char *const names[] = {
		[VALUE_NIL] = "nil", [VALUE_BOOL] = "a boolean", [VALUE_INTEGER] = "a number",
		[VALUE_NUMBER] = "a number", [VALUE_TEXT] = "a text", [VALUE_LIST] = "a list",
		[VALUE_MAP] = "a table",
	};

	return names[v->type];
}

static struct value *
words(struct arena *a, const char *name, const struct value *v, const char **why)
{
	struct value *list = value_list(a);

	if (v->type != VALUE_LIST || v->n > WORDS_MAX) {
		*why = arena_printf(a, "'%s' must be a list of at most %d texts", name, WORDS_MAX);
		return NULL;
	}
	for (size_t i = 0; i < v->n; i++) {
		struct value *word = as_text(a, v->item[i]);

		if (!word)
			*why = arena_printf(a, "%s[%zu] is %s, not a text", name, i + 1, kind_of(v->item[i]));
		else if (strlen(word->text) != word->n)
			*why = arena_printf(a, "%s[%zu] has a zero byte", name, i + 1);
		else if (word->n > WORD_MAX)
			*why = arena_printf(a, "%s[%zu] is longer than %d KiB", name, i + 1,
					    WORD_MAX / 1024);
		else if (i == 0 && word->n == 0)
			*why = arena_printf(a, "%s[1], the program, is empty", name);
		else {
			value_push(a, list, word);
			continue;
		}
		return NULL;
	}
	return list;
}

static bool
has_control(const struct value *text)
{
	for (size_t i = 0; i < text->n; i++)
		if ((unsigned char)text->text[i] < 0x20 || text->text[i] == 0x7f)
			return true;
	return false;
}

/* Of the names that HTTP allows (RFC 9110, token). */
static bool
is_token(const char *s)
{
	const char *begin = s;

	while (isalnum((unsigned char)*s) || (*s && strchr("!#$%&'*+-.^_`|~", *s)))
		s++;
	return s > begin && !*s;
}

static struct value *
headers(struct arena *a, const struct value *v, const char **why)
{
	struct value *map = value_map(a);

	if (v->type != VALUE_MAP) {
		*why = arena_printf(a, "'headers' must be a table of names and texts, not %s",
				    kind_of(v));
		return NULL;
	}
	for (size_t i = 0; i < v->n; i++) {
		struct value *text = as_text(a, v->item[i]);

		if (!is_token(v->key[i]))
			*why = arena_printf(a, "headers: '%s' is no name of a header", v->key[i]);
		else if (!text)
			*why = arena_printf(a, "headers.%s is %s, not a text", v->key[i],
					    kind_of(v->item[i]));
		else if (has_control(text))
			*why = arena_printf(a, "headers.%s has a control character", v->key[i]);
		else {
			value_set(a, map, v->key[i], text);
			continue;
		}
		return NULL;
	}
	return map;
}

static struct value *
option(struct arena *a, const struct option *o, struct value *v, const char **why)
{
	struct value *text;

	switch (o->type) {
	case API_TEXTS: return words(a, o->name, v, why);
	case API_HEADERS: return headers(a, v, why);
	case API_ANY: return v;
	case API_TEXT:
		if ((text = as_text(a, v)))
			return text;
		*why = arena_printf(a, "'%s' must be a text, not %s", o->name, kind_of(v));
		return NULL;
	case API_BOOL:
		if (v->type == VALUE_BOOL)
			return v;
		*why = arena_printf(a, "'%s' must be true or false, not %s", o->name, kind_of(v));
		return NULL;
	case API_INTEGER:
		if (v->type == VALUE_NUMBER && v->number >= 1 && v->number <= TIMEOUT_MAX &&
		    v->number == (double)(long long)v->number)
			v = value_integer(a, (long long)v->number);
		if (v->type == VALUE_INTEGER && v->integer >= 1 && v->integer <= TIMEOUT_MAX)
			return v;
		*why = arena_printf(a, "'%s' must be a whole number from 1 to %d", o->name, TIMEOUT_MAX);
		return NULL;
	}
	return NULL;
}

static bool
check_run(struct arena *a, const struct value *v, const char **why)
{
	const struct value *argv = value_get(v, "argv"), *node = value_get(v, "node");

	if (!argv || argv->n == 0)
		*why = "there is no program: argv is empty";
	else if (node && (has_control(node) || node->n == 0))
		*why = arena_strdup(a, "'node' is no name of a node");
	else
		return true;
	return false;
}

static bool
has_header(const struct value *map, const char *name)
{
	for (size_t i = 0; map && i < map->n; i++)
		if (strcasecmp(map->key[i], name) == 0)
			return true;
	return false;
}

static bool
check_http(struct arena *a, struct value *v, const struct value *json, const char **why)
{
	const struct value *url = value_get(v, "url"), *method = value_get(v, "method");
	struct value *map;

	if (!url)
		return *why = "'url' is missing", false;
	if (strncmp(url->text, "http://", 7) != 0 && strncmp(url->text, "https://", 8) != 0)
		return *why = "'url' must begin with http:// or https://", false;
	if (has_control(url) || strchr(url->text, ' '))
		return *why = "'url' has a space or a control character", false;
	if (method && (!is_token(method->text) || strlen(method->text) != method->n))
		return *why = "'method' must be a word like GET or PUT", false;
	if (json && value_get(v, "body"))
		return *why = "'body' and 'json' at once: one of them", false;
	map = value_map(a);
	for (size_t i = 0; value_get(v, "headers") && i < value_get(v, "headers")->n; i++)
		value_set(a, map, value_get(v, "headers")->key[i], value_get(v, "headers")->item[i]);
	if (json) {
		value_set(a, v, "body", value_text(a, value_write(a, json)));
		if (!has_header(map, "content-type"))
			value_set(a, map, "content-type", value_text(a, "application/json"));
	}
	value_set(a, v, "headers", map);
	if (!method)
		value_set(a, v, "method", value_text(a, value_get(v, "body") ? "POST" : "GET"));
	return true;
}

struct value *
api_check(struct arena *a, enum api_function f, const struct value *given, const char **why)
{
	struct value *v = value_map(a);
	const struct value *json = NULL;

	if (given->type != VALUE_MAP) {
		*why = "it takes a table of options";
		return NULL;
	}
	for (size_t i = 0; i < given->n; i++) {
		const struct option *o = find(a, f, given->key[i], why);
		struct value *item = o ? option(a, o, given->item[i], why) : NULL;

		if (!item)
			return NULL;
		if (o->type == API_ANY)
			json = item;
		else
			value_set(a, v, o->name, item);
	}
	if (f == API_run ? !check_run(a, v, why) : !check_http(a, v, json, why))
		return NULL;
	return v;
}

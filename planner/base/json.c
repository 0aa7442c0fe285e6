#include "planner/base/json.h"

#include <stdlib.h>
#include <string.h>

#include "planner/base/str.h"
#include "planner/base/utf8.h"

enum { MAX_JSON = 1024 * 1024 };

json_t *
json_shown(const char *s)
{
	json_t *json = s ? json_string(s) : json_null();
	struct str shown = {0};
	uint32_t code;

	if (json || !s)
		return json;
	for (size_t left = strlen(s), n; left; s += n, left -= n) {
		n = utf8_next(s, left, &code);
		if (code == UTF8_BAD)
			str_printf(&shown, "\\x%02x", (unsigned char)*s);
		else
			str_add(&shown, s, n);
	}
	json = json_string(str_text(&shown));
	str_release(&shown);
	return json;
}

json_t *
json_kept_n(const char *s, size_t n)
{
	json_t *json = json_stringn(s, n);
	struct str wide = {0};

	if (json)
		return json;
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)s[i];

		if (c >= 0x80)
			str_putc(&wide, (char)(0xc0 | c >> 6));
		str_putc(&wide, (char)(c >= 0x80 ? 0x80 | (c & 0x3f) : c));
	}
	json = json_stringn(str_text(&wide), wide.len);
	str_release(&wide);
	return json;
}

json_t *json_kept(const char *s) { return s ? json_kept_n(s, strlen(s)) : json_null(); }

json_t *
json_read_object(const char *text, size_t n)
{
	json_t *json = n > MAX_JSON ? NULL : json_loadb(text, n, JSON_REJECT_DUPLICATES, NULL);

	if (json_is_object(json))
		return json;
	json_decref(json);
	return NULL;
}

const char *
json_line(struct arena *a, json_t *json)
{
	char *s = json_dumps(json, JSON_COMPACT);
	const char *copy = arena_strdup(a, s ? s : "{}");

	free(s);
	json_decref(json);
	return copy;
}

void
json_set_text(json_t *object, const char *name, const char *text)
{
	if (text)
		json_object_set_new(object, name, json_kept(text));
}

const char *
json_get_text(struct arena *a, const json_t *object, const char *name)
{
	const char *s = json_string_value(json_object_get(object, name));

	return s ? arena_strdup(a, s) : NULL;
}

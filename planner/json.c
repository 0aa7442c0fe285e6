#include "planner/json.h"

#include <string.h>

#include "planner/base/str.h"
#include "planner/base/utf8.h"

static json_t *
take(struct str *s)
{
	json_t *json = json_string(str_text(s));

	str_release(s);
	return json;
}

json_t *
json_shown(const char *s)
{
	json_t *json = s ? json_string(s) : json_null();
	struct str shown = {0};
	uint32_t code;

	if (json)
		return json;
	for (size_t left = strlen(s), n; left; s += n, left -= n) {
		n = utf8_next(s, left, &code);
		if (code == UTF8_BAD)
			str_printf(&shown, "\\x%02x", (unsigned char)*s);
		else
			str_add(&shown, s, n);
	}
	return take(&shown);
}

json_t *
json_kept(const char *s)
{
	json_t *json = s ? json_string(s) : json_null();
	struct str wide = {0};

	if (json)
		return json;
	for (; *s; s++) {
		unsigned char c = (unsigned char)*s;

		if (c >= 0x80)
			str_putc(&wide, (char)(0xc0 | c >> 6));
		str_putc(&wide, (char)(c >= 0x80 ? 0x80 | (c & 0x3f) : c));
	}
	return take(&wide);
}

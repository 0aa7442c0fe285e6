#include "planner/sources/xml.h"

#include <stdlib.h>
#include <string.h>

#include "planner/base/vec.h"

/* Behind the tag <NAME ...>, or </NAME> if `ends`, at or after p; its start in *at. NULL: there is
 * none. An element <NAME/> has no inside, and counts as none. */
static const char *
xml_tag(const char *p, const char *end, const char *name, bool ends, const char **at)
{
	size_t n = strlen(name);

	for (; (p = memchr(p, '<', (size_t)(end - p))); p++) {
		const char *word = p + 1 + ends, *close;

		if ((size_t)(end - p) < n + 2 + ends || (ends && p[1] != '/') ||
		    memcmp(word, name, n) != 0 || !strchr(ends ? ">" : " >", word[n]) || !word[n])
			continue;
		close = memchr(word, '>', (size_t)(end - word));
		if (!close)
			return NULL;
		*at = p;
		return close + 1;
	}
	return NULL;
}

static bool
xml_inside(const char *p, const char *end, const char *name, struct xml *inside)
{
	const char *at, *close, *start = p < end ? xml_tag(p, end, name, false, &at) : NULL;

	if (!start || start >= end || !xml_tag(start, end, name, true, &close))
		return false;
	*inside = (struct xml){start, (size_t)(close - start)};
	return true;
}

bool
xml_find(const struct xml *in, const char *name, struct xml *inside)
{
	return xml_inside(in->text, in->text + in->n, name, inside);
}

bool
xml_next(const struct xml *in, const char *name, struct xml *at)
{
	return xml_inside(at->text ? at->text + at->n : in->text, in->text + in->n, name, at);
}

/* Sets *c to the character of the entity "NAME;" at p, and returns its length. 0: it is not one. */
static size_t
xml_entity(const char *p, const char *end, char *c)
{
	static const struct { const char *name; char c; } known[] = {
		{"amp;", '&'}, {"lt;", '<'}, {"gt;", '>'}, {"quot;", '"'}, {"apos;", '\''}};
	size_t digits = 0;
	int code = 0;

	for (size_t i = 0; i < countof(known); i++) {
		size_t n = strlen(known[i].name);

		*c = known[i].c;
		if ((size_t)(end - p) >= n && memcmp(p, known[i].name, n) == 0)
			return n;
	}
	/* Only ASCII is written so; other characters are not encoded. */
	if (p < end && *p == '#') {
		for (p++; p + digits < end && digits < 3 && p[digits] >= '0' && p[digits] <= '9'; digits++)
			code = code * 10 + p[digits] - '0';
		*c = (char)code;
		return digits && code && code < 128 && p + digits < end && p[digits] == ';' ? digits + 2 : 0;
	}
	return 0;
}

const char *
xml_text(struct arena *a, const struct xml *in, const char *name)
{
	struct xml inside;
	char *text, *to;

	if (!xml_find(in, name, &inside) || memchr(inside.text, '<', inside.n) ||
	    memchr(inside.text, '\0', inside.n))
		return NULL;
	text = to = arena_strndup(a, inside.text, inside.n);
	for (const char *p = text, *end = text + inside.n; p < end; p++) {
		char c = *p;
		size_t n = c == '&' ? xml_entity(p + 1, end, &c) : 0;

		if (*p == '&' && !n)
			return NULL;
		*to++ = c;
		p += n;
	}
	*to = '\0';
	return text;
}

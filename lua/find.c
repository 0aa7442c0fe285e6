/* Where a word is in a script: names and short strings count, comments do not. */
#include <string.h>

#include "lua/vm_private.h"
#include "planner/base/utf8.h"

struct reader {
	const char *s, *end;
	unsigned line;
};

static bool
is_name(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

static void
skip(struct reader *r, const char *to)
{
	for (; r->s < to; r->s++)
		r->line += *r->s == '\n';
}

/* After [[ or [==[ : behind its end; false when no such bracket is here. */
static bool
skip_long(struct reader *r)
{
	const char *s = r->s + 1, *end;
	size_t level = 0;

	while (s < r->end && *s == '=') {
		level++;
		s++;
	}
	if (*r->s != '[' || s >= r->end || *s != '[')
		return false;
	for (end = s; (end = memchr(end, ']', (size_t)(r->end - end))); end++) {
		size_t n = 0;

		while (end + 1 + n < r->end && end[1 + n] == '=')
			n++;
		if (n == level && end + 1 + n < r->end && end[1 + n] == ']') {
			skip(r, end + n + 2);
			return true;
		}
	}
	skip(r, r->end);
	return true;
}

static void
skip_comment(struct reader *r)
{
	const char *end;

	r->s += 2;
	if (r->s < r->end && skip_long(r))
		return;
	end = r->s < r->end ? memchr(r->s, '\n', (size_t)(r->end - r->s)) : NULL;
	skip(r, end ? end : r->end);
}

/* The next name or string: its text without quotes; NULL at the end. */
static const char *
next_word(struct reader *r, size_t *len)
{
	while (r->s < r->end) {
		const char *start = r->s, *s = r->s;

		if (r->end - s >= 2 && s[0] == '-' && s[1] == '-') {
			skip_comment(r);
		} else if (*s == '"' || *s == '\'') {
			for (s++; s < r->end && *s != *start && *s != '\n'; s++)
				if (*s == '\\' && s + 1 < r->end)
					s++;
			*len = (size_t)(s - start - 1);
			skip(r, s < r->end ? s + 1 : s);
			return start + 1;
		} else if (is_name(*s)) {
			while (s < r->end && is_name(*s))
				s++;
			*len = (size_t)(s - start);
			r->s = s;
			return start;
		} else if (*s != '[' || !skip_long(r)) {
			skip(r, s + 1);
		}
	}
	return NULL;
}

struct loc
vm_find(const struct vm *vm, const char *word, unsigned from)
{
	const struct source *src = vm->src;
	struct reader r = {src->text, src->text + src->len, 1};
	size_t n = strlen(word), len;
	const char *found, *s;
	uint32_t code;

	while ((found = next_word(&r, &len))) {
		struct loc at = {src, 0, 1, 0};

		if (r.line < from || len != n || memcmp(found, word, n) != 0)
			continue;
		/* The executor of that name, not the keyword. */
		if (strcmp(word, "local") == 0 && (found == src->text || !strchr("\"'", found[-1])))
			continue;
		for (s = found; s > src->text && s[-1] != '\n'; s--)
			;
		if (s == src->text && src->len >= 3 && memcmp(s, "\xef\xbb\xbf", 3) == 0)
			s += 3;
		at.line = r.line;
		for (; s < found; at.col++)
			s += utf8_next(s, (size_t)(found - s), &code);
		for (; s < found + len; at.len++)
			s += utf8_next(s, (size_t)(found + len - s), &code);
		return at;
	}
	return source_line(src, from);
}

/* Finds a word in a script, but not in a one-line comment. */
#include <string.h>

#include "lua/vm_private.h"
#include "planner/base/utf8.h"

static bool
find_is_name(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/* Is the text at `s` a whole word, and before any comment of the line? */
static bool
find_counts(const char *line, const char *s, size_t n, const char *end)
{
	bool quoted = s > line && (s[-1] == '"' || s[-1] == '\'');

	if ((s > line && find_is_name(s[-1])) || (s + n < end && find_is_name(s[n])))
		return false;
	/* Without quotes `local` is the keyword, not the executor. */
	if (n == 5 && memcmp(s, "local", n) == 0 && !quoted)
		return false;
	return !memmem(line, (size_t)(s - line), "--", 2);
}

struct loc
vm_find(const struct vm *vm, const char *word, unsigned from)
{
	const struct source *src = vm->src;
	const char *line = src->text, *end = src->text + src->len, *s, *stop;
	struct loc at = {src, 1, 1, 0};
	size_t n = strlen(word);
	uint32_t code;

	if (src->len >= 3 && memcmp(line, "\xef\xbb\xbf", 3) == 0)
		line += 3;
	for (; n && line < end; line = stop + 1, at.line++) {
		stop = memchr(line, '\n', (size_t)(end - line));
		stop = stop ? stop : end;
		for (s = line; (s = memmem(s, (size_t)(stop - s), word, n)); s++) {
			if (at.line < from || !find_counts(line, s, n, stop))
				continue;
			for (; line < s; at.col++)
				line += utf8_next(line, (size_t)(s - line), &code);
			for (; s < line + n; at.len++)
				s += utf8_next(s, (size_t)(line + n - s), &code);
			return at;
		}
	}
	return source_line(src, from);
}

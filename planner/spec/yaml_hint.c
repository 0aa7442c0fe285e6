/* Finds the line that a YAML parser's error is about, where that is not the line it names. */
#include "planner/spec/yaml_hint.h"

#include <string.h>

/* A line: where its text begins, behind spaces and "- "; and where the ':' of its key is. */
struct yaml_line {
	unsigned number;
	const char *text;
	size_t indent, n;       /* bytes before the text, and of it without spaces behind */
	size_t colon;           /* n: none */
};

static bool
yaml_hint_line(const struct source *src, unsigned number, struct yaml_line *line)
{
	size_t n, i = 0;
	const char *s = diag_line(src, number, &n);

	if (!s)
		return false;
	while (i < n && (s[i] == ' ' || (s[i] == '-' && i + 1 < n && s[i + 1] == ' ')))
		i++;
	while (n > i && (s[n - 1] == ' ' || s[n - 1] == '\r'))
		n--;
	*line = (struct yaml_line){number, s + i, i, n - i, 0};
	while (line->colon < line->n && !(line->text[line->colon] == ':' &&
	       (line->colon + 1 == line->n || line->text[line->colon + 1] == ' ')))
		line->colon++;
	return true;
}

/* The last line before this one that is not empty and not a comment. */
static bool
yaml_hint_before(const struct source *src, unsigned number, struct yaml_line *line)
{
	while (number-- > 1)
		if (yaml_hint_line(src, number, line) && line->n && *line->text != '#')
			return true;
	return false;
}

const char *
yaml_hint(struct loc here, struct loc *at)
{
	struct yaml_line line, key, before;

	if (!yaml_hint_line(here.src, here.line, &line) || line.indent + line.colon + 1 < here.col ||
	    !yaml_hint_before(here.src, here.line, &key) || key.colon < key.n)
		return NULL;
	/* A value may go on in lines that are indented more than its key. */
	if (yaml_hint_before(here.src, key.number, &before) && before.colon + 1 < before.n &&
	    key.indent > before.indent)
		return NULL;
	*at = (struct loc){here.src, key.number, (unsigned)key.indent + 1, 0};
	for (size_t i = 0; i < key.n; i++)
		at->len += ((unsigned char)key.text[i] & 0xc0) != 0x80;
	return memchr(key.text, ':', key.n) ? "expected a space after ':' (as in 'key: value')" :
					      "expected ':' after the key (as in 'key: value')";
}

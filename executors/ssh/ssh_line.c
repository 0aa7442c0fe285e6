/* Splits a line of ssh_config into words, as ssh does. */
#include "executors/ssh/ssh_line.h"

#include <string.h>

#include "executors/ssh/ssh_bytes.h"
#include "planner/base/vec.h"

enum { PATTERN_BYTES = 1023 };  /* in ssh a longer list matches nothing */

bool
ssh_line_bad(const struct ssh_line *l, const char *what)
{
	return err_set(l->e, "%s:%u: '%s' %s", l->file, l->no, l->keyword, what);
}

/* Split what follows the keyword into words without quotes. They are in a copy. */
static bool
line_split_rest(struct arena *a, struct ssh_line *l)
{
	char *c = arena_strdup(a, l->rest), *o;

	for (;;) {
		char quote = 0;

		c += strspn(c, " \t");
		if (!*c || *c == '#')
			return true;
		*vec_push(a, l) = o = c;
		for (; *c && (quote || (*c != ' ' && *c != '\t')); c++) {
			if (*c == '\\' && (strchr("\"'\\", c[1]) ? c[1] : !quote && c[1] == ' '))
				*o++ = *++c;
			else if (*c == quote)
				quote = 0;
			else if (!quote && (*c == '"' || *c == '\''))
				quote = *c;
			else
				*o++ = *c;
		}
		if (quote)
			return ssh_line_bad(l, "has a quote that is not closed");
		c += *c != '\0';
		*o = '\0';
	}
}

bool
ssh_line_split(struct arena *a, struct ssh_line *l, const char *from, size_t n)
{
	char *p = arena_strndup(a, from, n), *end = p + n;
	const char *stops = SSH_BLANKS "=\"";

	l->keyword = NULL;
	l->n = 0;
	if (memchr(from, 0, n))
		return err_set(l->e, "%s:%u: a line with a NUL byte", l->file, l->no);
	while (end > p + 1 && strchr(SSH_BLANKS "\f", end[-1]))
		*--end = '\0';
	p += strspn(p, SSH_BLANKS);
	if (!*p || *p == '#')
		return true;
	if (*p == '"') {
		p++;
		stops = "\"";
	}
	l->keyword = p;
	p += strcspn(p, stops);
	if (p == l->keyword)
		return err_set(l->e, "%s:%u: a line without a keyword", l->file, l->no);
	if (*p == '"' && *stops != '"')
		return err_set(l->e, "%s:%u: a quote in the keyword", l->file, l->no);
	bool equals = *p == '=';

	if (*p)
		*p++ = '\0';
	p += strspn(p, SSH_BLANKS);
	if (!equals && *p == '=')
		p += 1 + strspn(p + 1, SSH_BLANKS);
	l->rest = p;
	return *p ? line_split_rest(a, l) : ssh_line_bad(l, "has no value");
}

int
ssh_line_list(const char *list, const char *s, bool exact)
{
	int found = 0;

	for (;;) {
		size_t n = strcspn(list, ",");
		bool not = *list == '!';

		if (n - not >= PATTERN_BYTES)
			return 0;
		if (bytes_glob(list + not, n - not, s, exact)) {
			if (not)
				return -1;
			found = 1;
		}
		if (!list[n])
			return found;
		list += n + 1;
	}
}

char *
ssh_line_word(char **p)
{
	char *w = *p + strspn(*p, SSH_BLANKS), *end;
	bool quoted = *w == '"', equals;

	w += quoted;
	end = w + strcspn(w, quoted ? "\"" : SSH_BLANKS "=\"");
	if (quoted ? !*end : *end == '"')
		return NULL;
	equals = *end == '=';
	*p = *end ? end + 1 : end;
	*end = '\0';
	*p += strspn(*p, SSH_BLANKS);
	if (!equals && !quoted && **p == '=')
		*p += 1 + strspn(*p + 1, SSH_BLANKS);
	return w;
}

/* The text format of an observation, and which part of a command line is shown. */
#include "planner/facts/facts.h"

#include <string.h>

/* Unescapes \t, \n and \\ in place. Any other backslash stays. */
static void
facts_text_unescape(char *s)
{
	char *out = s;

	for (; *s; s++) {
		if (*s != '\\' || !s[1] || !strchr("tn\\", s[1])) {
			*out++ = *s;
			continue;
		}
		s++;
		*out++ = (char)(*s == 't' ? '\t' : *s == 'n' ? '\n' : '\\');
	}
	*out = '\0';
}

size_t
facts_split(char *s, char **field, size_t max)
{
	size_t n = 0;

	while (s && n < max) {
		char *tab = strchr(s, '\t');

		if (tab)
			*tab = '\0';
		facts_text_unescape(s);
		field[n++] = s;
		s = tab ? tab + 1 : NULL;
	}
	return n;
}

const char *
facts_program(struct arena *a, const char *line)
{
	size_t n = strcspn(line, " \t\n"), more = n + strspn(line + n, " \t\n");
	const char *word = line;

	for (size_t i = 0; i + 1 < n; i++)
		if (line[i] == '/')
			word = line + i + 1;
	return arena_printf(a, "%.*s%s", (int)(n - (size_t)(word - line)), word,
			    line[more] ? " …" : "");
}

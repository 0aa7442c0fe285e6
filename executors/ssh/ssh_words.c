/* The words of ssh_config: finds them and checks their values. */
#include "executors/ssh/ssh_words.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "planner/base/vec.h"

const struct ssh_word ssh_words[SSH_WORDS] = {
#define WORD(name, value, choices, does, idle, says) \
	[WORD_##name] = {#name, VALUE_##value, choices, DOES_##does, idle, says},
#define ALIAS(name, of)
#include "executors/ssh/ssh_words.def"
#undef WORD
#undef ALIAS
};

static const struct {
	const char *name;
	enum ssh_word_id of;
} aliases[] = {
#define WORD(name, ...)
#define ALIAS(name, of) {#name, WORD_##of},
#include "executors/ssh/ssh_words.def"
#undef WORD
#undef ALIAS
};

int
ssh_word_find(const char *name)
{
	for (int i = 0; i < SSH_WORDS; i++)
		if (strcasecmp(ssh_words[i].name, name) == 0)
			return i;
	for (size_t i = 0; i < countof(aliases); i++)
		if (strcasecmp(aliases[i].name, name) == 0)
			return (int)aliases[i].of;
	return -1;
}

bool
ssh_word_among(const char *list, const char *value)
{
	size_t n = strlen(value);

	for (const char *p = list; *p;) {
		size_t len = strcspn(p, "|");

		if (len == n && strncasecmp(p, value, n) == 0)
			return true;
		p += len + (p[len] == '|');
	}
	return false;
}

int
ssh_word_time(const char *p)
{
	static const char unit[] = "smhdw";
	static const long seconds[] = {1, 60, 3600, 86400, 604800};
	long total = 0;

	if (strcmp(p, "none") == 0)
		return 0;
	if (!*p)
		return -1;
	while (*p) {
		const char *u = NULL;
		char *end;
		long v = strtol(p, &end, 10), times = 1;

		if (end == p || v < 0)
			return -1;
		if (*end) {
			u = strchr(unit, tolower((unsigned char)*end));
			if (!u)
				return -1;
			times = seconds[u - unit];
			end++;
		}
		if (v > INT_MAX / times || total > INT_MAX - v * times)
			return -1;
		total += v * times;
		p = end;
	}
	return (int)total;
}

static bool
words_is_number(const char *text)
{
	char *end;
	long v;

	errno = 0;
	v = strtol(text, &end, 10);
	return end != text && !*end && !errno && v >= 0 && v <= INT_MAX;
}

const char *
ssh_word_check(const struct ssh_word *w, char *const *v, size_t n)
{
	if (!n)
		return "has no value";
	for (size_t i = 0; i < n && w->value != VALUE_ANY && w->value != VALUE_LINE; i++)
		if (!*v[i])
			return "has an empty value";
	if (n > 1 && w->value < VALUE_TEXTS)
		return "has more than one value";
	if (w->value == VALUE_CHOICE && !ssh_word_among(w->choices, v[0]))
		return "has a value that it cannot have";
	if (w->value == VALUE_NUMBER && !words_is_number(v[0]))
		return "is not a number";
	if (w->value == VALUE_TIME && ssh_word_time(v[0]) < 0)
		return "is not a time";
	return NULL;
}

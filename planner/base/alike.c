/* Words that mean the same. */
#include "planner/base/alike.h"

#include <ctype.h>
#include <string.h>

bool
alike(const char *key, const char *word, size_t n)
{
	size_t i = 0;

	for (; *key; key++) {
		if (*key == '_' || *key == '-')
			continue;
		while (i < n && (word[i] == '_' || word[i] == '-'))
			i++;
		if (i == n || tolower((unsigned char)*key) != tolower((unsigned char)word[i++]))
			return false;
	}
	while (i < n && (word[i] == '_' || word[i] == '-'))
		i++;
	return i == n;
}

bool
alike_among(const char *key, const char *words)
{
	for (size_t n; words && *words; words += n + (words[n] == ' ')) {
		n = strcspn(words, " ");
		if (alike(key, words, n))
			return true;
	}
	return false;
}

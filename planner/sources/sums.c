/* The output of sha256sum. */
#include <string.h>

#include "planner/sources/listing.h"

/* \\ and \n in the name of a file, in a line that begins with a backslash. */
static const char *
sums_plain(struct arena *a, const char *name, size_t n)
{
	char *plain = arena_strndup(a, name, n), *to = plain;

	for (size_t i = 0; i < n; i++) {
		bool escape = name[i] == '\\' && i + 1 < n;

		i += escape;
		*to++ = (char)(escape && name[i] == 'n' ? '\n' : escape && name[i] == 'r' ? '\r' : name[i]);
	}
	*to = '\0';
	return plain;
}

enum { SUMS_SHA = 64 };

/* "HASH  " or "HASH *", and something behind it? */
static bool
sums_is_line(const char *line, size_t n)
{
	if (n < SUMS_SHA + 3 || memchr(line, '\0', n))
		return false;
	for (size_t i = 0; i < SUMS_SHA; i++)
		if (!strchr("0123456789abcdefABCDEF", line[i]))
			return false;
	return line[SUMS_SHA] == ' ' && (line[SUMS_SHA + 1] == ' ' || line[SUMS_SHA + 1] == '*');
}

static const char *
sums_hash(struct arena *a, const char *line)
{
	char *hash = arena_strndup(a, line, SUMS_SHA);

	for (char *p = hash; *p; p++)
		*p = (char)(*p >= 'A' && *p <= 'F' ? *p - 'A' + 'a' : *p);
	return hash;
}

bool
sums_read(struct arena *a, const char *text, size_t n,
	  bool (*take)(void *, const char *, const char *, struct err *), void *arg, struct err *e)
{
	const char *end = text + n, *next;
	size_t line = 0;

	for (const char *at = text; at < end; at = next + 1) {
		bool escaped = *at == '\\';
		const char *hash = at + escaped, *name = hash + SUMS_SHA + 2, *path;
		size_t len;

		line++;
		next = memchr(at, '\n', (size_t)(end - at));
		next = next ? next : end;
		len = (size_t)(next - at);
		len -= len && at[len - 1] == '\r';
		if (!len)
			continue;
		if (!sums_is_line(hash, len - escaped))
			return err_set(e, "line %zu is not one of sha256sum: 64 digits, two spaces and a "
				       "name", line);
		len -= (size_t)(name - at);
		path = escaped ? sums_plain(a, name, len) : arena_strndup(a, name, len);
		while (strncmp(path, "./", 2) == 0)
			path += 2;
		if (!take(arg, path, sums_hash(a, hash), e))
			return false;
	}
	return true;
}

/* The matcher behind string.find, match, gmatch and gsub. */
#include "lua/match.h"

#include <ctype.h>
#include <string.h>

enum { LOOK_BYTES = 64 * 1024 };        /* looked at between two looks at the clock */

void
match_begin(struct match *m, lua_State *L, const char *text, size_t n, const char *pattern_end)
{
	m->L = L;
	m->text = text;
	m->end = text + n;
	m->pattern_end = pattern_end;
	m->looked = 0;
}

static void
spend(struct match *m, size_t bytes)
{
	m->looked += bytes;
	if (m->looked >= LOOK_BYTES) {
		m->looked = 0;
		slice_check(m->L);
	}
}

/* ---- one character --------------------------------------------------------------------- */

static bool
in_class(unsigned char c, unsigned char class)
{
	bool is;

	switch (tolower(class)) {
	case 'a': is = isalpha(c); break;
	case 'c': is = iscntrl(c); break;
	case 'd': is = isdigit(c); break;
	case 'g': is = isgraph(c); break;
	case 'l': is = islower(c); break;
	case 'p': is = ispunct(c); break;
	case 's': is = isspace(c); break;
	case 'u': is = isupper(c); break;
	case 'w': is = isalnum(c); break;
	case 'x': is = isxdigit(c); break;
	case 'z': is = c == 0; break;   /* of old, still taken */
	default: return class == c;
	}
	return isupper(class) ? !is : is;
}

/* Is c in the set that begins at the '[' and ends with the ']' at `close`? */
static bool
in_set(unsigned char c, const char *p, const char *close)
{
	bool inside = true;

	if (*++p == '^') {
		inside = false;
		p++;
	}
	for (; p < close; p++) {
		unsigned char low = (unsigned char)*p;

		if (low == '%') {
			if (in_class(c, (unsigned char)*++p))
				return inside;
		} else if (p[1] == '-' && p + 2 < close) {
			p += 2;
			if (low <= c && c <= (unsigned char)*p)
				return inside;
		} else if (low == c) {
			return inside;
		}
	}
	return !inside;
}

/* Behind the item that begins at p, without its quantifier. Patterns end with a NUL, which
 * may be read. */
static const char *
item_end(struct match *m, const char *p)
{
	char first = *p++;

	if (first == '%') {
		if (p == m->pattern_end)
			luaL_error(m->L, "malformed pattern (ends with '%%')");
		return p + 1;
	}
	if (first != '[')
		return p;
	if (*p == '^')
		p++;
	do {                            /* a ']' that comes first is one of the set */
		if (p == m->pattern_end)
			luaL_error(m->L, "malformed pattern (missing ']')");
		if (*p++ == '%' && p < m->pattern_end)
			p++;
	} while (*p != ']');
	return p + 1;
}

static bool
takes(struct match *m, const char *s, const char *p, const char *p_end)
{
	spend(m, (size_t)(p_end - p));  /* a set can be long */
	if (s >= m->end)
		return false;
	switch (*p) {
	case '.': return true;
	case '%': return in_class((unsigned char)*s, (unsigned char)p[1]);
	case '[': return in_set((unsigned char)*s, p, p_end - 1);
	default: return *p == *s;
	}
}

/* ---- items that are more than a character ------------------------------------------------ */

static const char *
longest(struct match *m, const char *s, const char *p, const char *p_end)
{
	const char *last = s, *end;

	while (takes(m, last, p, p_end))
		last++;
	for (; last >= s; last--)
		if ((end = match_at(m, last, p_end + 1)))
			return end;
	return NULL;
}

static const char *
shortest(struct match *m, const char *s, const char *p, const char *p_end)
{
	const char *end;

	while (!(end = match_at(m, s, p_end + 1))) {
		if (!takes(m, s, p, p_end))
			return NULL;
		s++;
	}
	return end;
}

static const char *
open_capture(struct match *m, const char *s, const char *p, ptrdiff_t len)
{
	const char *end;

	if (m->n >= MATCH_CAPTURES)
		luaL_error(m->L, "too many captures");
	m->capture[m->n].at = s;
	m->capture[m->n].len = len;
	m->n++;
	end = match_at(m, s, p);
	if (!end)
		m->n--;
	return end;
}

static const char *
close_capture(struct match *m, const char *s, const char *p)
{
	const char *end;
	int i = m->n - 1;

	while (i >= 0 && m->capture[i].len != MATCH_UNFINISHED)
		i--;
	if (i < 0)
		luaL_error(m->L, "invalid pattern capture");
	m->capture[i].len = s - m->capture[i].at;
	end = match_at(m, s, p);
	if (!end)
		m->capture[i].len = MATCH_UNFINISHED;
	return end;
}

/* "%1": the text of a capture once more. */
static const char *
again(struct match *m, const char *s, unsigned char digit)
{
	int i = digit - '1';
	size_t len;

	if (i < 0 || i >= m->n || m->capture[i].len == MATCH_UNFINISHED)
		luaL_error(m->L, "invalid capture index %%%d", i + 1);
	/* A position has the length of nothing that is there, and never matches. */
	if (m->capture[i].len == MATCH_POSITION)
		return NULL;
	len = (size_t)m->capture[i].len;
	if ((size_t)(m->end - s) < len)
		return NULL;
	spend(m, len);
	return memcmp(m->capture[i].at, s, len) == 0 ? s + len : NULL;
}

/* "%b()": p is at the two characters. */
static const char *
balanced(struct match *m, const char *s, const char *p)
{
	size_t open = 1;
	const char *begin = s;

	if (p + 1 >= m->pattern_end)
		luaL_error(m->L, "malformed pattern (missing arguments to '%%b')");
	if (s >= m->end || *s != p[0])
		return NULL;
	for (s++; s < m->end; s++) {
		if (*s == p[1]) {
			if (--open == 0)
				break;
		} else if (*s == p[0]) {
			open++;
		}
	}
	spend(m, (size_t)(s - begin));
	return s < m->end ? s + 1 : NULL;
}

/* "%f[set]": p is at the set; behind it, or NULL. */
static const char *
frontier(struct match *m, const char *s, const char *p)
{
	const char *p_end;
	unsigned char before = s == m->text ? 0 : (unsigned char)s[-1];
	unsigned char here = s < m->end ? (unsigned char)*s : 0;

	if (*p != '[')
		luaL_error(m->L, "missing '[' after '%%f' in pattern");
	p_end = item_end(m, p);
	spend(m, (size_t)(p_end - p));
	return !in_set(before, p, p_end - 1) && in_set(here, p, p_end - 1) ? p_end : NULL;
}

/* ---- the whole --------------------------------------------------------------------------- */

/* What "%" begins that is no class: true with *s and *p moved on, *s NULL for no match. */
static bool
special(struct match *m, const char **s, const char **p)
{
	switch ((*p)[1]) {
	case 'b':
		*s = balanced(m, *s, *p + 2);
		*p += 4;
		return true;
	case 'f':
		*p = frontier(m, *s, *p + 2);
		if (!*p)
			*s = NULL;
		return true;
	case '0': case '1': case '2': case '3': case '4':
	case '5': case '6': case '7': case '8': case '9':
		*s = again(m, *s, (unsigned char)(*p)[1]);
		*p += 2;
		return true;
	default:
		return false;
	}
}

static const char *
match_items(struct match *m, const char *s, const char *p)
{
	const char *p_end, *end;

	while (s && p != m->pattern_end) {
		spend(m, 1);
		if (*p == '(')
			return p[1] == ')' ? open_capture(m, s, p + 2, MATCH_POSITION)
				: open_capture(m, s, p + 1, MATCH_UNFINISHED);
		if (*p == ')')
			return close_capture(m, s, p + 1);
		if (*p == '$' && p + 1 == m->pattern_end)
			return s == m->end ? s : NULL;
		if (*p == '%' && special(m, &s, &p))
			continue;
		p_end = item_end(m, p);
		switch (p_end < m->pattern_end ? *p_end : 0) {
		case '*':
			return longest(m, s, p, p_end);
		case '+':
			return takes(m, s, p, p_end) ? longest(m, s + 1, p, p_end) : NULL;
		case '-':
			return shortest(m, s, p, p_end);
		case '?':
			if (takes(m, s, p, p_end) && (end = match_at(m, s + 1, p_end + 1)))
				return end;
			p = p_end + 1;
			continue;
		default:
			s = takes(m, s, p, p_end) ? s + 1 : NULL;
			p = p_end;
		}
	}
	return s;
}

const char *
match_at(struct match *m, const char *s, const char *p)
{
	const char *end;

	if (m->depth >= MATCH_DEPTH)
		luaL_error(m->L, "pattern too complex");
	m->depth++;
	end = match_items(m, s, p);
	m->depth--;
	return end;
}

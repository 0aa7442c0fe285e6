/* Finds a secret in a text, complete or cut off, with or without escapes. */
#include "executors/io/scrub.h"

#include <string.h>

#include "planner/base/utf8.h"

enum {
	SHORTEST = 4,           /* a shorter secret is not masked: it is in too many words */
	HEAD = 10,              /* bytes of a secret that was cut off: enough to recognise it */
	MAX_SLASHES = 16,       /* escapes of escapes of escapes */
};

/* How far the text matches one secret. */
struct match {
	const char *at, *end;   /* of the text */
	const char *secret, *start;
};

static int
scrub_hex(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10
	     : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* The value of n hex digits; -1: there are fewer. */
static long
scrub_hex_number(const char *at, const char *end, int n)
{
	long x = 0;

	if (end - at < n)
		return -1;
	for (int i = 0; i < n; i++) {
		if (scrub_hex(at[i]) < 0)
			return -1;
		x = x * 16 + scrub_hex(at[i]);
	}
	return x;
}

/* n bytes of text stand for the byte x. Is it the next one of the secret? */
static bool
scrub_take_byte(struct match *m, long x, ptrdiff_t n)
{
	if (x != (unsigned char)*m->secret)
		return false;
	m->secret++;
	m->at += n;
	return true;
}

/* At the u of \u00e4, or of \ud83d\ude00. */
static bool
scrub_take_unicode(struct match *m)
{
	long x = scrub_hex_number(m->at + 1, m->end, 4), low;
	ptrdiff_t n = 5, next = 5;
	uint32_t code;
	size_t len;

	while (x >= 0xd800 && x < 0xdc00 && next < 5 + MAX_SLASHES && m->end - m->at > next &&
	       m->at[next] == '\\')
		next++;
	if (next > 5 && m->end - m->at > next && m->at[next] == 'u' &&
	    (low = scrub_hex_number(m->at + next + 1, m->end, 4)) >= 0xdc00 && low < 0xe000) {
		x = 0x10000 + ((x - 0xd800) << 10) + (low - 0xdc00);
		n = next + 5;
	}
	len = utf8_next(m->secret, strlen(m->secret) < 4 ? strlen(m->secret) : 4, &code);
	if (x < 0 || code != (uint32_t)x)
		return false;
	m->secret += len;
	m->at += n;
	return true;
}

/* Up to three digits, as Lua's %q writes them. */
static bool
scrub_take_decimal(struct match *m)
{
	long x = 0;
	ptrdiff_t n = 0;

	for (; n < 3 && m->at + n < m->end && m->at[n] >= '0' && m->at[n] <= '9'; n++)
		x = x * 10 + m->at[n] - '0';
	return n > 0 && scrub_take_byte(m, x, n);
}

/* What follows a backslash. */
static bool
scrub_take_escaped(struct match *m)
{
	static const char letters[] = "a\ab\bt\tn\nv\vf\fr\re\033";
	const char *p;

	if (*m->at == 'u' && scrub_take_unicode(m))
		return true;
	if (*m->at == 'x' && scrub_take_byte(m, scrub_hex_number(m->at + 1, m->end, 2), 3))
		return true;
	if (scrub_take_decimal(m))
		return true;
	for (p = letters; *p; p += 2)
		if (*p == *m->at && scrub_take_byte(m, p[1], 1))
			return true;
	return false;
}

/* One character of the secret, or one byte of it. */
static bool
scrub_take(struct match *m)
{
	static const char *const quotes[] = {"'\\''", "'\"'\"'"};
	ptrdiff_t slashes = 0;

	if (*m->secret == '\\' && m->end - m->at > 1 && *m->at == '\\' && m->at[1] != '\\') {
		m->at++;
		if (scrub_take_escaped(m))
			return true;
		m->at--;
	}
	if (*m->secret == '\\') {
		size_t want = strspn(m->secret, "\\"), most = want * 4 + MAX_SLASHES, n = 0;

		while (n < most && m->at + n < m->end && m->at[n] == '\\')
			n++;
		if (n >= want) {
			m->secret += want;
			m->at += n;
			return true;
		}
	}
	for (size_t i = 0; i < 2 && *m->secret == '\''; i++) {
		size_t n = strlen(quotes[i]);

		if ((size_t)(m->end - m->at) >= n && memcmp(m->at, quotes[i], n) == 0)
			return scrub_take_byte(m, '\'', (ptrdiff_t)n);
	}
	while (slashes < MAX_SLASHES && m->at + slashes < m->end && m->at[slashes] == '\\')
		slashes++;
	m->at += slashes;
	if (m->at == m->end)
		return false;
	if ((slashes || m->at[-(m->at > m->start)] == '\\') && scrub_take_escaped(m))
		return true;
	if (*m->at == '%' && scrub_take_byte(m, scrub_hex_number(m->at + 1, m->end, 2), 3))
		return true;
	return scrub_take_byte(m, (unsigned char)*m->at, 1) ||
	       (*m->at == '+' && scrub_take_byte(m, ' ', 1));
}

/* How many bytes of a secret must match before `at` to be masked, although the rest is
 * missing: the text ends here, the line ends here, or a "…" says that it was cut. */
static size_t
scrub_head_at(const char *at, const char *end, bool cut)
{
	/* Part of an escape may be left where the text was cut. */
	if (at < end && (*at == '\\' || *at == '%'))
		for (int i = 0; i < 12 && at < end && strchr("\\%uxabcdefABCDEF0123456789", *at); i++)
			at++;
	if (end - at >= 3 && memcmp(at, "…", 3) == 0)
		return SHORTEST;
	if (at < end)
		return *at == '\n' || *at == '\r' ? HEAD : (size_t)-1;
	return cut ? SHORTEST : HEAD;
}

/* How many bytes from `at` on are the secret, or the start of it where the rest was cut
 * off; 0: none. */
static size_t
scrub_match(const char *start, const char *at, const char *end, const char *secret, bool cut)
{
	struct match m = {at, end, secret, start};
	const char *last = at;
	size_t n = strlen(secret);

	while (*m.secret && m.at < end && scrub_take(&m))
		last = m.at;
	if (!*m.secret)
		return (size_t)(m.at - at);
	if ((size_t)(end - at) >= n && memcmp(at, secret, n) == 0)
		return n;
	return (size_t)(m.secret - secret) >= scrub_head_at(last, end, cut) ? (size_t)(last - at)
									    : 0;
}

void
scrub(struct str *text, const char *secret)
{
	const char *start = text->buf, *end = start + text->len, *at = start, *kept = start;
	struct str clean = {0};

	if (strlen(secret) < SHORTEST || !text->len)
		return;
	while (at < end) {
		size_t n = *at == *secret || *at == '\\' || *at == '%' || *at == '+' || *at == '\''
			? scrub_match(start, at, end, secret, text->cut) : 0;

		if (!n) {
			at++;
			continue;
		}
		str_add(&clean, kept, (size_t)(at - kept));
		str_puts(&clean, "(secret)");
		kept = at += n;
	}
	if (kept == start)
		return;
	str_add(&clean, kept, (size_t)(end - kept));
	clean.max = text->max;
	clean.cut = text->cut;
	explicit_bzero(text->buf, text->cap);
	str_release(text);
	*text = clean;
}

#include "planner/base/str.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "planner/base/arena.h"
#include "planner/base/utf8.h"

void
str_add(struct str *s, const void *p, size_t n)
{
	if (s->max && n > s->max - (s->len < s->max ? s->len : s->max)) {
		n = s->len < s->max ? s->max - s->len : 0;
		s->cut = true;
	}
	if (!s->buf || s->cap - s->len <= n) {
		s->cap = s->cap * 2 > s->len + n + 1 ? s->cap * 2 : s->len + n + 1;
		s->cap = s->cap < 64 ? 64 : s->cap;
		s->buf = xrealloc(s->buf, s->cap);
	}
	if (n)
		memcpy(s->buf + s->len, p, n);
	s->len += n;
	s->buf[s->len] = '\0';
}

void str_puts(struct str *s, const char *t) { str_add(s, t, strlen(t)); }
void str_putc(struct str *s, char c) { str_add(s, &c, 1); }

void
str_vprintf(struct str *s, const char *fmt, va_list ap)
{
	va_list again;
	int n;

	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, ap);
	if (n > 0) {
		char *t = xmalloc((size_t)n + 1);

		vsnprintf(t, (size_t)n + 1, fmt, again);
		str_add(s, t, (size_t)n);
		free(t);
	}
	va_end(again);
}

void
str_printf(struct str *s, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	str_vprintf(s, fmt, ap);
	va_end(ap);
}

void
str_put_duration(struct str *s, long long seconds)
{
	static const struct { long long seconds; const char *name; } unit[] =
		{{86400, "d"}, {3600, "h"}, {60, "min"}, {1, "s"}};
	long long rest = seconds < 0 ? 0 : seconds;
	int i = 0;

	while (i < 3 && rest < unit[i].seconds)
		i++;
	str_printf(s, "%lld %s", rest / unit[i].seconds, unit[i].name);
	rest %= unit[i].seconds;
	if (i < 3 && rest >= unit[i + 1].seconds)
		str_printf(s, " %lld %s", rest / unit[i + 1].seconds, unit[i + 1].name);
}

void
str_drop(struct str *s, size_t n)
{
	if (n >= s->len) {
		str_reset(s);
		return;
	}
	memmove(s->buf, s->buf + n, s->len - n + 1);
	s->len -= n;
}

void
str_reset(struct str *s)
{
	s->len = 0;
	s->cut = false;
	if (s->buf)
		s->buf[0] = '\0';
}

void
str_release(struct str *s)
{
	free(s->buf);
	*s = (struct str){0};
}

const char *str_text(const struct str *s) { return s->buf ? s->buf : ""; }

void
str_cut(char *to, size_t size, const char *from)
{
	static const char mark[] = "…";
	size_t n = strlen(from), room = size - 1;

	if (n > room) {
		n = room - (sizeof mark - 1);
		while (n && ((unsigned char)from[n] & 0xc0) == 0x80)    /* inside a character */
			n--;
		memcpy(to + n, mark, sizeof mark);
		memmove(to, from, n);
		return;
	}
	memmove(to, from, n + 1);
}

bool
str_in_clear(const char *url)
{
	static const char *const here[] = {"localhost", "127.", "[::1]"};
	const char *host = url + 7;
	size_t n, host_n;

	if (strncasecmp(url, "http://", 7) != 0)
		return false;
	n = strcspn(host, "/?#");
	for (size_t i = n; i-- > 0;)
		if (host[i] == '@') {           /* user:password@host */
			host += i + 1;
			n -= i + 1;
			break;
		}
	host_n = *host == '[' ? strcspn(host, "]") + 1 : strcspn(host, ":/?#");
	if (host_n > n)
		host_n = n;
	if (host_n >= 4 && strncmp(host, here[1], 4) == 0 && strspn(host, "0123456789.") >= host_n)
		return false;
	return !((host_n == 9 && strncasecmp(host, here[0], 9) == 0) ||
		 (host_n == 5 && strncmp(host, here[2], 5) == 0 && (n == 5 || host[5] == ':')));
}

void
str_shquote(struct str *s, const char *t)
{
	str_putc(s, '\'');
	for (; *t; t++) {
		if (*t == '\'')
			str_puts(s, "'\\''");
		else
			str_putc(s, *t);
	}
	str_putc(s, '\'');
}

void
str_safe(struct str *s, const char *t, size_t n)
{
	uint32_t code;

	for (size_t len; n; t += len, n -= len) {
		len = utf8_next(t, n, &code);
		if (code == '\n')
			str_puts(s, "\\n");
		else if (code == '\t' || !utf8_is_control(code))
			str_add(s, t, len);
		else
			for (size_t i = 0; i < len; i++)
				str_printf(s, "\\x%02x", (unsigned char)t[i]);
	}
}

void
str_safe_lines(struct str *s, const char *t, const char *mark)
{
	size_t n = strcspn(t, "\n");

	for (str_safe(s, t, n); t[n] && t[n + 1]; str_safe(s, t, n)) {
		t += n + 1;
		n = strcspn(t, "\n");
		str_putc(s, '\n');
		str_puts(s, mark);
	}
}

int
str_ip(const char *text, unsigned char bytes[16])
{
	unsigned char unused[16];

	bytes = bytes ? bytes : unused;
	return inet_pton(AF_INET, text, bytes) == 1 ? 4 : inet_pton(AF_INET6, text, bytes) == 1 ? 6 : 0;
}

/* The length of a name without the number at its end; *number is -1 if there is none. */
static size_t
str_stem(const char *name, long long *number)
{
	size_t n = strlen(name), at = n;

	while (at && name[at - 1] >= '0' && name[at - 1] <= '9' && n - at < 15)
		at--;
	*number = at < n ? strtoll(name + at, NULL, 10) : -1;
	return at;
}

/* Does name `b` follow `a` in a range? With leading zeros, numbers have the same width. */
static bool
str_follows(const char *a, const char *b)
{
	long long i, k;
	size_t n = str_stem(a, &i), m = str_stem(b, &k);

	return i >= 0 && k == i + 1 && n == m && strncmp(a, b, n) == 0 &&
	       (strlen(a) == strlen(b) || (a[n] != '0' && b[n] != '0'));
}

static bool
str_same_stem(const char *a, const char *b)
{
	long long i, k;
	size_t n = str_stem(a, &i), m = str_stem(b, &k);

	return i >= 0 && k >= 0 && n == m && strncmp(a, b, n) == 0;
}

static int
str_by_stem(const void *a, const void *b)
{
	const char *one = *(const char *const *)a, *other = *(const char *const *)b;
	long long i, k;
	size_t n = str_stem(one, &i), m = str_stem(other, &k);
	int order = n == m ? strncmp(one, other, n) : strcmp(one, other);

	return order ? order : i < k ? -1 : i > k ? 1 : strcmp(one, other);
}

const char *
str_ranges(struct arena *a, const char *const *names, size_t n)
{
	const char **name = arena_alloc(a, (n ? n : 1) * sizeof *name), *s = "";
	long long number;

	if (n)
		memcpy(name, names, n * sizeof *name);
	qsort(name, n, sizeof *name, str_by_stem);
	for (size_t i = 0; i < n; i++) {
		size_t last = i;
		bool goes_on = i && str_same_stem(name[i - 1], name[i]);

		while (last + 1 < n && str_follows(name[last], name[last + 1]))
			last++;
		s = arena_printf(a, "%s%s%s", s, i ? "," : "", name[i] + (goes_on ? str_stem(name[i], &number) : 0));
		if (last > i)
			s = arena_printf(a, "%s..%s", s, name[last] + str_stem(name[last], &number));
		i = last;
	}
	return s;
}

const char *
str_names(struct arena *a, const char *const *name, size_t n, size_t most)
{
	size_t shown = n > most ? most - 1 : n;
	const char *s = n ? name[0] : NULL;

	for (size_t i = 1; i < shown; i++)
		s = arena_printf(a, "%s%s%s", s, i + 1 < n ? ", " : " and ", name[i]);
	return shown < n ? arena_printf(a, "%s and %zu more", s, n - shown) : s;
}

const char *
str_duration(struct arena *a, long long seconds)
{
	struct str s = {0};
	const char *text;

	str_put_duration(&s, seconds);
	text = arena_strdup(a, str_text(&s));
	str_release(&s);
	return text;
}

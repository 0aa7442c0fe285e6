#include "planner/base/str.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "planner/base/arena.h"
#include "planner/base/utf8.h"

static void
room(struct str *s, size_t n)
{
	if (s->cap - s->len > n && s->buf)
		return;
	s->cap = s->cap * 2 > s->len + n + 1 ? s->cap * 2 : s->len + n + 1;
	if (s->cap < 64)
		s->cap = 64;
	s->buf = xrealloc(s->buf, s->cap);
}

void
str_add(struct str *s, const void *p, size_t n)
{
	if (s->max && n > s->max - (s->len < s->max ? s->len : s->max)) {
		n = s->len < s->max ? s->max - s->len : 0;
		s->cut = true;
	}
	room(s, n);
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

const char *
str_text(const struct str *s)
{
	return s->buf ? s->buf : "";
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
		if (code == '\n' || code == '\t' || !utf8_is_control(code))
			str_add(s, t, len);
		else
			for (size_t i = 0; i < len; i++)
				str_printf(s, "\\x%02x", (unsigned char)t[i]);
	}
}

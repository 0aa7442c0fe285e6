#ifndef BASE_STR_H
#define BASE_STR_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

/*
 * A growing string. buf is never NULL after the first append and always ends
 * with a NUL that len does not count. With max set, what goes beyond is dropped
 * and `cut` says so: every buffer that holds remote bytes has a maximum.
 * {0} is a valid empty string. str_release() frees.
 */
struct str {
	char *buf;
	size_t len, cap;
	size_t max;             /* 0: no limit */
	bool cut;
};

void str_add(struct str *, const void *, size_t);
void str_puts(struct str *, const char *);
void str_putc(struct str *, char);
void str_printf(struct str *, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void str_vprintf(struct str *, const char *fmt, va_list) __attribute__((format(printf, 2, 0)));
/* The first n bytes go away. */
void str_drop(struct str *, size_t n);
/* Empty, but the memory stays. */
void str_reset(struct str *);
void str_release(struct str *);
/* The text, "" when nothing was ever added. */
const char *str_text(const struct str *);
/* Append s as one word for a POSIX shell, in single quotes. */
void str_shquote(struct str *, const char *s);
/* Append s with control characters, and bytes that are not UTF-8, shown as \x1b: for
 * remote text on a terminal. */
void str_safe(struct str *, const char *s, size_t n);

#endif

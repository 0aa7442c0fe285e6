#ifndef BASE_STR_H
#define BASE_STR_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

/*
 * A growing string. After the first append buf is not NULL and ends with a NUL that
 * len does not count. If max is set, bytes beyond it are dropped and `cut` is set;
 * every buffer for remote bytes has a max. {0} is a valid empty string.
 * str_release() frees it.
 */
struct str {
	char *buf;
	size_t len, cap;
	size_t max;             /* 0: no limit */
	bool cut;
};

/* The version of an IP address in text form, 4 or 6; 0: not an IP address. Writes its bytes
 * unless the array is NULL. */
int str_ip(const char *text, unsigned char bytes[16]);
struct arena;
/* "a, b and c", or "a, b and 7 more" if n is above `most`. The array may hold only the first
 * `most` of the n names. NULL if n is 0. */
const char *str_names(struct arena *, const char *const *name, size_t n, size_t most);
/* "gpu-1..16", "gpu-1..4,7", "a,b": names in ascending order, those that only differ in a number at
 * their end as ranges. */
const char *str_ranges(struct arena *, const char *const *name, size_t n);
/* A length of time in its two largest units, without one that is zero: "45 s", "3 min 20 s", "2 h",
 * "3 d 4 h". A negative one is "0 s". */
const char *str_duration(struct arena *, long long seconds);

void str_add(struct str *, const void *, size_t);
void str_puts(struct str *, const char *);
void str_putc(struct str *, char);
void str_printf(struct str *, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void str_vprintf(struct str *, const char *fmt, va_list) __attribute__((format(printf, 2, 0)));
void str_put_duration(struct str *, long long seconds);
/* Remove the first n bytes. */
void str_drop(struct str *, size_t n);
/* Make it empty, but keep the memory. */
void str_reset(struct str *);
void str_release(struct str *);
/* The string; "" if nothing was ever added. */
const char *str_text(const struct str *);
/* Copies into size bytes. A string that is cut ends with "…"; scrub() relies on it. */
void str_cut(char *to, size_t size, const char *from);
/* Is it an unencrypted URL to another machine: http://, but not to a loopback address? */
bool str_in_clear(const char *url);
/* Append s as one word for a POSIX shell, in single quotes. */
void str_shquote(struct str *, const char *s);
/* Append remote text in a form that is safe on a terminal: control characters and bytes that
 * are not UTF-8 as \x1b, a line break as \n. */
void str_safe(struct str *, const char *s, size_t n);
/* The same, but line breaks stay. Each line after the first begins with the mark, so that no
 * remote line looks like one of ours. */
void str_safe_lines(struct str *, const char *s, const char *mark);

#endif

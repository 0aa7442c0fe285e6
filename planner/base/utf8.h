#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include <stddef.h>
#include <stdint.h>

/*
 * The character at s (n bytes left, n > 0). Returns its number of bytes and sets *code to
 * its code point. A byte that is not UTF-8 (overlong, surrogate, cut off) counts as one
 * character with *code = UTF8_BAD.
 */
enum { UTF8_BAD = 0x110000 };
size_t utf8_next(const char *s, size_t n, uint32_t *code);
/* Characters in n bytes of UTF-8. */
size_t utf8_count(const char *s, size_t n);
/* Columns on a terminal: 0 for combining marks, 2 for East Asian wide ones. */
unsigned utf8_width(uint32_t code);
/* Could it control a terminal or mislead a reader (bidirectional text)? */
int utf8_is_control(uint32_t code);

#endif

#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include <stddef.h>
#include <stdint.h>

/*
 * The character at s (n bytes left, n > 0): its number of bytes, its code point in
 * *code. Bytes that are not UTF-8 (overlong, surrogates, cut off) count as one
 * character each, with *code = UTF8_BAD.
 */
enum { UTF8_BAD = 0x110000 };
size_t utf8_next(const char *s, size_t n, uint32_t *code);
/* Columns on a terminal: 0 for combining marks, 2 for East Asian wide ones. */
unsigned utf8_width(uint32_t code);
/* Whether a terminal could take it as a command, or a reader be misled by it. */
int utf8_is_control(uint32_t code);

#endif

#ifndef BASE_HASH_H
#define BASE_HASH_H

#include <stddef.h>

enum { HASH_HEX = 65 };         /* 64 hex digits and a NUL */

/* SHA-256 of n bytes as lower-case hex. */
void hash_sha256(const void *, size_t n, char hex[HASH_HEX]);
/* HMAC-SHA-256 as lower-case hex: records a secret without storing it. */
void hash_mac(const char *key, const void *, size_t n, char hex[HASH_HEX]);
/* 32 bytes from the system's random source as hex. */
void hash_random(char hex[HASH_HEX]);

#endif

#ifndef EXECUTORS_SSH_BYTES_H
#define EXECUTORS_SSH_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "planner/base/err.h"
#include "planner/base/str.h"

/*
 * What the readers of keys, known_hosts, ssh_config and the agent share: whole files,
 * host patterns, base64, and the length-prefixed fields of the SSH protocol.
 */

/* Append a whole file to s. False with e set: it cannot be read or has more than `max` bytes.
 * errno is that of the failed call, EFBIG for a file that is too big. The stat, which may be
 * NULL, gets the fstat() of the file that was read. */
struct stat;
struct arena;
bool bytes_file(const char *path, size_t max, struct str *s, struct stat *, struct err *e);

/* Decode n characters of base64 and append them to out; white space is skipped. False: it is
 * not base64. */
bool bytes_base64(const char *text, size_t n, struct str *out);

/* A copy in lower case (ASCII letters only). */
const char *bytes_lower(struct arena *, const char *text);
/* Does the text match a pattern of n bytes with '*' and '?'? ASCII case matters only if
 * `exact`. It takes at most n times the length of the text. */
bool bytes_glob(const char *pattern, size_t n, const char *text, bool exact);

/* A position in a buffer of fields; `bad` once a field went past the end. */
struct fields {
	const unsigned char *p, *end;
	bool bad;
};
struct fields fields_of(const void *, size_t n);
uint32_t fields_u32(struct fields *);
unsigned char fields_byte(struct fields *);
/* A length-prefixed string: its start, and its length in *n; "" if bad. */
const unsigned char *fields_string(struct fields *, size_t *n);
/* The same as a C string in buf; bad if it does not fit or contains a NUL. */
void fields_text(struct fields *, char *buf, size_t size);

void put_u32(struct str *, uint32_t);
void put_string(struct str *, const void *, size_t n);
void put_text(struct str *, const char *);
/* A positive integer, big-endian, without leading zeros but with its sign bit. */
void put_mpint(struct str *, const unsigned char *, size_t n);

#endif

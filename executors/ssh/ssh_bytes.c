/* Reads files, patterns, base64 and the fields of the SSH protocol. */
#include "executors/ssh/ssh_bytes.h"

#include <fcntl.h>
#include <limits.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "executors/io/file.h"
#include "planner/base/arena.h"

bool
bytes_file(const char *path, size_t max, struct str *s, struct stat *st, struct err *e)
{
	/* Without O_NONBLOCK a fifo would block for ever. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd >= 0 && st)
		fstat(fd, st);
	return file_read(fd, path, max, s, e);
}

bool
bytes_base64(const char *text, size_t n, struct str *out)
{
	EVP_ENCODE_CTX *ctx = EVP_ENCODE_CTX_new();
	unsigned char *bytes = xmalloc(n + 3);
	int len = 0, rest = 0;
	bool ok = ctx && n < INT_MAX && !memchr(text, '-', n);  /* OpenSSL takes '-' as the end */

	if (ok) {
		EVP_DecodeInit(ctx);
		ok = EVP_DecodeUpdate(ctx, bytes, &len, (const unsigned char *)text, (int)n) >= 0 &&
		     EVP_DecodeFinal(ctx, bytes + len, &rest) >= 0;
	}
	if (ok)
		str_add(out, bytes, (size_t)len + (size_t)rest);
	EVP_ENCODE_CTX_free(ctx);
	free(bytes);
	return ok;
}

static char
bytes_lower_char(char c)
{
	if (c >= 'A' && c <= 'Z')
		return (char)(c - 'A' + 'a');
	return c;
}

const char *
bytes_lower(struct arena *a, const char *text)
{
	char *t = arena_strdup(a, text);

	for (char *c = t; *c; c++)
		*c = bytes_lower_char(*c);
	return t;
}

bool
bytes_glob(const char *pat, size_t n, const char *s, bool exact)
{
	const char *end = pat + n, *star = NULL, *again = s;

	while (*s) {
		if (pat < end && *pat == '*') {
			star = pat++;
			again = s;
		} else if (pat < end && (*pat == '?' || *pat == *s ||
			    (!exact && bytes_lower_char(*pat) == bytes_lower_char(*s)))) {
			pat++;
			s++;
		} else if (star) {
			/* Let the last '*' match one more character. */
			pat = star + 1;
			s = ++again;
		} else {
			return false;
		}
	}
	while (pat < end && *pat == '*')
		pat++;
	return pat == end;
}

struct fields
fields_of(const void *p, size_t n)
{
	const unsigned char *c = p;

	return (struct fields){.p = c, .end = n ? c + n : c};
}

uint32_t
fields_u32(struct fields *f)
{
	uint32_t v = 0;

	for (int i = 0; i < 4; i++)
		v = v << 8 | fields_byte(f);
	return v;
}

unsigned char
fields_byte(struct fields *f)
{
	if (f->p == f->end) {
		f->bad = true;
		return 0;
	}
	return *f->p++;
}

const unsigned char *
fields_string(struct fields *f, size_t *n)
{
	uint32_t len = fields_u32(f);
	const unsigned char *p = f->p;

	if (f->bad || len > (size_t)(f->end - f->p)) {
		f->bad = true;
		*n = 0;
		return (const unsigned char *)"";
	}
	f->p += len;
	*n = len;
	return p;
}

void
fields_text(struct fields *f, char *buf, size_t size)
{
	size_t n;
	const unsigned char *p = fields_string(f, &n);

	if (n >= size || memchr(p, 0, n)) {
		f->bad = true;
		n = 0;
	}
	if (n)
		memcpy(buf, p, n);
	buf[n] = '\0';
}

void
put_u32(struct str *s, uint32_t v)
{
	char b[4] = {(char)(v >> 24), (char)(v >> 16), (char)(v >> 8), (char)v};

	str_add(s, b, 4);
}

void
put_string(struct str *s, const void *p, size_t n)
{
	put_u32(s, (uint32_t)n);
	str_add(s, p, n);
}

void put_text(struct str *s, const char *t) { put_string(s, t, strlen(t)); }

void
put_mpint(struct str *s, const unsigned char *p, size_t n)
{
	while (n && !*p) {
		p++;
		n--;
	}
	bool sign = n && (*p & 0x80);

	put_u32(s, (uint32_t)(n + sign));
	if (sign)
		str_putc(s, '\0');
	str_add(s, p, n);
}

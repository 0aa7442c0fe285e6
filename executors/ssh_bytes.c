/* Files, patterns, base64 and the fields of the SSH protocol. */
#include "executors/ssh_bytes.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

bool
bytes_file(const char *path, size_t max, struct str *s, struct err *e)
{
	char buf[8192];
	ssize_t n;
	struct stat st;
	/* A fifo would block here for ever. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	size_t total = 0;

	if (fd < 0)
		return err_sys(e, "open '%s'", path);
	if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode)) {
		close(fd);
		errno = EISDIR;
		return err_sys(e, "read '%s'", path);
	}
	while ((n = read(fd, buf, sizeof buf)) > 0 && total <= max) {
		str_add(s, buf, (size_t)n);
		total += (size_t)n;
	}
	int code = n < 0 ? errno : total > max ? EFBIG : 0;

	close(fd);
	errno = code;
	return !code || err_sys(e, "read '%s'", path);
}

static int
digit(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

bool
bytes_base64(const char *text, size_t n, struct str *out)
{
	uint32_t bits = 0;
	unsigned have = 0, pad = 0;
	size_t digits = 0;

	for (size_t i = 0; i < n; i++) {
		int d;

		if (text[i] == '\n' || text[i] == '\r' || text[i] == ' ' || text[i] == '\t')
			continue;
		if (text[i] == '=') {
			pad++;
			continue;
		}
		d = digit(text[i]);
		if (d < 0 || pad)
			return false;
		digits++;
		bits = bits << 6 | (uint32_t)d;
		have += 6;
		if (have >= 8) {
			have -= 8;
			str_putc(out, (char)(bits >> have & 0xff));
		}
	}
	return pad <= 2 && (digits + pad) % 4 == 0;
}

static int lower(char c) { return c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c; }

bool
bytes_glob(const char *pat, size_t n, const char *s)
{
	const char *end = pat + n, *star = NULL, *again = s;

	while (*s) {
		if (pat < end && *pat == '*') {
			star = pat++;
			again = s;
		} else if (pat < end && (*pat == '?' || lower(*pat) == lower(*s))) {
			pat++;
			s++;
		} else if (star) {
			/* Let the last '*' take one character more. */
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

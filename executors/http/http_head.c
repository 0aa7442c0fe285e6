/* Reads the headers of answers. */
#include "executors/http/http_private.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "planner/base/vec.h"

/* Values with control characters are dropped. */
static void
http_head_keep(struct http *h, const char *name, size_t nname, const char *value, size_t n)
{
	struct str *s = &h->head;

	if (s->len + nname + n + 2 > HTTP_MAX_HEAD)
		return;
	for (size_t i = 0; i < n; i++) {
		if ((unsigned char)value[i] < 0x20 && value[i] != '\t')
			return;
	}
	for (size_t i = 0; i < nname; i++)
		str_putc(s, (char)tolower((unsigned char)name[i]));
	str_putc(s, '\0');
	str_add(s, value, n);
	str_putc(s, '\0');
}

size_t
http_on_header(char *line, size_t size, size_t n, void *transfer)
{
	struct http *h = ((struct http_transfer *)transfer)->http;
	size_t len = size * n, end = len, at;
	const char *colon = memchr(line, ':', len);

	/* A new answer starts: the one before was a "100 Continue" or similar. */
	if (len > 5 && strncmp(line, "HTTP/", 5) == 0) {
		str_reset(&h->head);
		h->error_code[0] = '\0';
		return len;
	}
	if (!colon || colon == line)
		return len;
	at = (size_t)(colon - line) + 1;
	while (at < len && (line[at] == ' ' || line[at] == '\t'))
		at++;
	while (end > at && strchr(" \t\r\n", line[end - 1]))
		end--;
	http_head_keep(h, line, (size_t)(colon - line), line + at, end - at);
	if (strncasecmp(line, "x-error-code:", 13) == 0 && end - at < sizeof h->error_code) {
		memcpy(h->error_code, line + at, end - at);
		h->error_code[end - at] = '\0';
	}
	return len;
}

bool
http_next_header(const struct http *h, size_t *at, const char **name, const char **value)
{
	if (*at >= h->head.len)
		return false;
	*name = h->head.buf + *at;
	*value = *name + strlen(*name) + 1;
	*at = (size_t)(*value + strlen(*value) + 1 - h->head.buf);
	return true;
}

/* Prints on stderr only what is new. */
#include "cmd/hush.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "planner/base/str.h"

enum { HUSH_MAX = 64 << 10 };

void
hush_begin(struct hush *h)
{
	h->held = tmpfile();
	if (!h->held)
		return;
	fflush(stderr);
	h->real = dup(STDERR_FILENO);
	if (h->real < 0 || dup2(fileno(h->held), STDERR_FILENO) < 0) {
		if (h->real >= 0)
			close(h->real);
		fclose(h->held);
		h->held = NULL;
	}
}

static void
hush_read(struct hush *h, struct str *text)
{
	char buf[4096];
	size_t n;

	fflush(stderr);
	rewind(h->held);
	while (text->len < HUSH_MAX && (n = fread(buf, 1, sizeof buf, h->held)) > 0)
		str_add(text, buf, n);
	fseek(h->held, 0, SEEK_END);
}

const char *
hush_line(struct hush *h, struct arena *a)
{
	struct str text = {0};
	const char *line = NULL;

	if (!h->held)
		return NULL;
	hush_read(h, &text);
	if (text.len)
		line = arena_strndup(a, text.buf, strcspn(str_text(&text), "\n"));
	str_release(&text);
	return line;
}

void
hush_end(struct hush *h)
{
	struct str text = {0};

	if (!h->held)
		return;
	hush_read(h, &text);
	dup2(h->real, STDERR_FILENO);
	close(h->real);
	fclose(h->held);
	h->held = NULL;
	if (text.len && (!h->last || strcmp(h->last, str_text(&text)) != 0))
		fputs(str_text(&text), stderr);
	free(h->last);
	h->last = strdup(str_text(&text));
	str_release(&text);
}

void
hush_time(char text[32])
{
	time_t now = time(NULL);
	struct tm tm;

	gmtime_r(&now, &tm);
	strftime(text, 32, "%Y-%m-%dT%H:%M:%SZ", &tm);
}

void
hush_release(struct hush *h)
{
	free(h->last);
	h->last = NULL;
}

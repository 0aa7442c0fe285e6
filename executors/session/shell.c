/* One shell on a node: boots the loop, writes requests, reads frames. */
#include "executors/session/shell.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "planner/base/hash.h"

static const size_t NOISE_KEPT = 2048;

struct shell {
	const struct executor *ex;
	struct stream *stream;
	const struct shell_events *events;
	void *arg;
	struct frame_reader reader;
	struct str noise;
	bool closed;                    /* events->closed was called */
};

/* Append the loop without comments and indentation: a line "rest=BYTES" with the size of the second
 * part, then both parts. */
static void
shell_text(struct str *text)
{
	static const char last[] = "second || ";      /* of the first part */
	const char *line = script_get("shell")->text;
	struct str part[2] = {0};
	size_t at = 0;

	while (*line) {
		const char *end = strchrnul(line, '\n');

		line += strspn(line, "\t");
		if (*line != '#' && line < end)
			str_add(&part[at], line, (size_t)(end - line + 1));
		if (strncmp(line, last, sizeof last - 1) == 0)
			at = 1;
		line = end + (*end == '\n');
	}
	str_printf(text, "rest=%zu\n%s", part[1].len, str_text(&part[0]));
	str_puts(text, str_text(&part[1]));
	str_release(&part[0]);
	str_release(&part[1]);
}

/* The exec line must be one word for any login shell, so it has no quote, no `!` and no
 * backslash. The first part of the loop comes on stdin, and each of its lines is run as it comes: read
 * takes it byte by byte, so that nothing after it is swallowed. That part finds a faster way for the
 * rest. Globbing is off, so the words of a line stay as they are. */
static struct stream *
shell_boot(struct shell *sh, struct link *link, const struct stream_events *events)
{
	static const char command[] = "exec sh -c 'set -f;while read -r l;do eval $l;done'";
	struct str text = {0};

	shell_text(&text);
	sh->stream = sh->ex->exec(link, command, events, sh);
	if (sh->stream) {
		str_puts(&text, sh->reader.nonce);
		str_putc(&text, '\n');
		sh->ex->write(sh->stream, text.buf, text.len);
	}
	str_release(&text);
	return sh->stream;
}

const char *
shell_noise(struct shell *sh)
{
	struct str *s = &sh->noise;
	const char *last;

	while (s->len && strchr(" \r\n", s->buf[s->len - 1]))
		s->buf[--s->len] = '\0';
	/* The last line says most; the lines before it are often a banner. */
	last = s->len ? strrchr(s->buf, '\n') : NULL;
	return last ? last + 1 : str_text(s);
}

static void
shell_end(struct shell *sh, const char *why)
{
	if (sh->closed)
		return;
	sh->closed = true;
	sh->events->closed(sh->arg, why);
}

static void
shell_on_data(void *arg, const char *bytes, size_t n, bool is_stderr)
{
	struct shell *sh = arg;
	struct frame frame;

	if (sh->closed)
		return;
	if (is_stderr) {
		str_add(&sh->noise, bytes, n);
		if (sh->noise.len > 2 * NOISE_KEPT)
			str_drop(&sh->noise, sh->noise.len - NOISE_KEPT);
		return;
	}
	frame_feed(&sh->reader, bytes, n);
	while (frame_next(&sh->reader, &frame)) {
		/* Once the loop runs, what rc files printed does not matter. */
		if (frame.type == FRAME_HELLO)
			str_reset(&sh->noise);
		sh->events->frame(sh->arg, &frame);
	}
	if (sh->reader.broken)
		shell_end(sh, sh->reader.broken);
}

static void
shell_on_closed(void *arg, const struct err *e)
{
	struct shell *sh = arg;
	struct str why = {0};
	const char *noise = shell_noise(sh);

	if (e)
		str_puts(&why, e->text);
	else
		str_printf(&why, "the shell on the node ended%s%s",
			   sh->reader.hello ? "" : " before it started dray's loop",
			   *noise ? "" : sh->reader.hello ? "" : " (is there a POSIX sh?)");
	if (*noise)
		str_printf(&why, "; it said: %s", noise);
	shell_end(sh, why.buf);
	str_release(&why);
}

struct shell *
shell_open(const struct executor *ex, struct link *link, const struct shell_events *events,
	   void *arg)
{
	static const struct stream_events stream_events = {.data = shell_on_data,
							   .closed = shell_on_closed};
	struct shell *sh = xcalloc(1, sizeof *sh);
	char nonce[HASH_HEX];

	sh->ex = ex;
	sh->events = events;
	sh->arg = arg;
	hash_random(nonce);
	frame_init(&sh->reader, nonce);
	if (!shell_boot(sh, link, &stream_events)) {
		shell_close(sh);
		return NULL;
	}
	return sh;
}

void
shell_send(struct shell *sh, unsigned long id, const struct request *q)
{
	const struct task *t = &q->task;
	const char *name = t->script->name;
	struct str head = {0};
	size_t nstdin = q->nsecret + t->ninput;

	str_printf(&head, "%s %lu %s %zu %zu %zu %s %d %zu\n", sh->reader.nonce, id, name,
		   strlen(t->script->text), t->argc, nstdin,
		   strcmp(name, "lock") == 0 ? "here" : "child", REQUEST_MAX_OUTPUT,
		   t->private ? nstdin : q->nsecret);
	str_puts(&head, t->script->text);
	/* `=TEXT` as it is, or `%TEXT` for printf %b if it has line breaks. */
	for (size_t i = 0; i < t->argc; i++) {
		const char *arg = t->argv[i];
		bool plain = !strchr(arg, '\n');

		str_printf(&head, "%c%s", plain ? '=' : '%', plain ? arg : "");
		for (; !plain && *arg; arg++)
			str_printf(&head, "\\0%03o", (unsigned char)*arg);
		str_putc(&head, '\n');
	}
	str_printf(&head, "%s\n", sh->reader.nonce);
	sh->ex->write(sh->stream, head.buf, head.len);
	if (q->nsecret)
		sh->ex->write(sh->stream, q->secret, q->nsecret);
	if (t->ninput)
		sh->ex->write(sh->stream, t->input, t->ninput);
	if (nstdin) {
		str_reset(&head);
		str_printf(&head, "%s\n", sh->reader.nonce);
		sh->ex->write(sh->stream, head.buf, head.len);
	}
	str_release(&head);
}

bool shell_ready(const struct shell *sh) { return sh->reader.hello; }

void
shell_close(struct shell *sh)
{
	if (sh->stream)
		sh->ex->close(sh->stream);
	frame_release(&sh->reader);
	str_release(&sh->noise);
	free(sh);
}

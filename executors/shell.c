/* One shell on a node: boots the loop, writes requests, hands out frames. */
#include "executors/shell.h"

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

/* The loop's text as it travels: no comments, no indentation. */
static void
compact(struct str *to, const char *text)
{
	while (*text) {
		const char *end = strchrnul(text, '\n');

		text += strspn(text, "\t");
		if (*text != '#' && text < end)
			str_add(to, text, (size_t)(end - text + 1));
		text = end + (*end == '\n');
	}
}

/* The exec line is one word for any login shell, so it holds no quote, no `!` and no
 * backslash; with IFS empty and globbing off an unquoted $() stays as it is. The loop
 * itself comes by stdin, read byte by byte so that nothing behind it is eaten. */
static struct stream *
boot(struct shell *sh, struct link *link, const struct stream_events *events)
{
	struct str text = {0};
	char command[128];

	compact(&text, script_get("shell")->text);
	snprintf(command, sizeof command,
		 "exec sh -c 'IFS=;set -f;eval $(dd bs=1 count=%zu 2>/dev/null)'", text.len);
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
	/* The last line says most; what is before it is often a banner. */
	last = s->len ? strrchr(s->buf, '\n') : NULL;
	return last ? last + 1 : str_text(s);
}

static void
end(struct shell *sh, const char *why)
{
	if (sh->closed)
		return;
	sh->closed = true;
	sh->events->closed(sh->arg, why);
}

static void
on_data(void *arg, const char *bytes, size_t n, bool is_stderr)
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
		/* What rc files complained about is no news once the loop runs. */
		if (frame.type == FRAME_HELLO)
			str_reset(&sh->noise);
		sh->events->frame(sh->arg, &frame);
	}
	if (sh->reader.broken)
		end(sh, sh->reader.broken);
}

static void
on_closed(void *arg, const struct err *e)
{
	struct shell *sh = arg;
	struct str why = {0};
	const char *noise = shell_noise(sh);

	if (e)
		str_puts(&why, e->text);
	else
		str_printf(&why, "the shell on the node ended%s%s",
			   sh->reader.hello ? "" : " before it understood us",
			   *noise ? "" : sh->reader.hello ? "" : " (is there a POSIX sh?)");
	if (*noise)
		str_printf(&why, "; it said: %s", noise);
	end(sh, why.buf);
	str_release(&why);
}

struct shell *
shell_open(const struct executor *ex, struct link *link, const struct shell_events *events,
	   void *arg)
{
	static const struct stream_events stream_events = {.data = on_data, .closed = on_closed};
	struct shell *sh = xcalloc(1, sizeof *sh);
	char nonce[HASH_HEX];

	sh->ex = ex;
	sh->events = events;
	sh->arg = arg;
	hash_random(nonce);
	frame_init(&sh->reader, nonce);
	if (!boot(sh, link, &stream_events)) {
		shell_close(sh);
		return NULL;
	}
	return sh;
}

/* `=TEXT` as it is, or `%TEXT` for printf %b when a line cannot hold it. */
static void
add_argument(struct str *to, const char *arg)
{
	if (!strchr(arg, '\n')) {
		str_printf(to, "=%s\n", arg);
		return;
	}
	str_putc(to, '%');
	for (; *arg; arg++)
		str_printf(to, "\\0%03o", (unsigned char)*arg);
	str_putc(to, '\n');
}

void
shell_send(struct shell *sh, unsigned long id, const struct request *q)
{
	const struct task *t = &q->task;
	const char *name = t->script->name;
	struct str head = {0};

	str_printf(&head, "%s %lu %s %zu %zu %zu %s %d\n", sh->reader.nonce, id, name,
		   strlen(t->script->text), t->argc, q->nsecret + t->ninput,
		   strcmp(name, "lock") == 0 ? "here" : "child", REQUEST_MAX_OUTPUT);
	str_puts(&head, t->script->text);
	for (size_t i = 0; i < t->argc; i++)
		add_argument(&head, t->argv[i]);
	str_printf(&head, "%s\n", sh->reader.nonce);
	sh->ex->write(sh->stream, head.buf, head.len);
	str_release(&head);
	if (q->nsecret)
		sh->ex->write(sh->stream, q->secret, q->nsecret);
	if (t->ninput)
		sh->ex->write(sh->stream, t->input, t->ninput);
}

bool
shell_ready(const struct shell *sh)
{
	return sh->reader.hello;
}

void
shell_close(struct shell *sh)
{
	if (sh->stream)
		sh->ex->close(sh->stream);
	frame_release(&sh->reader);
	str_release(&sh->noise);
	free(sh);
}

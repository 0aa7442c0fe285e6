/* Reads frames from the stream of a node's shell loop: see frame.h. */
#include "executors/session/frame.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void
frame_init(struct frame_reader *r, const char *nonce)
{
	*r = (struct frame_reader){0};
	memcpy(r->nonce, nonce, FRAME_NONCE);
}

void frame_release(struct frame_reader *r) { str_release(&r->buf); }

void
frame_feed(struct frame_reader *r, const char *bytes, size_t n)
{
	if (r->broken)
		return;
	/* Drop what was read in one move, and only when it is worth it. */
	if (r->at > r->buf.len / 2) {
		str_drop(&r->buf, r->at);
		r->at = 0;
	}
	str_add(&r->buf, bytes, n);
}

static void
frame_drop(struct frame_reader *r, size_t n)
{
	r->noise += n;
	if (r->noise > FRAME_MAX_NOISE)
		r->broken = r->hello ? "the shell on the node prints without end, but no answer"
				     : "the login shell prints without end";
}

/* Read a number without sign or leading space, at most `max`, and skip the space after it. */
static bool
frame_number(char **at, unsigned long max, unsigned long *value)
{
	char *end;

	if (**at < '0' || **at > '9')
		return false;
	errno = 0;
	*value = strtoul(*at, &end, 10);
	if (errno || *value > max || (*end != ' ' && *end != '\0'))
		return false;
	*at = *end == ' ' ? end + 1 : end;
	return true;
}

static bool
frame_take_word(char **at, const char *word)
{
	size_t n = strlen(word);

	if (strncmp(*at, word, n) != 0 || ((*at)[n] != ' ' && (*at)[n] != '\0'))
		return false;
	*at += (*at)[n] == ' ' ? n + 1 : n;
	return true;
}

static bool
frame_read_end(char *at, struct frame *f)
{
	unsigned long status, nout, nerr, out_cut, err_cut;

	if (!frame_number(&at, 255, &status) || !frame_number(&at, FRAME_MAX_BODY, &nout) ||
	    !frame_number(&at, FRAME_MAX_BODY, &nerr) || !frame_number(&at, 1, &out_cut) ||
	    !frame_number(&at, 1, &err_cut) || *at)
		return false;
	f->type = FRAME_END;
	f->status = (int)status;
	f->nout = nout;
	f->nerr = nerr;
	f->out_cut = out_cut;
	f->err_cut = err_cut;
	return true;
}

/* Read a frame from one line, which follows the nonce. */
static bool
frame_read_line(char *at, struct frame *f)
{
	unsigned long value;

	*f = (struct frame){0};
	if (strcmp(at, "hello 1") == 0) {
		f->type = FRAME_HELLO;
		return true;
	}
	if (!frame_number(&at, (unsigned long)-1, &f->id))
		return false;
	if (frame_take_word(&at, "start")) {
		/* A script's group is never 0 (our own) or 1 (init). */
		if (!frame_number(&at, 0x7fffffff, &value) || value < 2 || *at)
			return false;
		f->type = FRAME_START;
		f->pid = (long)value;
		return true;
	}
	if (frame_take_word(&at, "say")) {
		f->type = FRAME_SAY;
		f->text = at;
		return true;
	}
	if (frame_take_word(&at, "end"))
		return frame_read_end(at, f);
	f->type = FRAME_LOST;
	return strcmp(at, "lost") == 0;
}

/* Finish an end frame once its whole body is there. */
static bool
frame_finish(struct frame_reader *r, struct frame *f)
{
	size_t have = r->buf.len - r->at;

	if (have < r->pending.nout + r->pending.nerr)
		return false;
	*f = r->pending;
	f->out = f->nout ? r->buf.buf + r->at : "";
	f->err = f->nerr ? r->buf.buf + r->at + f->nout : "";
	r->at += f->nout + f->nerr;
	r->has_pending = false;
	return true;
}

bool
frame_next(struct frame_reader *r, struct frame *f)
{
	if (r->has_pending)
		return frame_finish(r, f);
	while (!r->broken && r->at < r->buf.len) {
		char *line = r->buf.buf + r->at;
		size_t have = r->buf.len - r->at;
		char *end = memchr(line, '\n', have);
		size_t n = end ? (size_t)(end - line) : have;

		if (!end && n <= FRAME_MAX_LINE && !r->skipping)
			return false;
		r->at += end ? n + 1 : n;
		if (r->skipping || n > FRAME_MAX_LINE || n <= FRAME_NONCE ||
		    memcmp(line, r->nonce, FRAME_NONCE) != 0 || line[FRAME_NONCE] != ' ') {
			r->skipping = !end;
			frame_drop(r, n);
			continue;
		}
		*end = '\0';
		if (!frame_read_line(line + FRAME_NONCE + 1, f)) {
			/* It has the nonce but cannot be read: trust nothing after it. */
			r->broken = "the node sent a frame that cannot be read";
			return false;
		}
		r->noise = 0;
		r->hello |= f->type == FRAME_HELLO;
		if (f->type != FRAME_END)
			return true;
		r->pending = *f;
		r->has_pending = true;
		return frame_finish(r, f);
	}
	return false;
}

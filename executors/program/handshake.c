/* The first line to a shell that runs behind a program, and its answer. */
#include "executors/program/handshake.h"

#include <stdbool.h>
#include <string.h>

enum {
	SEEN = 64 * 1024,       /* bytes that are kept to find the answer in */
	WORDS = 2048,
	LONGEST = 400,
	HALF = HASH_HEX / 4,
};

void
handshake_again(struct handshake *g, const char random[HASH_HEX])
{
	memcpy(g->half[0], random, HALF);
	memcpy(g->half[1], random + HALF, HALF);
	g->half[0][HALF] = g->half[1][HALF] = '\0';
	str_reset(&g->seen);
	g->open = g->terminal = false;
}

void
handshake_line(const struct handshake *g, const char *command, struct str *to)
{
	str_printf(to, "printf '\\n%%s%%s\\n' %s %s", g->half[0], g->half[1]);
	if (command) {
		str_puts(to, "; exec sh -c ");
		str_shquote(to, command);
	}
	str_putc(to, '\n');
}

void
handshake_hear(struct handshake *g, const char *bytes, size_t n)
{
	str_add(&g->words, bytes, n);
	if (g->words.len > 2 * WORDS)
		str_drop(&g->words, g->words.len - WORDS);
}

bool
handshake_feed(struct handshake *g, const char **bytes, size_t *n)
{
	char answer[2 * HALF + 1];
	const char *hit, *end;

	memcpy(answer, g->half[0], HALF);
	memcpy(answer + HALF, g->half[1], HALF);
	str_add(&g->seen, *bytes, *n);
	hit = memmem(g->seen.buf, g->seen.len, answer, 2 * HALF);
	end = hit ? memchr(hit, '\n', g->seen.len - (size_t)(hit - g->seen.buf)) : NULL;
	if (!end) {
		handshake_hear(g, *bytes, *n);
		if (!hit && g->seen.len > 2 * SEEN)
			str_drop(&g->seen, g->seen.len - SEEN);
		return false;
	}
	g->open = true;
	g->terminal = end != hit + 2 * HALF;
	*bytes = end + 1;
	*n = g->seen.len - (size_t)(end + 1 - g->seen.buf);
	return true;
}

static bool handshake_is_break(char c) { return c == '\n' || c == '\r'; }

const char *
handshake_words(const struct handshake *g, size_t lines, struct str *to)
{
	const char *text = str_text(&g->words), *end = text + g->words.len, *from;

	str_reset(to);
	while (end > text && strchr(" \t\r\n", end[-1]))
		end--;
	for (from = end; from > text; from--)
		if (handshake_is_break(from[-1]) && !handshake_is_break(*from) && --lines == 0)
			break;
	while (from < end && to->len < LONGEST) {
		const char *stop = from;

		while (stop < end && !handshake_is_break(*stop))
			stop++;
		str_puts(to, to->len && stop > from ? "; " : "");
		str_safe(to, from, (size_t)(stop - from < LONGEST ? stop - from : LONGEST));
		from = stop + (stop < end);
	}
	return str_text(to);
}

void
handshake_release(struct handshake *g)
{
	str_release(&g->seen);
	str_release(&g->words);
}

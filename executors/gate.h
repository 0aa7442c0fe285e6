#ifndef EXECUTORS_GATE_H
#define EXECUTORS_GATE_H

#include <stdbool.h>
#include <stddef.h>

#include "planner/base/hash.h"
#include "planner/base/str.h"

/*
 * How a program proves that its stdin and stdout are a POSIX shell. It is sent one line,
 * which prints an answer and then becomes the command, and nothing more until the answer
 * came: a shell reads its stdin in blocks, and what stood behind the line would be eaten.
 * The line has the answer in two halves, so that an echo is none. What comes before the
 * answer (banners, progress) is dropped, and its end kept as words for errors. Pure.
 */
struct gate {
	char half[2][HASH_HEX / 4 + 1];
	struct str seen;                /* of stdout, since the line was sent */
	struct str words;
	bool open;
	bool terminal;                  /* one is in between: it ends lines with \r\n */
};

/* Wait for an answer, the first time ({0} is a gate) or another one; the words stay. */
void gate_again(struct gate *, const char random[HASH_HEX]);
/* Appends the line; without a command the shell goes on reading. */
void gate_line(const struct gate *, const char *command, struct str *to);
/* Bytes of stdout. True when the answer is in: *bytes and *n are what came behind it, good
 * until the gate is released or waits again. */
bool gate_feed(struct gate *, const char **bytes, size_t *n);
/* Bytes of stderr, or others that may explain an end. */
void gate_hear(struct gate *, const char *, size_t);
/* The last lines of the words, at most that many, on one line without control characters,
 * or "". In `to`. */
const char *gate_words(const struct gate *, size_t lines, struct str *to);
void gate_release(struct gate *);

#endif

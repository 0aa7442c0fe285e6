#ifndef EXECUTORS_HANDSHAKE_H
#define EXECUTORS_HANDSHAKE_H

#include <stdbool.h>
#include <stddef.h>

#include "planner/base/hash.h"
#include "planner/base/str.h"

/*
 * Proves that the stdin and stdout of a program are a POSIX shell. We send one line, which
 * prints an answer and then executes the command. Nothing else is sent before the answer:
 * a shell reads its stdin in blocks and would swallow it. The line contains the answer in
 * two halves, so that an echo of the line does not pass for the answer. Output before the
 * answer (banners, progress) is dropped; the end of it is kept for error messages. Pure.
 */
struct handshake {
	char half[2][HASH_HEX / 4 + 1];
	struct str seen;                /* of stdout, since the line was sent */
	struct str words;
	bool open;
	bool terminal;                  /* there is a terminal in between: lines end with \r\n */
};

/* Start to wait for an answer, or for another one. {0} is a handshake. The words stay. */
void handshake_again(struct handshake *, const char random[HASH_HEX]);
/* Appends the line; without a command the shell goes on reading. */
void handshake_line(const struct handshake *, const char *command, struct str *to);
/* Feed bytes of stdout. True when the answer has come: *bytes and *n are what follows it,
 * valid until the handshake is released or waits again. */
bool handshake_feed(struct handshake *, const char **bytes, size_t *n);
/* Keep bytes of stderr, or others that may explain why the program ended. */
void handshake_hear(struct handshake *, const char *, size_t);
/* The last `lines` lines of the words as one line without control characters, or "". It is
 * written to `to`. */
const char *handshake_words(const struct handshake *, size_t lines, struct str *to);
void handshake_release(struct handshake *);

#endif

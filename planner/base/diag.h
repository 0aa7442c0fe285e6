#ifndef BASE_DIAG_H
#define BASE_DIAG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "planner/base/arena.h"

/* A place in a source text; line and col count from 1, line 0 means nowhere. */
struct loc {
	const struct source *src;
	unsigned line, col;     /* col counts characters, not bytes */
	unsigned len;           /* characters to underline, 0 for one */
};

/* A file that was read whole, so that a diagnostic can show its line. */
struct source {
	const char *name;
	const char *text;
	size_t len;
};

enum severity { DIAG_ERROR, DIAG_WARNING, DIAG_NOTE };

/*
 * Diagnostics about the user's files are collected, so that one run shows all of
 * them, sorted by place, and what is said alike of one place once. A note belongs to the
 * error or warning before it, and goes with it.
 */
struct diag {
	enum severity severity;
	struct loc at;
	const char *text;
	size_t order;
};

/* Bytes of a source that are never shown: a secret that was written into the file. */
struct diag_hidden {
	const struct source *src;
	size_t from, to;
};

struct diags {
	struct arena *arena;
	struct diag *v;
	size_t n, cap;
	size_t nerror, nwarning;
	struct { struct diag_hidden *v; size_t n, cap; } hidden;
};

void diag_error(struct diags *, struct loc, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void diag_warning(struct diags *, struct loc, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void diag_note(struct diags *, struct loc, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* Show '*' for these bytes of the source from now on. What looks like a token
 * (hf_..., sk-...) is masked in every line and text even without this. */
void diag_hide(struct diags *, const struct source *, size_t from, size_t to);
/* Print all, sorted by file, line and column; the number of errors. The counts are then
 * of what was printed; before, they are of all that was said. */
size_t diag_print(struct diags *, FILE *, bool color);
/* " (did you mean 'x'?)" in the arena, "" when no name is near: for messages. */
const char *diag_hint(struct arena *, const char *word, const char *const *names, size_t n);
/* The nearest of `n` names to `word`, or NULL when none is near (did you mean). */
const char *diag_nearest(const char *word, const char *const *names, size_t n);

#endif

#ifndef BASE_DIAG_H
#define BASE_DIAG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "planner/base/arena.h"

/* A place in a source file; line and col count from 1, line 0 means nowhere. */
struct loc {
	const struct source *src;
	unsigned line, col;     /* col counts characters, not bytes */
	unsigned len;           /* characters to underline, 0 for one */
};

/* A file in memory, so that a diagnostic can show its line. */
struct source {
	const char *name;
	const char *text;
	size_t len;
};
/* A line of the source, counted from 1: *n bytes, without its line feed or a byte order mark.
 * NULL: the source has fewer lines. */
const char *diag_line(const struct source *, unsigned line, size_t *n);

enum severity { DIAG_ERROR, DIAG_WARNING, DIAG_NOTE };

/*
 * A message to the user about a place in a file or about a node. Diagnostics are collected,
 * so that one run shows all of them. Those about files are sorted by place, and equal
 * messages about one place are shown once. A note belongs to the error or warning before it
 * and moves with it. (A failure of the program itself is a struct err.)
 */
struct node;
struct step;
struct diag {
	enum severity severity;
	struct loc at;                  /* line 0: not about a file */
	const struct node *node;        /* NULL: not about one node */
	const char *text;
	const char *hint;               /* one next step for the user, or NULL */
	const struct step *step;        /* the step whose observation showed it, or NULL */
	size_t order;
};

/* Bytes of a source that are never shown: a secret written into the file. */
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
/* About a node; NULL: about the cluster as a whole. */
void diag_node(struct diags *, enum severity, const struct node *, const char *hint,
	       const char *fmt, ...)
	__attribute__((format(printf, 5, 6)));
/* Moves all diagnostics about files, with their notes, to the end of another list. */
void diag_move_placed(struct diags *to, struct diags *from);
/* Show '*' for these bytes of the source from now on. What looks like a token
 * (hf_..., sk-...) is masked in every line and message even without this. */
void diag_hide(struct diags *, const struct source *, size_t from, size_t to);
/* Print all, sorted by file, line and column; returns the number of errors. Afterwards
 * nerror and nwarning count what was printed; before, duplicates count too. */
size_t diag_print(struct diags *, FILE *, bool color);
/* " (did you mean 'x'?)" in the arena, or "" if no name is near. */
const char *diag_hint(struct arena *, const char *word, const char *const *names, size_t n);
/* The nearest of `n` names to `word`, or NULL if none is near. */
const char *diag_nearest(const char *word, const char *const *names, size_t n);

#endif

#ifndef PLANNER_HISTORY_H
#define PLANNER_HISTORY_H

#include <stdbool.h>

#include "planner/base/arena.h"

/*
 * What earlier applies did. Each apply leaves an entry beside the records of every node that it
 * locked, so several nodes have copies. What comes back from a node is not trusted: lengths and
 * numbers are bounded, and an entry with anything odd in it is dropped. Pure.
 */
struct history_entry {
	const char *id;                 /* of the apply: 16 hex digits */
	const char *at;                 /* when it began, RFC 3339 in UTC */
	const char *by;                 /* USER@HOST */
	const char *command;            /* apply, restart, stop, destroy or watch */
	const char *result;             /* done, partial, failed, interrupted, replanned; begun: its
					 * end is not known */
	const char *what;               /* the operations, in a few words */
	long long seconds;              /* that it took; -1: not known */
	long long down;                 /* seconds without the API; -1: it did not come back,
					 * HISTORY_NOT_DOWN: it was not taken down */
	const char *spec;               /* the text of the spec; NULL: too long to be kept */
	const char *files;              /* the files that it names, "NAME SHA256" a line; "": none, or not
					 * noted */
	const char *node;               /* which has this copy; not written */
};
enum { HISTORY_NOT_DOWN = -2 };

struct history {
	struct history_entry *v;
	size_t n, cap;
	const char *silent;             /* nodes whose history could not be read, one a line; NULL: none */
};

/* The entry as one line of JSON, and the name of its file, which sorts by time. */
const char *history_write(struct arena *, const struct history_entry *);
const char *history_file(struct arena *, const struct history_entry *);

/* Adds what a node has, a line for each entry. If copies of an entry differ, one whose apply has
 * ended counts. */
void history_merge(struct arena *, struct history *, const char *node, const char *text, size_t n);
/* Sorts the entries, the newest first, and keeps HISTORY_KEPT of them. */
void history_sort(struct history *);
/* The entry whose id begins with that text. NULL: none, or several (*many). */
const struct history_entry *history_find(const struct history *, const char *id, bool *many);

#endif

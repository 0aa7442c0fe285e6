#ifndef PLANNER_WHY_H
#define PLANNER_WHY_H

#include "planner/base/arena.h"
#include "planner/why/saying.h"

/*
 * Why an engine died: the line, in the logs of all ranks and services, that first says what
 * was wrong. A grep does not find it: most lines of a failure only say that another process
 * failed, and the rank with the most output is often not the one that failed first. Each line
 * gets a weight (saying.h), a traceback counts as one, and the earliest of the heaviest lines
 * is taken. Pure; logs are not trusted.
 */
struct why_log {
	const char *name;       /* "rank[gpu-2]", or a file's name */
	const char *text;
	size_t n;
	size_t end;             /* of a file: the offset where the text ends; 0: not told */
	bool cut;               /* its last line is not complete */
};

struct why {
	const struct why_log *log;      /* NULL: no log names a cause */
	size_t line;            /* counts from 1 in that log; 0: not known */
	const char *who;        /* "Worker_TP1", or "" */
	const char *text;       /* what it says, without prefixes */
	const struct saying *saying;    /* its row in the table, or NULL */
	/* What others said because of it: the first hearsay in each log, or NULL. */
	const char **hearsay;   /* one for each log, ... */
	size_t *hearsay_line;   /* ... and its line */
};

struct why why_find(struct arena *, const struct why_log *, size_t n);

#endif

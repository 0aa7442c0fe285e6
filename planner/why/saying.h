#ifndef PLANNER_SAYING_H
#define PLANNER_SAYING_H

#include <stdbool.h>
#include <stddef.h>

/*
 * What engines, Ray, torch, docker and hf print when something is wrong: a table of patterns
 * (sayings.def), each with its meaning and what to do. The first row that matches counts.
 */
enum saying_weight {
	SAYING_NOTHING,         /* only looks like an error */
	SAYING_HEARSAY,         /* another process failed, and this one noticed */
	SAYING_COMPLAINT,       /* a log message that something failed */
	SAYING_WAITING,         /* it waits or retries: the cause if no line says more */
	SAYING_DIED,            /* a process is gone for an unknown reason */
	SAYING_ERROR,           /* an exception that is not in the table, or one that may follow
				 * from another failure: equal to DIED, the earlier one counts */
	SAYING_CAUSE,           /* says what is wrong */
};

struct saying {
	enum saying_weight weight;
	const char *pattern;    /* parts in this order, with * between them; with a ^ in front, at
				 * the beginning of the text */
	const char *means;      /* one sentence without a full stop; "" if the text needs no
				 * explanation */
	const char *advice;       /* what helps, or "" */
};

/* The row that matches, or NULL. */
const struct saying *saying_of(const char *text);
bool saying_fits(const char *pattern, const char *text);

#endif

#ifndef CMD_HUSH_H
#define CMD_HUSH_H

#include <stdio.h>

#include "planner/base/arena.h"

/*
 * Holds back what is printed on stderr, so that something that is done again and again prints
 * an error or a warning once, and not each time.
 */
struct hush {
	FILE *held;             /* NULL: nothing is held back */
	int real;               /* stderr itself */
	char *last;             /* what was held back last time */
};

void hush_begin(struct hush *);
/* The first line so far, or NULL. */
const char *hush_line(struct hush *, struct arena *);
/* Print what was held back, unless it is the same as last time. */
void hush_end(struct hush *);
void hush_release(struct hush *);
/* The time for a line of such a thing: 2026-11-30T03:12:40Z. */
void hush_time(char text[32]);

#endif

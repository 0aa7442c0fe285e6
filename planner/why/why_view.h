#ifndef PLANNER_WHY_VIEW_H
#define PLANNER_WHY_VIEW_H

#include "planner/base/str.h"
#include "planner/why/why.h"

/* The finding for people: the line and its place, what it means, what to do, and which logs
 * have hearsay of it. `logs`: those that were searched. */
void why_text(struct str *, const struct why *, const struct why_log *logs, size_t n);
/* What a row of the table says about a line, or nothing. */
void why_view_saying(struct str *, const struct saying *);

#endif

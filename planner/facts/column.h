#ifndef PLANNER_COLUMN_H
#define PLANNER_COLUMN_H

#include <stdbool.h>
#include <stddef.h>

#include "planner/base/arena.h"

/* The type of a member, and how the text of a node sets it. */
enum column_kind {
	COLUMN_NONE,
	/* const char * */
	COLUMN_TEXT,            /* as it came */
	COLUMN_WORD,            /* "-" is "" */
	COLUMN_MAYBE,           /* "-" and "" are NULL */
	COLUMN_NAME,            /* of an interface or a device; otherwise drop the line */
	COLUMN_ADDRESS,         /* an IP address, for commands of other nodes; or drop it */
	COLUMN_DIGEST,          /* 64 hex digits, otherwise NULL */
	COLUMN_DIGITS,          /* numbers with spaces between them; or drop it */
	COLUMN_PROGRAM,         /* of a command line */
	/* long long */
	COLUMN_NUMBER,          /* 0 if not a number */
	COLUMN_COUNT,           /* -1 if not a number */
	COLUMN_POSITIVE,        /* 0 if below 0 */
	/* int, long */
	COLUMN_INT, COLUMN_PREFIX, COLUMN_LONG,
	/* bool */
	COLUMN_YES, COLUMN_NOT_NO, COLUMN_ALIVE, COLUMN_ACTIVE, COLUMN_FOREIGN,
};

/* A field of a line (1: the first after the type), and the member that it sets: its offset. */
struct column {
	enum column_kind kind;
	size_t field, at;
};

/* Sets the member at `to`, whose type is that of the kind. Texts are not copied. False: drop the line. */
bool column_fill(struct arena *a, const char *text, enum column_kind kind, void *to);

/* A name of an interface, RDMA device or user, safe in environments and hints. */
bool column_is_name(const char *text);

#endif

#ifndef PLANNER_RECORD_H
#define PLANNER_RECORD_H

#include "planner/base/attr.h"
#include "planner/facts/measured.h"

/*
 * What dray leaves on a node besides what it starts: records of steps, the inputs in the
 * label of a container, and who holds the lock.
 */

/* A record of a step, as it is stored on the node. */
struct record {
	const char *step;       /* address */
	const char *node;       /* where it ran: finds the steps of nodes that left */
	const char *kind;
	const char *phase;      /* "intent", "done", or "stopped" (dray stop ended it) */
	const char *apply_id, *at;      /* which apply wrote it; when, RFC 3339 */
	const char *by;                 /* "USER@HOST"; NULL: an earlier version wrote it */
	const char *failed;             /* of an intent: why it failed; NULL: not known */
	const char *owner;      /* UID@STATE-FOLDER there; NULL: an earlier version wrote it */
	const char *instance;   /* identity of what runs; NULL in an intent */
	const char *output;     /* content digest for content edges, or NULL */
	long long took;         /* seconds of its last start; 0: not known */
	struct measured memory; /* of its last start */
	struct attrs inputs;    /* canonical */
	struct attrs bound;     /* upstream step -> its instance when this came up */
	struct attrs down;      /* what the down script needs, as it was then */
	/* How a command ended, as its node noted it. It holds whatever the record says: a success
	 * turns an intent into a "done". */
	struct record_end {
		const char *apply_id;   /* NULL: nothing */
		bool down;              /* it was the undo */
		int status;
		const char *at, *words;
	} end;
};

/* Attributes as one canonical line of JSON, sorted by name: the label dray.inputs, whose
 * SHA-256 is dray.digest. A secret is {"mac": ...}. */
const char *inputs_write(struct arena *, const struct attrs *);
/* The reverse. False if it cannot be read; what could be read was added. */
bool inputs_read(struct arena *, const char *json, size_t n, struct attrs *);

/* A record as one line of JSON. record_read() returns NULL if it cannot be read. */
const char *record_write(struct arena *, const struct record *);
struct record *record_read(struct arena *, const char *json, size_t n);

/* The apply that holds the lock, and who that is: "USER on HOST"; NULL: not said. */
const char *lock_apply(struct arena *, const char *info, const char **who);
/* Describes the holder of the lock from what it left there. LOCK_FOR and how long it has been at its
 * present script come last, and change with time. */
#define LOCK_FOR " there, for "
const char *lock_holder(struct arena *, const char *info);

/* Did dray stop end it? Then nothing of it runs. */
bool record_is_stopped(const struct record *);
/* Is it a record of a user's step, KIND.NAME[node]? */
bool record_is_custom(const struct record *);

#endif

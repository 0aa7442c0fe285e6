#ifndef EXECUTORS_RUN_SPREAD_H
#define EXECUTORS_RUN_SPREAD_H

#include "executors/run/run_act.h"
#include "planner/steps/spread.h"

/*
 * One copy (run_spread.c), its way through this machine (run_relay.c), and what is done before and
 * after it if the source has no files but an image (run_unpack.c). Each function continues by itself
 * when its request has ended; the copy ends in spread_finish() or spread_fail(). The rest of the run
 * uses only spread_act() and spread_stop() (run_act.h).
 */

enum {
	BLOCK = 1 << 20,                /* bytes: what is asked for, and where a copy resumes */
	LOOK_MS = 500,                  /* between two looks at what is to come */
	TELL_MS = 2000,                 /* between two lines of progress */
};

#define SPREAD_NOBODY "no node has a copy, or gets one in this apply: apply without -target"

struct spread {
	struct act *act;
	const struct spread_way *way;
	const struct manifest *list;    /* the files of this copy; NULL: not known */
	const struct manifest *whole;   /* with those that the taker has already */
	bool packing;                   /* the source makes the files */
	const char *wrong;              /* what is wrong with those, or NULL */
	struct node *from;              /* the node that gives; NULL: none was asked yet */
	const char *key;                /* the taker's public key; NULL: it has no ssh */
	struct ask *give;               /* weights-give.sh open, or NULL */
	bool taking;                    /* the taker was told where its sshd is */
	bool left;                      /* the giver has failed: take from another node */
	unsigned long timer;
	struct { struct spread_file { long long number, size, block; } *v; size_t n, cap; } file;
	/* Through this machine: which file comes now, and what has come. */
	bool relays;
	size_t at;
	long long block, sum, came, all;
	long long began, told;
	struct arena block_arena;       /* of the task for the present block */
	struct str bytes;               /* the blocks that are written now */
};

struct arena *spread_arena(const struct spread *);
/* The node that takes, and our connection to a node. */
const struct node *spread_to(const struct spread *);
struct host *spread_host(const struct spread *, const struct node *);
void spread_say(const struct spread *, const char *progress);
/* Ends the request that keeps the giver's sshd open. */
void spread_close(struct spread *);
/* True when the apply is being ended; the copy has failed then. */
bool spread_interrupted(struct spread *);
/* The node before this one in the chain; the node itself: it is the source. */
struct node *spread_before(const struct spread *, const struct node *);
/* Has the node a whole copy, or will it have one? */
bool spread_can_give(const struct spread *, const struct node *);
/* A task on the node that takes: weights-take.sh with that act, or the one in t if it is NULL. */
void spread_ask_taker(struct spread *, const char *act, void (*then)(struct ask *), struct task *t);
/* A request to the node that takes has failed: end the copy with that failure. */
void spread_not_done(struct spread *, struct ask *);
/* The copy whose request has succeeded; NULL: the request failed, and the copy has ended. */
struct spread *spread_answered(struct ask *);
/* End the copy with a failure, for this reason. */
void spread_fail(struct spread *, const char *why);
/* Ask the taker what is missing, and go on from there. */
void spread_again(struct spread *);
/* Takes from the next node that can give. */
void spread_pick(struct spread *);
/* Everything has come: check it, and end the copy. */
void spread_finish(struct spread *);

/* run_unpack.c: let the source make the files, and copy those that the taker lacks. spread_load(): all
 * are there, and the taker makes an image of them. */
void spread_pack(struct spread *);
void spread_load(struct spread *);

/* run_relay.c: from here on through this machine. */
void spread_relay(struct spread *);

#endif

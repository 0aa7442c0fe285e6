#ifndef EXECUTORS_SESSION_PRIVATE_H
#define EXECUTORS_SESSION_PRIVATE_H

#include "executors/session.h"
#include "executors/shell.h"

/* What session.c and lane.c share: a session has lanes, each a shell with the requests
 * that were given to it. */
enum { LANES = 4 };             /* with tunnels we stay below 8 channels */

struct lane {
	struct session *session;
	struct shell *shell;
	struct pending *first;          /* oldest first */
	unsigned long timer;            /* waits for the hello */
};

struct pending {
	struct pending *next;
	struct request *request;
	struct lane *lane;              /* NULL: over */
	unsigned long id;
	long pid;                       /* the process group, once it runs */
	bool sent, unwanted;            /* unwanted: why says so, it is to be killed */
	long long began;
	unsigned long timer;            /* to its start, its timeout, then the time to die */
	char why[512];
	char doing[128];                /* its last progress */
};

struct session {
	struct loop *loop;
	const struct node *node;
	const struct executor *ex;
	struct link *link;
	bool ready, lost, told;
	struct err err;                 /* why it is lost */
	void (*failed)(void *arg, const struct err *);
	void *arg;
	struct lane lane[LANES];
	size_t nlane;                   /* how many the node grants us */
	struct pending *over;           /* ended, done() not called yet */
	unsigned long deliver, id;
	struct shell **dead;            /* closed by deliver(), not in their own calls */
	size_t ndead;
	bool *gone;                     /* set when a callback closes us */
	long long opened;
	struct session_stats stats;
};

/* session.c: the connection is gone for good, or what must not be lost with it. */
void session_lose(struct session *, const char *why);
/* Have done() called for what is over, and dead shells closed, in the next turn. */
void deliver_soon(struct session *);

/* lane.c */
bool lane_open(struct lane *);
struct lane *lane_pick(struct session *, const struct lane *avoid);
void lane_add(struct session *, struct lane *, struct request *);
void lanes_refill(struct session *, struct lane *from);
bool changes_something(const struct request *);
void pending_lose(struct session *, struct pending *, const char *why);
void pending_unwanted(struct session *, struct pending *, const char *why);
/* Free without done(): the session is being closed. */
void pending_forget(struct session *, struct pending *);

#endif

#ifndef EXECUTORS_SESSION_PRIVATE_H
#define EXECUTORS_SESSION_PRIVATE_H

#include "executors/session/session.h"
#include "executors/session/shell.h"

/* What the files of this folder share. A session has queues; each is a shell with the
 * requests that were given to it. */
enum { SHELL_QUEUES = 4 };             /* together with tunnels fewer than 8 channels */

struct shell_queue {
	struct session *session;
	struct shell *shell;
	struct pending *first;          /* oldest first */
	unsigned long timer;            /* waits for the hello */
};

struct pending {
	struct pending *next;
	struct request *request;
	struct shell_queue *queue;              /* NULL: over */
	unsigned long id;
	long pid;                       /* the process group, once it runs */
	bool sent, unwanted;            /* unwanted: it is to be killed, and `why` says why */
	long long began;
	unsigned long timer;            /* limit for its start, its run, and then its death */
	struct err why;
	char doing[128];                /* its last progress */
	long long heard;                /* when its last frame came */
	unsigned long watch;
	struct probe *probe;            /* runs: asks if the script still exists */
	bool missing;                   /* the last probe did not find the script */
};

struct session {
	struct loop *loop;
	const struct node *node;
	const struct executor *ex;
	struct err chosen;              /* why it is not the first choice; text "": it is */
	struct link *link;
	bool ready, lost, told;
	struct err err;                 /* why it is lost */
	void (*failed)(void *arg, const struct err *);
	void *arg;
	struct shell_queue queue[SHELL_QUEUES];
	size_t nqueue;                   /* how many the node grants us */
	struct pending *over;           /* ended, done() not called yet */
	unsigned long deliver, id;
	struct shell **dead;            /* closed by deliver(), not in their own calls */
	size_t ndead;
	bool *gone;                     /* set when a callback closes the session */
	long long opened;
	struct session_stats stats;
};

/* session.c: in the next turn call done() of ended requests and close dead shells. */
void deliver_soon(struct session *);

/* shell_queue.c */
bool shell_queue_open(struct shell_queue *);
struct shell_queue *shell_queue_pick(struct session *, const struct shell_queue *avoid);
struct shell_queue *shell_queue_for(struct session *, const struct request *);
void shell_queue_add(struct session *, struct shell_queue *, struct request *);
void shell_queue_refill(struct session *, struct shell_queue *from);
bool changes_something(const struct request *);
void pending_lose(struct session *, struct pending *, const char *why);
void pending_unwanted(struct session *, struct pending *, const char *why);
/* Free without done(): the session is being closed. */
void pending_forget(struct session *, struct pending *);
/* The shell is gone or cannot be used any more. */
void shell_queue_lose(struct shell_queue *, const char *why);

/* alive.c: watch a request that has started, if its executor does not watch the connection. */
void watch_start(struct pending *);
void watch_stop(struct session *, struct pending *);
bool is_probe(const struct request *);
void probe_free(struct request *);

#endif

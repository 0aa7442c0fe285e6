#ifndef EXECUTORS_SESSION_H
#define EXECUTORS_SESSION_H

#include "executors/executor.h"
#include "planner/task.h"

/*
 * The node protocol: one shell per node, kept for the whole run, requests framed
 * and pipelined. A session owns a link, its first shell, and
 * opens further shells of the same link while the first is busy and a request that
 * changes nothing asks for one (never more than 8 channels).
 *
 * The remote loop is booted by one exec line, a single word in single quotes that
 * any login shell passes on. Requests carry a nonce; noise before the first frame is
 * dropped. No frame means `ran = false`, never success.
 *
 * A script runs in a process group of its own, as `sh -c TEXT NAME ARGS...`, with
 * umask 077 and LC_ALL=C. The script named "lock" is the exception: it is evaluated
 * in a function of the loop shell itself, so that the fd 9 it opens and locks stays
 * open: it ends by `return N`, never `exit`, and fails on no special builtin
 * (`command exec 9>>FILE`). Every later script inherits fd 9; what a script leaves
 * running must be started with 9>&-.
 */
struct session;

struct request {
	struct task task;
	const char *secret;             /* bytes for stdin before task.input, or NULL */
	size_t nsecret;
	struct result result;
	/* While it runs: one line of progress. May be NULL. */
	void (*progress)(struct request *, const char *text);
	/* Once, from the loop. The session is done with the request then. */
	void (*done)(struct request *);
	void *owner;
};

enum { REQUEST_MAX_OUTPUT = 8 * 1024 * 1024 };  /* bytes per stream kept */

/* Seconds that a shell may take to begin with a script; tests shorten them. */
extern unsigned session_start_s;

/* Starts to connect. `failed` says that the node cannot be reached or was lost; all
 * requests under way have ended with ran = false before it is called. */
struct session *session_open(struct loop *, const struct node *,
			     void (*failed)(void *arg, const struct err *), void *arg);
/* Queue a request. Requests with task.changes run one after another in the first
 * shell, which holds the lock once run_lock() took it. */
void session_send(struct session *, struct request *);
/* End it: the process group on the node is killed; done() comes with ran = false. */
void session_cancel(struct session *, struct request *);
/* A TCP stream from the node; NULL when there is none to be had: the executor has no
 * tunnel, or the connection is gone. Dialling from here instead is never the same. */
struct stream *session_tunnel(struct session *, const char *host, int port,
			      const struct stream_events *, void *arg);
const struct executor *session_executor(const struct session *);
/* The connection, or the shell that holds the lock, is gone for good; true already while
 * the requests that it cost come to their done(). */
bool session_lost(const struct session *);
/* What was asked of the node so far, for -v and the bench. */
struct session_stats { unsigned requests, turns; long long connect_ms; };
struct session_stats session_stats(const struct session *);
void session_close(struct session *);

#endif

#ifndef EXECUTORS_SESSION_H
#define EXECUTORS_SESSION_H

#include "executors/executor.h"
#include "planner/base/task.h"

/*
 * The node protocol: one shell per node, kept for the whole run, with framed and pipelined
 * requests. A session owns a link and its first shell. While that shell is busy, it opens
 * further shells of the same link for requests that change nothing (at most 8 channels).
 *
 * One exec line boots the loop on the node: a single word in single quotes, which any login
 * shell passes on. Requests carry a nonce; noise before the first frame is dropped. Without
 * a frame the result is `ran = false`, never success.
 *
 * A script runs in its own process group, as `sh -c TEXT NAME ARGS...`, with umask 077 and
 * LC_ALL=C. The script named "lock" is the exception: the loop shell evaluates it in a
 * function, so that the fd 9 it opens and locks stays open. It must end with `return N`,
 * not `exit`, and no special builtin may fail in it (`command exec 9>>FILE`). Every later
 * script inherits fd 9; what a script leaves running must be started with 9>&-.
 */
struct session;

struct request {
	struct task task;
	const char *secret;             /* bytes for stdin before task.input, or NULL */
	size_t nsecret;
	struct result result;
	/* Gets a line of progress while it runs. May be NULL. */
	void (*progress)(struct request *, const char *text);
	/* Called once, from the loop; the session does not use the request afterwards. */
	void (*done)(struct request *);
	void *owner;
};

enum { REQUEST_MAX_OUTPUT = 8 * 1024 * 1024 };  /* bytes per stream kept */

/* Start to connect. `failed` is called when the node cannot be reached or was lost; all
 * requests have ended with ran = false before. */
struct session *session_open(struct loop *, const struct node *,
			     void (*failed)(void *arg, const struct err *), void *arg);
/* Queue a request. Requests with task.changes run one after another in the first
 * shell, which holds the lock once run_lock() took it. */
void session_send(struct session *, struct request *);
/* End a request: its process group on the node is killed; done() comes with ran = false. */
void session_cancel(struct session *, struct request *);
/* Open a TCP stream from the node. NULL: the executor has no tunnels, or the connection is
 * gone. Don't dial from here instead: that reaches another machine. */
struct stream *session_tunnel(struct session *, const char *host, int port,
			      const struct stream_events *, void *arg);
/* Run a command line, in a stream of its own. NULL: the connection is not ready, or gone. */
struct stream *session_exec(struct session *, const char *command, const struct stream_events *, void *arg);
const struct executor *session_executor(const struct session *);
/* Why executor auto did not take its first choice; NULL: it did, or there was no choice. */
const char *session_chosen(const struct session *);
/* Give up the connection for this reason, as if it were lost. */
void session_lose(struct session *, const char *why);
/* Is the connection, or the shell that holds the lock, gone for good? It is true before the
 * requests that were lost get their done(). */
bool session_lost(const struct session *);
/* Figures for -v and the bench. */
struct session_stats { unsigned requests, turns; long long connect_ms; };
struct session_stats session_stats(const struct session *);
void session_close(struct session *);

#endif

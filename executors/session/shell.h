#ifndef EXECUTORS_SHELL_H
#define EXECUTORS_SHELL_H

#include "executors/executor.h"
#include "executors/session/frame.h"
#include "executors/session/session.h"

/*
 * One shell on a node that runs our loop (shell.sh), over one stream of a link. Private to
 * session.c. Requests may be sent at once: they follow the text of the loop without a round
 * trip in between.
 */
struct shell;

struct shell_events {
	/* Called from the stream's data callback: don't close the shell in it. */
	void (*frame)(void *arg, const struct frame *);
	/* The stream ended or cannot be understood. Called once, last. */
	void (*closed)(void *arg, const char *why);
};

/* NULL: the link gave no stream. The events must outlive the shell. */
struct shell *shell_open(const struct executor *, struct link *, const struct shell_events *,
			 void *arg);
void shell_send(struct shell *, unsigned long id, const struct request *);
/* Did the loop say hello? */
bool shell_ready(const struct shell *);
/* The last line on stderr that came from no script, or "". */
const char *shell_noise(struct shell *);
void shell_close(struct shell *);

#endif

#ifndef EXECUTORS_SHELL_H
#define EXECUTORS_SHELL_H

#include "executors/executor.h"
#include "executors/frame.h"
#include "executors/session.h"

/*
 * One shell on a node with our loop in it (shell.sh), over one stream of a link.
 * Private to session.c. Requests may be sent as soon as it is opened: they follow the
 * loop's text without a round trip in between.
 */
struct shell;

struct shell_events {
	/* From within the stream's data call; the shell must not be closed in it. */
	void (*frame)(void *arg, const struct frame *);
	/* The stream ended or cannot be understood; once, last. */
	void (*closed)(void *arg, const char *why);
};

/* NULL: the link gave no stream. The events must outlive the shell. */
struct shell *shell_open(const struct executor *, struct link *, const struct shell_events *,
			 void *arg);
void shell_send(struct shell *, unsigned long id, const struct request *);
/* It said hello: it understands us. */
bool shell_ready(const struct shell *);
/* The last that was said on stderr outside of any script, one line or "". */
const char *shell_noise(struct shell *);
void shell_close(struct shell *);

#endif

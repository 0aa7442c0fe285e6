#ifndef EXECUTORS_FORWARD_H
#define EXECUTORS_FORWARD_H

#include "executors/session/session.h"

/*
 * A port of 127.0.0.1 here that leads to a port of the node: every connection to it gets a
 * tunnel of its own over the session.
 */
struct forward;

struct forward_to {
	const char *host;               /* as the node reaches it; must live as long as this */
	int port;
	/* A connection failed, and why. May be NULL. */
	void (*failed)(void *arg, const char *why);
	void *arg;
};

/* Listen on *port (0: one that is free, which *port then is). NULL with e set. */
struct forward *forward_open(struct loop *, struct session *, const struct forward_to *, int *port,
			     struct err *e);
/* Ends all of its connections. */
void forward_close(struct forward *);

#endif

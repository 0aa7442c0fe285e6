#ifndef EXECUTORS_HOST_KEYS_H
#define EXECUTORS_HOST_KEYS_H

#include "executors/io/loop.h"
#include "planner/base/arena.h"
#include "planner/cluster/cluster.h"

/*
 * The host keys that nodes offer, and a way to write them down. ssh itself asks the node, along its
 * ProxyJump or ProxyCommand, so the key is the one that a login will see, under the name by which
 * a login will look for it. Nobody logs in: no key of the user is offered.
 */
enum host_key_state {
	HOST_KEY_FAILED,        /* `why`: the node showed no key */
	HOST_KEY_KNOWN,         /* `note`: where */
	HOST_KEY_NEW,           /* `note`: a known key of another type, or NULL */
	HOST_KEY_REFUSED,       /* `why`: it changed, or it is revoked. It must not be added */
};

struct host_key {
	const struct node *node;        /* set by the caller */
	enum host_key_state state;
	struct err why;
	const char *name, *type, *print;        /* "[host]:port", "ssh-ed25519", "SHA256:..." */
	const char *line;               /* of known_hosts */
	const char *file;               /* where it belongs */
	const char *note;
	bool hashed;                    /* HashKnownHosts */
};

/* Ask all nodes, side by side; texts are in the arena. */
void host_keys_ask(struct loop *, struct arena *, struct host_key *, size_t n);
/* Append those that are new to their files. The lines of a file are one write, behind what is
 * there. False with e set: a file could not be written; those before it were. */
bool host_keys_add(struct arena *, const struct host_key *, size_t n, struct err *e);

#endif

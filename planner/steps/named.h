#ifndef STEPS_NAMED_H
#define STEPS_NAMED_H

#include "planner/plan/kind.h"

/*
 * What the spec names on a node: the sources of mounts, devices and files in docker_args, users
 * and groups there, and paths in the engine's arguments. The look asks each node for all of them;
 * preflight compares the answers with what the spec says.
 */
struct named {
	enum named_use {
		NAMED_VOLUME,           /* -v: Docker makes what is missing, podman does not */
		NAMED_MOUNT,            /* --mount: must be there */
		NAMED_DEVICE,           /* --device */
		NAMED_CLIENT_FILE,      /* --env-file: the runtime's command reads it, as this login */
		NAMED_USER, NAMED_GROUP,        /* by a name, which is looked up in the image */
		NAMED_ARG,              /* of the engine's arguments */
	} use;
	const char *option;             /* as it was written: "-v", or the name of an argument */
	const char *name;               /* of the user or group; the path on the node */
	const char *inside;             /* mounts and arguments: the path that the engine sees */
	bool mounted;                   /* an argument's path lies in a mount, or needs none */
	bool made;                      /* ... and the engine may make what is not there */
	bool everywhere;                /* every node reads it, not only the one with the API */
};

/* All of them, *n in number, in the arena. */
const struct named *named_things(struct arena *, const struct cluster *, size_t *n);
/* The argument `named` of observe.sh that asks for them; NULL: there are none. */
const char *named_asked(struct arena *, const struct cluster *);
/* The node's answer about one of them; NULL: there is none. */
const struct fact_named *named_there(const struct node *, const struct named *);

#endif

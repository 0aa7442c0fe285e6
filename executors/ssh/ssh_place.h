#ifndef EXECUTORS_SSH_PLACE_H
#define EXECUTORS_SSH_PLACE_H

#include "planner/base/arena.h"
#include "planner/base/err.h"
#include "planner/cluster/cluster.h"

/*
 * What dray's reader of ssh_config says about a node, for executors that leave the login to ssh.
 * The file is read as ssh 9.2 reads it; nothing of it is run.
 */
struct ssh_place {
	int port;
	int connect_timeout;            /* seconds; 0: nothing says it */
	const char *user, *host_name;
	const char *known_as;           /* in known_hosts: "host" or "[host]:port" */
	const char *known_hosts;        /* the first file */
	const char *door;               /* what all logins go through: a jump host or program */
};

/* False: ssh may read it differently, because of a word that dray's reader does not know or of a block
 * whose condition it does not run. What it could read is filled in. */
bool ssh_place_read(struct arena *, const struct node *, struct ssh_place *);

/* Is there anything in the configuration, in the user's keys or in known_hosts that libssh2 lacks
 * for this node? True with why->text set. */
bool ssh_place_beyond(const struct node *, struct err *why);

#endif

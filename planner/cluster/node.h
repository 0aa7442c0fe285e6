#ifndef PLANNER_NODE_H
#define PLANNER_NODE_H

#include "planner/base/arena.h"
#include "planner/spec/spec.h"

struct cluster;
struct facts;
struct fact_container;

/* A host of the cluster. Pure. */
enum role { ROLE_HEAD, ROLE_WORKER };

struct node {
	const char *name;               /* unique; used in addresses: worker[gpu-2] */
	const struct spec_node *spec;   /* NULL: known only from members.json (left the spec) */
	const char *host;               /* what the executor dials */
	const char *address;            /* what the other nodes dial; NULL: not known yet */
	int port;                       /* of its sshd, from its executor; 0: not known, or not
					 * asked yet */
	const char *executor;           /* "ssh", "openssh", "auto", "local", or a Lua file */
	const char *folder;             /* of the spec, for the Lua file; NULL: the current one */
	const struct spec_file *file;   /* the Lua file as read with the spec; NULL: not read
					 * yet */
	enum role role;
	size_t rank;
	long long gpus;                 /* wanted on this node; -1: as many as it has */
	struct facts *facts;            /* what was observed; NULL: not yet */
	const struct spec_node *member; /* without spec: which machine it is, from members.json,
					 * and the cluster's ssh; or its entry under `left` */
	bool left;                      /* without spec: it is listed under `left` */
	const char *named_by;           /* without spec: the node whose members.json names it */
	const char *way;                /* without spec: how it was reached, for members.json */
	const char *no_way;             /* why it is not contacted; NULL: it is */
	const char *machine_id;         /* from members.json; NULL: not known */
	bool keeps;                     /* it has steps of unknown kinds */
	bool forget;                    /* left the spec, clean or given up: no longer a member */
};

/* Was the node observed, and did it answer? */
bool node_observed(const struct node *);
/* The address that other nodes dial: the given one, or the first that the node showed; NULL:
 * not known. */
const char *node_dial(const struct node *);
/* The same with a port, an IPv6 address in brackets; NULL: not known. */
const char *node_dial_port(struct arena *, const struct node *, long long port);
/* The port that other nodes dial to test if they reach it: that of its sshd, else 22. */
int node_ssh_port(const struct node *);
/* The interface that has node_dial(), or NULL. */
const char *node_interface(const struct node *);
/* The value of NAME in the node's env, else in the engine's, or NULL. */
const char *env_value(const struct cluster *, const struct node *, const char *name);
/* Its processor's architecture as containers call it, "amd64" or "arm64"; of a node that does not
 * say, the head's. "": not known. */
const char *node_arch(const struct cluster *, const struct node *);
/* The first node of the layout with the same architecture: itself, if no other is before it. */
const struct node *node_alike(const struct cluster *, const struct node *);
/* The container of that name on the node, ours or not, or NULL. */
const struct fact_container *find_container(const struct node *, const char *name);
bool container_runs(const struct fact_container *);

#endif

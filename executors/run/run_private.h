#ifndef EXECUTORS_RUN_PRIVATE_H
#define EXECUTORS_RUN_PRIVATE_H

#include "executors/script/hooks.h"
#include "executors/run/run.h"
#include "executors/io/secrets.h"
#include "executors/session/session.h"
#include "planner/cluster/members.h"

/* What the files run*.c share: a run, its nodes, its requests. Lookups are in run_looks.h,
 * a running apply is in run_act.h. */

/* One node and the session to it. */
struct host {
	struct run *run;
	const char *name;               /* of the node; in the cluster's arena */
	struct session *session;        /* NULL: not opened */
	bool locked;                    /* its first shell holds the lock */
	bool marked;                    /* its members.json has the id of this apply */
	bool recovering;
	struct err err;                 /* why the session was lost, with a hint */
};

struct run {
	struct loop *loop;
	struct cluster *cluster;
	const struct cluster *earlier;    /* of the look before this one, or NULL */
	struct run_options opt;
	struct run_view view;
	struct secrets secrets;
	struct host **host;
	size_t nhost;
	struct ask *asks;               /* requests that run */
	struct lookup *lookup;          /* the lookup at the Hub, or NULL */
	const struct modules *modules;  /* NULL: the spec names no Lua file */
	struct module_world world;
	bool unread_told;               /* the note that secrets are not read was shown */
	size_t nevent;                  /* recorded events of steps */
	struct value *plan_value;       /* the plan as events show it, once it was needed */
	char *tried;                    /* the arguments that the engine has read, or NULL */
	struct hook_run *hook_run;   /* the hooks that we wait for, or NULL */
	struct json_t *document;        /* the recorded observations, if they are one file */
};

/* One request and what it needs; freed after `then`. */
struct ask {
	struct request request;         /* the result is scrubbed before `then`, ... */
	bool raw;                       /* ... unless it is for Lua: Lua's own output is scrubbed */
	struct run *run;
	struct host *host;
	struct str secret;              /* on its stdin, before the input; wiped */
	void (*then)(struct ask *);
	void (*progress)(struct ask *, const char *text);
	void *owner;
	struct ask *next;
};

/* Send a task to a node; opens its session if necessary. Never NULL. `then` comes from the
 * loop, with ran = false also if a secret cannot be read. */
struct ask *run_ask(struct run *, struct host *, const struct task *,
		    void (*then)(struct ask *), void *owner);
void run_cancel(struct ask *);
struct host *run_host(struct run *, const struct node *);
/* Is its session gone for good? */
bool host_lost(const struct host *);
/* Close the session; the next request opens a new one. */
void host_reset(struct host *);
/* Is this a destroy or a stop? It needs no secrets: what is wanted does not matter. */
bool run_destroys(const struct run *);
struct node *host_node(const struct host *);
/* Ask the executors where the nodes' sshds listen, for nodes that dial each other. */
void run_find_ports(struct run *);
void run_note(struct run *, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* The current time as RFC 3339 in UTC. */
const char *run_time(struct arena *);
/* The last n lines of a text without trailing white space; a copy in the arena. */
const char *last_lines(struct arena *, const char *text, size_t n);

/* run_modules.c: the nodes, for calls of Lua functions. */
struct module_nodes run_modules(struct run *);

#endif

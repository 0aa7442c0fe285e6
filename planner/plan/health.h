#ifndef PLANNER_HEALTH_H
#define PLANNER_HEALTH_H

#include "planner/plan/graph.h"

/*
 * Is the model served? One word for the cluster and one for each step, from the observation
 * and the API's answer; status, JSON and hooks use the same words. Pure.
 */
enum health_state {
	HEALTH_SERVING,         /* a token came, or others get theirs */
	HEALTH_UP,              /* all of it runs; the API was not asked */
	HEALTH_SLOW,
	HEALTH_HANGS,           /* it runs but gives no token */
	HEALTH_STARTING,        /* an apply is starting it */
	HEALTH_FAILED,          /* the last start failed, or the API returns errors */
	HEALTH_DOWN,            /* it ran and is gone */
	HEALTH_STOPPED,         /* nothing of it is there */
	HEALTH_CONFLICT,        /* something that is not ours is in the way */
	HEALTH_UNKNOWN,         /* its node does not answer */
};

struct health {
	enum health_state state;
	const char *why;                /* NULL: nothing to say */
	const struct step *of;          /* the step with that state; NULL: nothing to say */
	const struct step *server;      /* the step with the API; NULL: the spec serves nothing */
	const struct record *last;      /* the newest record of any step, or NULL */
	size_t nodes_ok, nodes;         /* of the spec */
};

struct health health_of(const struct graph *);
/* "serving", "up", ... */
const char *health_word(enum health_state);
/* For one step: up, starting, failed, down, stopped, conflict or unknown; for the server also
 * what its API said. */
enum health_state health_of_step(const struct graph *, const struct step *);

#endif

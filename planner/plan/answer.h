#ifndef PLANNER_ANSWER_H
#define PLANNER_ANSWER_H

#include "planner/plan/graph.h"

/*
 * A running process does not mean that the model answers: if a worker is stopped or a
 * collective hangs, /health still returns 200. So the observation asks the running API for one
 * token, and the answer is part of it. Pure; executors/run/run_answer.c asks.
 */

/* What to ask: the API as it was started by its record, not as the spec wants it. */
struct question {
	const struct step *server;
	const char *models_url;         /* lists the served names */
	const char *metrics_url;        /* NULL: the engine has none */
	bool no_question;               /* probe.kind is none: the list of models must do */
	struct task task;               /* TASK_PROBE for one token */
};

/* Its timeout is ASK_LIMIT, or that of the probe if it is shorter. False: no API runs, or its
 * node did not answer. */
bool answer_question(struct arena *, const struct graph *, struct question *);

/* Puts the questions of that kind, or of all, into a TASK_PROBE. base: "http://HOST:PORT". */
void answer_asks(struct arena *, const struct engine *, const char *kind, const char *base,
		 const char *model, const char *prompt, long long max_tokens, struct task *);
/* What the model is asked: a word of the engine, auto (not known yet) or none. */
const char *answer_kind(const struct graph *);

/* The host at which the node itself reaches an API bound to that address. */
const char *answer_host(struct arena *, const char *bind);

/* The model's name under which a server with those inputs is asked: it may have several. */
const char *answer_name(struct arena *, struct attrs inputs);

/* A recorded answer (-record, -facts): one line, "answer STATE MS RUNNING WAITING RATE KV WHY",
 * separated by TABs, "-" if not known. False if it cannot be read. */
const char *answer_write(struct arena *, const struct answer *);
bool answer_read(struct arena *, const char *text, size_t n, struct answer *);

/* Puts the answer into the graph: a server that hangs or is silent counts as gone, for that
 * reason, and a probe that would fail counts as not passed. */
void answer_take(struct arena *, struct graph *, const struct answer *);

/* "serving", "slow", "hangs", "refuses", "down"; NULL if it was not asked. */
const char *answer_word(enum answer_state);

#endif

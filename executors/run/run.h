#ifndef EXECUTORS_RUN_H
#define EXECUTORS_RUN_H

#include "executors/io/loop.h"
#include "planner/custom/event.h"
#include "planner/engines/benchmark.h"
#include "planner/engines/chat.h"
#include "planner/plan/plan.h"
#include "planner/plan/sched.h"

/*
 * The run half: it holds the sessions to all nodes, observes them and carries out a plan.
 * What the user sees goes through struct run_view, so that the views for text, JSON and a
 * live terminal are small files in cmd/.
 */
struct run;

/* Everything a failure prints: step, node, what was run, status, its last lines. */
struct failure {
	const char *step, *node, *what;
	bool ran;
	int status;
	const char *why;                /* transport error when !ran, or the cause found */
	const char *means, *advice;     /* what that cause means and what helps, or NULL */
	const char *tail;               /* last 20 lines of stderr, secrets scrubbed */
	const char *next;               /* the command to run next */
	double seconds;
};

struct run_view {
	void (*node_unreachable)(void *arg, const struct node *, const struct err *);
	void (*started)(void *arg, const struct job *);
	void (*progress)(void *arg, const struct job *, const char *text);
	void (*ended)(void *arg, const struct job *, double seconds);
	/* A failure with all details; see struct failure. The job is NULL if it happened
	 * before any operation (a proof by writing a file). */
	void (*failed)(void *arg, const struct job *, const struct failure *);
	void (*note)(void *arg, const char *text);
	/* All jobs of the apply, before the first starts; they live as long as its arena. */
	void (*begun)(void *arg, const struct sched *);
	void *arg;
};


struct run_options {
	const char *facts_dir;          /* read recorded observations from there, or NULL */
	const char *quiet;              /* as in struct module_world; the spec's secrets are not
					 * read either, and count as unchanged */
	const char *record_dir;         /* write each observation there, or NULL */
	size_t parallel;                /* 0: the spec's limits.parallel */
	bool verbose;
	bool verify;                    /* each look reads all of the weights, and hashes them */
	const struct modules *modules;  /* hooks and Lua kinds of the spec, or NULL */
	const char *command;            /* for events: "plan", "apply", "destroy", ...; NULL: no hooks
					 * are called */
};

struct run *run_new(struct loop *, struct cluster *, const struct run_options *,
		    const struct run_view *);
/* Observe every node (one request each), merge members and resolve the commit. Fills
 * node->facts and what the cluster knows from outside. False only for an error on this side,
 * not for a node that cannot be reached. */
bool run_observe(struct run *, struct arena *, struct err *);
/* Ask the observed API for one token and store the answer in the graph. with_rate (for
 * `dray status`): wait a shorter time, and measure tokens per second. False only for an error
 * on this side. run_answer.c. */
bool run_ask_api(struct run *, struct arena *, struct graph *, bool with_rate, struct err *);
/* If the plan starts a server, let the engine's parser read its arguments where the server would
 * run. What it refuses is an error at its place in the spec. run_options.c. */
void run_try_options(struct run *, struct arena *, const struct plan *, struct diags *);
/* Collect the reports of the tasks (kind->diagnose(), kept_logs()): the states and logs of an
 * engine. depth NULL: as much of each log as a diagnosis needs. They are recorded as NODE SUFFIX;
 * false: that failed. run_logs.c. */
struct evidence;
struct logs_depth { size_t lines, bytes; };
bool run_logs(struct run *, struct arena *, struct tasks *, const struct logs_depth *, const char *suffix,
	      struct evidence *, struct err *);
/* Follow the logs of these tasks: show() gets what is new of them, about once a second, and of
 * states only those that have changed; until it returns false. run_follow.c. */
void run_follow(struct run *, const struct tasks *, const struct logs_depth *,
		bool (*show)(void *arg, struct arena *, const struct evidence *), void *arg);
/* One question to the API that runs, and its answer as it comes. run_api.c. */
struct asked {
	const char *system, *prompt;    /* system may be NULL */
	long long max_tokens;           /* 0: as the engine has it */
	/* Called for each piece: chat.text and chat.thought are what is new. */
	void (*said)(const struct asked *);
	struct chat chat;
	long long first_ms, last_ms;    /* from the question to the first and the last piece */
};
bool run_chat(struct run *, struct arena *, const struct graph *, struct asked *, struct err *);
/* A port of 127.0.0.1 that leads to the API, until Ctrl-C. False: there is no way to the API, or
 * it was lost. */
struct opened {
	int port;                       /* 0: the API's own number, or any */
	void (*ready)(void *arg, int port, const struct step *server);
	void *arg;
};
bool run_open(struct run *, struct arena *, const struct graph *, const struct opened *, struct err *);
/* The engine's own benchmark, run on the server's node. run_bench.c. */
struct benched {
	const struct step *server;
	struct bench bench;             /* what it found until now */
	const char *said;               /* what the last step said besides, "" or lines */
	void (*progress)(void *arg, const char *text);
	void *arg;
	bool interrupted;
};
/* Fill in what the result is of; the lengths stay. */
void run_bench_begin(struct arena *, const struct graph *, struct benched *);
/* One step more. Ctrl-C ends it on the node. False with e set, or if it was interrupted. */
bool run_bench_step(struct run *, struct arena *, const struct graph *, const struct bench_load *,
		    struct benched *, struct err *);
/* Keep the result on the head. */
bool run_bench_keep(struct run *, struct arena *, struct benched *, struct err *);
/* Run a command on a node: our stdin, stdout and stderr are its. Returns its exit status, or -1
 * with e set, or if it was interrupted. Ctrl-C ends it on the node. run_exec.c. */
struct execution {
	struct arena *arena;
	char *const *argv;              /* ends with NULL; one word alone is a line for sh */
	bool interrupted;
};
int run_exec(struct run *, const struct node *, struct execution *, struct err *);
/* What the nodes of the spec keep of earlier applies, newest first. False: none of them
 * answers. run_history.c. */
struct history;
bool run_history(struct run *, struct arena *, struct history *, struct err *);
/* Adds to the list what can go from the nodes of the spec, or removes what is in it and not kept;
 * nodes look again for that. False: a node did not answer. run_prune.c. */
struct prune;
bool run_prune(struct run *, struct arena *, struct prune *, bool remove, struct err *);
/* Was exactly this spec applied by this user from here before? Only then it may be planned when
 * it comes from a node: a spec is a program. */
bool run_spec_is_ours(const char *text);
/* Prepare a second look under the lock: a new cluster of the same spec. Connections, locks
 * and what is known about the model to serve are kept. */
void run_renew(struct run *, struct cluster *);
/* Explore every node of the spec (one request each), then let them dial each other. NULL
 * only for an error on this side. */
struct discovery *run_discover(struct run *, struct arena *, struct err *);
/* Take the lock on every node of the plan, head first, and wait `seconds` for those that are
 * held. False: one is still held (exit 4), or a connection is lost. */
bool run_lock(struct run *, const char *apply_id, long seconds, bool *held, struct err *);
/* A node that answered the last look and is not locked, or NULL. */
const struct node *run_unlocked(struct run *);
struct run_tally {
	size_t ok, failed, skipped, cancelled;
	bool changed;                   /* anything at all was changed */
	bool interrupted;
	bool again;                     /* it stopped: something it found changes the plan */
	const struct sched *sched;      /* every job with its outcome, in the arena; or NULL */
};
/* Call the hooks for an event before the plan (before_plan) or about it (after_plan, and
 * on_drift if there is drift), and wait for them. False: one failed or vetoed, as d says. */
bool run_hooks(struct run *, struct arena *, enum event, const struct plan *, struct diags *d);
/* The same for on_down and on_up, which dray watch calls. */
bool run_hooks_outage(struct run *, struct arena *, enum event, const struct outage *, struct diags *d);
/* Carry out the plan; from here on nodes are changed. The loop gets the interrupts until
 * loop_interrupt(loop, NULL, NULL). */
struct run_tally run_apply(struct run *, struct arena *, struct plan *, const char *apply_id);
/* Read the secret that a reference names; NULL with e set. Kept until run_free(). */
const char *run_secret(struct run *, const struct secret_ref *, struct err *);
void run_free(struct run *);

/* run_headers.c: read the tensors of a local safetensors file, of a folder of them, or of a
 * list that -record wrote. Only headers are read. NULL with e set. */
struct tensors *headers_read(struct arena *, const char *path, struct err *);

#endif

#ifndef EXECUTORS_RUN_ACT_H
#define EXECUTORS_RUN_ACT_H

#include "executors/http/http.h"
#include "planner/facts/history.h"
#include "executors/run/run_private.h"

/* A running apply: its jobs, and what each waits for. */

/* run_lock.c: the contents of lock.info for an apply; and this user, "USER@HOST". */
const char *lock_info(struct arena *, const char *apply_id);
const char *run_who(struct arena *);
/* The same for a record; of dray watch with a mark. */
const char *run_by(const struct run *, struct arena *);

/* run_web.c: one TASK_FETCH or TASK_PROBE. */
struct web {
	struct run *run;
	const struct task *task;
	const struct task_ask *asked;   /* of a probe: the question that was asked last */
	struct session *via;
	struct http http;
	bool busy;
	unsigned long timer;
	struct str bytes;               /* what was fetched */
	struct str url;                 /* of a second request */
	struct err why;                 /* "": it succeeded */
	void (*then)(struct web *);
	void *owner;
};
void web_start(struct run *, struct web *, const struct task *, struct session *via);
void web_cancel(struct web *);
void web_release(struct web *);
/* Did the model contribute to the answer: a token, some content, or numbers? */
struct json_t;
bool web_has_tokens(const struct json_t *);
/* What the API itself says is wrong, scrubbed and cut to n bytes. */
void web_api_message(const struct run *, const struct http *, char *to, size_t n);

/* run_apply.c and its helpers: a running apply, and one job of it. */
struct apply {
	struct run *run;
	struct arena *arena;
	struct plan *plan;
	struct sched *sched;
	const char *id;
	struct run_tally tally;
	struct act *acts;
	bool finished, starting;
	long long began;
	struct { struct failure *v; size_t n, cap; } failures;  /* of steps */
	struct history_entry entry;     /* of this apply, in the history */
	long long down_from, up_at;     /* of the API, by loop_clock(); 0: not yet */
	bool hard, stop_early;          /* interrupted twice; stopped before the first job */
	bool left;                      /* interrupted a third time: the nodes are left alone */
	unsigned long leaving;          /* the timer that does the same if a node is slow */
	/* What the downs of a group found in its logs; its first up reports it. */
	struct {
		struct death {
			const struct step *step;
			const char *words, *report;
			size_t nreport;
		} *v;
		size_t n, cap;
	} deaths;
	size_t reported;                /* bytes of their reports */
};

struct act {
	struct apply *apply;
	struct job *job;
	struct step *step;
	struct act *next;
	struct tasks tasks;
	size_t at;                      /* the task that runs */
	bool intended;                  /* the intent is on the node */
	bool retried, over, cancelled;
	bool done;                      /* its record says so: only a hook can still fail */
	long long began;
	struct ask *ask;                /* the request that runs, or NULL */
	struct web web;
	struct module_call *call;       /* a function of its Lua kind that runs, or NULL */
	struct hook_run *hook_run;   /* the hooks that are asked, or NULL */
	struct recovery *recovery;      /* its lost connection is being replaced, or NULL */
	enum event asked;               /* the event of hook_run */
	const char *instance, *output, *next_command;
	const char *measured;           /* what its start took of a GPU, in the engine's words */
	struct failure failure;
	struct guard *guard;
	struct upload *upload;          /* a file of this machine that is sent, or NULL */
	struct spread *spread;          /* a copy from another node under way, or NULL */
	bool copied;                    /* it has come, and the step needs its files no more */
};

/* run_history.c: fill in the entry of an apply when it begins, and when it has ended. The spec is
 * kept in our cache, so that `dray plan -from` may plan it. */
void entry_begin(struct apply *);
void entry_end(struct apply *);
/* A job of the server began, with the API up before it (was_up), or succeeded. */
void entry_server(struct apply *, const struct job *, bool was_up, bool ended);

/* run_apply.c: start the jobs that may start; finish when none is left. */
void apply_go(struct apply *);
/* run_act.c */
void act_start(struct apply *, struct job *);
/* Continue an act with its next task, or end it. */
void act_go(struct act *);
/* The change is made: write the record and succeed. */
void act_settle(struct act *);
/* Start over with the tasks of the kind; `clean`: remove what is there first. */
void act_again(struct act *, bool clean);
/* Fail. The failure is filled in as far as it is known; the logs are read first. */
void act_fail(struct act *);
/* The same for a reason of ours: as if it had run and ended with status 1. */
void act_fail_because(struct act *, const char *why);
void act_failed(struct act *);          /* after the logs were read */

/* The end of a task: after a failure recover from a lost connection, or fail; after a success take
 * its facts and go on. */
void act_not_done(struct act *, struct ask *);
void act_task_done(struct act *, const struct result *);

/* run_spread.c: run a TASK_SPREAD of an act; give up the copy. */
void spread_act(struct act *);
void spread_stop(struct act *);

/* run_upload.c: the same for a TASK_UPLOAD. */
void upload_act(struct act *);
void upload_stop(struct act *);

/* run_guard.c */
void guard_start(struct act *);
void guard_stop(struct act *);
void diagnose_start(struct act *);         /* calls act_failed() at the end */

/* run_recover.c: the connection was lost while a task of the act ran. */
void recover_start(struct act *, struct host *);
/* Give up the recovery in the next turn of the loop: we were interrupted twice. */
void recover_stop(struct act *);

/* Run a TASK_LUA of an act; then fail, or continue with the next task. */
void custom_act(struct act *, const struct step_task *);

/* run_hooks.c: call the hooks before or after a step. True: there are none, or all of them
 * agreed. False: act_hooked() is called, now or later. */
bool act_ask_hooks(struct act *, enum event);
void act_hooked(struct act *, enum event, const struct verdict *);
/* before_apply and after_apply; they wait. False: a hook failed, and the view has shown it. */
bool apply_hooks_before(struct apply *);
bool apply_hooks_after(struct apply *);
/* If a task found something that changes the plan ("set again WHY"), start nothing more. */
void apply_take_again(struct apply *, const struct result *);

#endif

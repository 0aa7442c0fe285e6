#ifndef EXECUTORS_RUN_PRIVATE_H
#define EXECUTORS_RUN_PRIVATE_H

#include "executors/hooks.h"
#include "executors/http.h"
#include "executors/run.h"
#include "executors/secrets.h"
#include "executors/session.h"

/* What the files run*.c share. */

/* One node and the session to it. */
struct host {
	struct run *run;
	const char *name;               /* of the node; in the model's arena */
	struct session *session;        /* NULL: not opened */
	bool locked;                    /* its first shell holds the lock */
	bool recovering;
	struct err err;                 /* why the session was lost, with a hint */
};

struct run {
	struct loop *loop;
	struct model *model;
	struct run_options opt;
	struct run_view view;
	struct secrets secrets;
	struct host **host;
	size_t nhost;
	struct ask *asks;               /* requests under way */
	struct lookup *lookup;          /* the Hub is asked */
	const struct modules *modules;  /* NULL: the spec names no Lua file */
	struct module_world world;
	size_t nevent;                  /* recorded ones of steps */
	struct value *plan_value;       /* the plan as events have it, once it was asked for */
	struct telling *telling;        /* of hooks that are waited for, or NULL */
	struct json_t *document;        /* the recorded looks, where they are one file */
};

/* One request with what it needs, freed after `then`. */
struct ask {
	struct request request;         /* result is scrubbed before `then` sees it, ... */
	bool raw;                       /* ... but not for Lua: what it says is scrubbed */
	struct run *run;
	struct host *host;
	struct str secret;              /* its stdin before the input; wiped */
	void (*then)(struct ask *);
	void (*progress)(struct ask *, const char *text);
	void *owner;
	struct ask *next;
};

/* Send a task to a node; its session is opened when it is not. Never NULL; `then` comes
 * from the loop, with ran = false when a secret cannot be read, too. */
struct ask *run_ask(struct run *, struct host *, const struct task *,
		    void (*then)(struct ask *), void *owner);
void run_cancel(struct ask *);
struct host *run_host(struct run *, const struct node *);
/* Its session is gone for good. */
bool host_lost(const struct host *);
/* Forget the session and make a new one with the next request. */
void host_reset(struct host *);
/* What is taken away is taken away whatever was wanted: no secret is needed. */
bool run_destroys(const struct run *);
struct node *host_node(const struct host *);
void run_note(struct run *, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Now as RFC 3339 in UTC. */
const char *run_time(struct arena *);
/* The last n lines of a text, trailing blanks gone; a copy in the arena. */
const char *last_lines(struct arena *, const char *text, size_t n);

/* run_facts.c: recorded looks, DIR/NAME SUFFIX, written or read whole; what is read may be the
 * one document that `dray discover -o` wrote, too, which is parsed once. */
bool record_file(const char *dir, const char *name, const char *suffix, const void *bytes,
		 size_t n, struct err *);
bool recorded_file(struct run *, const char *name, const char *suffix, struct str *to,
		   struct err *);
void recorded_release(struct run *);

/* run_observe.c: what a request of observe_task() brought -> facts, never NULL. */
struct facts *facts_of(struct arena *, const struct ask *);
/* Every node of the list dials the others (address_task()); what came is in the list.
 * False: an answer could not be recorded. */
struct addresses;
bool run_dial(struct run *, struct arena *, struct addresses *, bool wide, struct err *);

/* run_user.c: look at the user's own steps; the look is in the model then. */
bool run_look_user(struct run *, struct arena *, struct err *);
struct act;
/* A TASK_LUA of an act; ends it, or goes on with the next task. */
void user_act(struct act *, const struct step_task *);

/* run_hooks.c: before and after each step of an apply. True: nobody listens, or all that
 * do have agreed already. False: act_hooked() comes. */
bool act_ask_hooks(struct act *, enum event);
void act_hooked(struct act *, enum event, const struct verdict *);
/* before_apply and after_apply; waits. False: a hook failed, which was shown. */
struct apply;
bool apply_hooks_before(struct apply *);
bool apply_hooks_after(struct apply *);
/* A task found out what changes the plan ("set again WHY"): nothing more is started. */
void apply_take_again(struct apply *, const struct result *);

/* run_lock.c: lock.info of an apply. */
const char *lock_info(struct arena *, const char *apply_id);

/* run_hub.c: resolve model.revision, fetch config.json and the index of its commit. The
 * lookup ends by itself; *left goes down then. */
struct lookup *lookup_start(struct run *, struct arena *, size_t *left, bool *finished);
/* After the nodes were looked at, too: the model's commit and commit_why stand. */
void lookup_finish(struct lookup *);
/* Where a file of the commit is, and the token that may open it, or NULL. */
const char *lookup_url(const struct lookup *, const char *path);
const char *lookup_token(const struct lookup *);

/* run_weights.c: the tensors of the model into its texts, or why there are none. After the
 * nodes were looked at and the lookup has ended. */
void weights_find(struct run *, struct arena *);

/* run_cache.c: files of ours under ${XDG_CACHE_HOME:-~/.cache}/dray/FOLDER. A cache that
 * cannot be read or written is no failure. The bytes are added to a str with its max. */
bool cache_read(const char *folder, const char *name, struct str *);
void cache_write(const char *folder, const char *name, const void *, size_t n);

/* run_web.c: a TASK_FETCH or TASK_PROBE. */
struct web {
	struct run *run;
	const struct task *task;
	struct session *via;
	struct http http;
	bool busy;
	unsigned long timer;
	struct str bytes;               /* what was fetched */
	struct str url;                 /* of a second question */
	char why[1024];                 /* "": it went well */
	void (*then)(struct web *);
	void *owner;
};
void web_start(struct run *, struct web *, const struct task *, struct session *via);
void web_cancel(struct web *);
void web_release(struct web *);

/* run_apply.c and its helpers: an apply under way, and one job of it. */
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
	bool hard, stop_early;          /* interrupted twice; stopped before the first job */
	/* What the downs of a group found in its logs, until its first up tells of it. */
	struct { struct death { const struct step *step; const char *words; } *v; size_t n, cap; } deaths;
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
	long long began;
	struct ask *ask;                /* under way, or NULL */
	struct web web;
	struct module_call *call;       /* a function of its Lua kind runs, or NULL */
	struct telling *telling;        /* a hook is asked, or NULL */
	enum event asked;               /* about what */
	const char *instance, *output, *next_command;
	struct failure failure;
	struct guard *guard;
};

/* run_apply.c: start what may start; the end when there is nothing left. */
void apply_go(struct apply *);
/* run_act.c */
void act_start(struct apply *, struct job *);
/* Go on with the next task, or the end, of an act. */
void act_go(struct act *);
/* Its change is made: write the record and end well. */
void act_settle(struct act *);
/* Begin again with what the kind says now; `clean`: take away what is there first. */
void act_again(struct act *, bool clean);
/* End badly. The failure is filled in as far as it is known; logs are asked first. */
void act_fail(struct act *);
void act_failed(struct act *);          /* after the logs were asked */

/* run_guard.c */
void guard_start(struct act *);
void guard_stop(struct act *);
void blame_start(struct act *);         /* calls act_failed() at the end */

/* run_recover.c: the connection was lost while a task of it ran. */
void recover_start(struct act *, struct host *);

#endif

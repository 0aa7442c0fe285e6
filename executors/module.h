#ifndef EXECUTORS_MODULE_H
#define EXECUTORS_MODULE_H

#include "executors/http.h"
#include "executors/loop.h"
#include "executors/secrets.h"
#include "lua/vm.h"
#include "planner/task.h"

/*
 * Lua files at work: one call of a function, from its start to its end, with all that it
 * asks of the world in between. What it waits for (ctx:run, ctx:http, ctx:sleep) goes
 * through the loop, so that nothing else waits with it.
 */
struct run;

/* What all calls of one command share. */
struct module_world {
	struct loop *loop;
	struct secrets *secrets;        /* ctx:secret reads into it; its words are scrubbed */
	const char *folder;             /* of the spec file: ctx:file stays below it */
	struct run *run;                /* NULL: there are no nodes yet, ctx:run is refused */
	bool recorded;                  /* nodes are recorded looks: ctx:run is refused */
	/* A line of ctx:log or ctx:warn, scrubbed; NULL: dropped. */
	void (*say)(void *arg, enum vm_level, const char *line);
	void *arg;
	/* With `dry`: the first answers, in their order, or NULL. Each is {run = {...}},
	 * {http = {...}} or {error = text}. */
	const struct value *answers;
	size_t nanswered;
	bool dry;                       /* nothing reaches the world: what a call would do is
					 * said, and answered as if it had gone well */
	struct module_call *calls;      /* under way */
};

/* A file of the spec, loaded. */
struct module {
	const char *file;               /* as the spec has it */
	struct source src;
	struct vm *vm;
};

struct module_job {
	const char *function;
	const struct value *ctx;        /* plain members of ctx, or NULL */
	const struct value *args[3];    /* behind ctx */
	size_t nargs;
	const char *node;               /* where ctx:run runs by itself; NULL: on the head */
	int timeout_s;                  /* of the whole call; 0: none */
	bool changes;                   /* what it runs may change the node */
};

struct module_call {
	struct module_world *world;
	const struct module *module;
	struct module_job job;
	struct arena *arena;            /* the caller's: of results and errors */
	struct vm_call *call;
	struct vm_host host;
	struct arena scratch;           /* of one wait */
	struct ask *ask;                /* what it waits for: one of these */
	struct http http;
	bool http_busy;
	unsigned long timer, deadline;
	bool ran;                       /* it had something run on a node */
	/* The end: ok, or what went wrong, scrubbed. */
	bool ok, over;
	struct vm_error error;
	void (*then)(struct module_call *);
	void *owner;
	struct module_call *next;
};

/* Starts a call. True: it is over already, and then() does not come. False: then() comes
 * from the loop. Either way module_end() frees it. */
bool module_start(struct module_call **, struct module_world *, struct arena *,
		  const struct module *, const struct module_job *,
		  void (*then)(struct module_call *), void *owner);
/* Ends it from outside, with that error; then() comes from the loop. */
void module_stop(struct module_call *, const char *why);
/* The i-th thing it returned, or nil; NULL: no plain data, and error says so. */
struct value *module_result(struct module_call *, size_t i);
/* "hooks/web.lua:12: words", scrubbed. */
const char *module_why(const struct module_call *);
/* The text without secrets, in the call's arena. */
const char *module_scrubbed(struct module_call *, const char *text);
void module_end(struct module_call *);

enum { MODULE_MAX = 1 << 20 };          /* bytes of a Lua file */
/* Reads a file of the spec: `path` as written, relative to `folder`; at most max bytes. */
bool module_read(const char *folder, const char *path, size_t max, struct str *to,
		 struct err *e);
/* Loads it; NULL with errors in d, at its own place or at `at` of the spec. Freed with
 * module_unload(). */
struct module *module_load(struct arena *, const char *folder, const char *file,
			   struct loc at, struct diags *d);
void module_unload(struct module *);

#endif

#ifndef EXECUTORS_MODULE_H
#define EXECUTORS_MODULE_H

#include "executors/http/http.h"
#include "executors/io/loop.h"
#include "executors/io/secrets.h"
#include "lua/vm.h"
#include "planner/base/task.h"

/*
 * Runs a function of a Lua file from its start to its end, with everything that it asks for
 * in between. It waits (ctx:run, ctx:http, ctx:sleep) in the loop, so nothing else waits
 * with it.
 */
struct ask;
struct module_call;
struct node;

/* How calls reach the nodes; executors/run fills it in. */
struct module_nodes {
	/* Find a node by name (NULL: the head); NULL if there is none. */
	const struct node *(*find)(void *arg, const char *name);
	/* Run a task there; module_ran() comes from the loop, unless drop() came first. */
	struct ask *(*ask)(void *arg, const struct node *, const struct task *, struct module_call *);
	void (*drop)(struct ask *);
	/* The connection to a node; NULL: there is none. */
	struct session *(*session)(void *arg, const struct node *);
	void *arg;
};

/* What all calls of one command share. */
struct module_world {
	struct loop *loop;
	struct secrets *secrets;        /* ctx:secret reads into it; they are masked in messages */
	const char *folder;             /* of the spec file: ctx:file stays below it */
	struct module_nodes nodes;      /* empty: there are no nodes yet, ctx:run is refused */
	bool recorded;                  /* the observations are recorded: ctx:run is refused */
	const char *quiet;              /* no secrets are read and no servers asked, and this text
					 * says why and how to change it; NULL: they are */
	/* Gets a line of ctx:log or ctx:warn, scrubbed; NULL: dropped. */
	void (*say)(void *arg, enum vm_level, const char *line);
	void *arg;
	/* With `dry`: the first answers, in their order, or NULL. Each is {run = {...}},
	 * {http = {...}} or {error = text}. */
	const struct value *answers;
	size_t nanswered;
	bool dry;                       /* do nothing: say what a call would do, and answer as if
					 * it had succeeded */
	struct module_call *calls;      /* those that run */
};

/* A loaded Lua file of the spec. */
struct module {
	const char *file;               /* as the spec has it */
	struct source src;
	struct vm *vm;
};

struct module_job {
	const char *function;
	const struct value *ctx;        /* plain members of ctx, or NULL */
	const struct value *args[3];    /* after ctx */
	size_t nargs;
	const char *node;               /* the default node of ctx:run; NULL: the head */
	int timeout_s;                  /* of the whole call; 0: none */
	bool changes;                   /* what it runs may change the node */
};

struct module_call {
	struct module_world *world;
	const struct module *module;
	struct module_job job;
	struct arena *arena;            /* the caller's; holds results and errors */
	struct vm_call *call;
	struct vm_host host;
	struct arena scratch;           /* of one wait */
	struct ask *ask;                /* what it waits for: one of ask, http, timer */
	struct http http;
	bool http_busy;
	unsigned long timer, deadline;
	bool ran;                       /* it has run something on a node */
	/* The end: ok, or what went wrong, scrubbed. */
	bool ok, over;
	struct vm_error error;
	void (*then)(struct module_call *);
	void *owner;
	struct module_call *next;
};

/* Start a call. True: it is over, and then() is not called. False: the loop calls then()
 * later. Either way module_end() frees it. */
bool module_start(struct module_call **, struct module_world *, struct arena *,
		  const struct module *, const struct module_job *,
		  void (*then)(struct module_call *), void *owner);
/* End the call with that error; then() comes from the loop. */
void module_stop(struct module_call *, const char *why);
/* The i-th value it returned, or nil; NULL: it is not plain data, and `error` says so. */
struct value *module_result(struct module_call *, size_t i);
/* "hooks/web.lua:12: words", scrubbed. */
const char *module_why(const struct module_call *);
/* The text without secrets, in the call's arena. */
const char *module_scrubbed(struct module_call *, const char *text);
void module_end(struct module_call *);
/* Hand over the result of module_nodes.ask() on that node; it is not scrubbed. */
void module_ran(struct module_call *, const char *node, const struct result *);

enum { MODULE_MAX = 1 << 20 };          /* bytes of a Lua file */
/* Read a file of the spec. `path` is relative to `folder`; at most max bytes are read. */
bool module_read(const char *folder, const char *path, size_t max, struct str *to,
		 struct err *e);
/* Load a file; free it with module_unload(). NULL with errors in d, which point into the
 * file or at `at` of the spec. */
struct module *module_load(struct arena *, const char *folder, const char *file,
			   struct loc at, struct diags *d);
void module_unload(struct module *);

#endif

#ifndef PLANNER_TASK_H
#define PLANNER_TASK_H

#include <stdbool.h>
#include <stddef.h>

#include "planner/base/arena.h"
#include "planner/base/str.h"

/*
 * The words that planner and executors share: what to run, and what came of it.
 */

/* A node-side script, embedded from planner/kinds/NAME.sh at build time. */
struct script {
	const char *name;
	const char *text;
};
/* The script of that name; aborts when there is none (a mistake of ours). */
const struct script *script_get(const char *name);
/* The script `name` with the functions of `library` before it; in the arena. */
const struct script *script_with(struct arena *, const char *library, const char *name);
/* The same before a script that may have one already. */
const struct script *script_behind(struct arena *, const char *library, const struct script *);

/* Which secrets a task gets on stdin, one per line, in this order. */
enum task_secret { TASK_NO_SECRET = 0, TASK_TOKEN = 1, TASK_API_KEY = 2 };

/*
 * One act. Mostly one run of a script on one node: text, positional parameters,
 * stdin. A script tells its story on fd 3, one line each, while it runs:
 *	progress TEXT           what it waits for now
 *	set NAME VALUE          a fact: instance, output, commit, ...; note: words to show;
 *				died: of a group's step, TIME and WORDS of its first failure
 * and ends with a status. 0 is success; stderr says why it is not.
 */
enum task_type {
	TASK_SCRIPT,                    /* a script on the node */
	TASK_FETCH,                     /* the controller fetches url; its bytes, whose SHA-256
					 * must be sha256, become the input of the next task */
	TASK_LUA,                       /* a function of the step's Lua kind: see user_call */
	TASK_PROBE,                     /* one chat completion through the node's connection:
					 * POST body to url (http://127.0.0.1:8000/v1/...); ends
					 * well only when the answer has tokens in it */
};

struct task {
	enum task_type type;
	const char *url, *sha256, *body;
	struct user_call {
		const char *function;           /* "up", "down", or "check": observe() again, and
						 * what it shows must be what is wanted */
		const struct value *args[2];    /* behind ctx: want and change, or have */
		size_t nargs;
	} lua;
	const struct script *script;
	const char **argv;              /* positional parameters */
	size_t argc, cap;
	const void *input;              /* stdin bytes after the secrets, or NULL */
	size_t ninput;
	unsigned secrets;               /* mask of task_secret */
	bool changes;                   /* mutating: needs the lock, one at a time per node */
	int timeout_s;                  /* 0: none (the script watches its own progress) */
};

/* A copy of the text; the text itself, which lives as long as the arena; as printf makes it. */
void task_arg(struct arena *, struct task *, const char *);
void task_arg_kept(struct arena *, struct task *, const char *);
void task_argf(struct arena *, struct task *, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* How a task ended. */
struct result {
	bool ran;               /* false: we do not know what happened; never success */
	int status;             /* exit status, when ran */
	struct str out, err;    /* bounded; .cut when something was dropped */
	struct str facts;       /* the `set` lines: NAME VALUE\n */
	char why[512];          /* when !ran: connection lost, timed out, ... */
};

void result_release(struct result *);
/* The last `set NAME` of the result copied to the arena, or NULL. */
const char *result_fact(struct arena *, const struct result *, const char *name);

#endif

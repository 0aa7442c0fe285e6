#ifndef PLANNER_TASK_H
#define PLANNER_TASK_H

#include <stdbool.h>
#include <stddef.h>

#include "planner/base/arena.h"
#include "planner/base/err.h"
#include "planner/base/str.h"

/*
 * What the planner and the executors share: what to run, and its result.
 */

/* A node-side script, embedded at build time from a NAME.sh of planner/ or executors/. */
struct script {
	const char *name;
	const char *text;
};
/* The script of that name; aborts if there is none. */
const struct script *script_get(const char *name);
/* The script `name` with the functions of `library` in front. It lives as long as the program, and
 * every call with these names returns the same one. */
const struct script *script_with(struct arena *, const char *library, const char *name);
/* The same for a script that may have a library in front already. The result is in the arena only if
 * that script is in one. */
const struct script *script_behind(struct arena *, const char *library, const struct script *);

/* The secrets that a task gets on stdin, one per line, in this order. */
enum task_secret {
	TASK_NO_SECRET = 0, TASK_TOKEN = 1, TASK_API_KEY = 2,
	TASK_ACCESS_KEY = 4, TASK_SECRET_KEY = 8, TASK_SESSION_TOKEN = 16,
};

/*
 * One thing to do, mostly one run of a script on one node: text, arguments, stdin. While it
 * runs, a script reports on fd 3, one line each:
 *	progress TEXT           what it waits for now
 *	set NAME VALUE          a fact: instance, output, commit, ...; note: text to show;
 *				died: TIME and TEXT of the first failure in a group
 * Exit status 0 is success; otherwise stderr says why.
 */
enum task_type {
	TASK_SCRIPT,                    /* a script on the node */
	TASK_FETCH,                     /* this machine fetches url and checks its sha256; the
					 * bytes become the input of the next task */
	TASK_LUA,                       /* a function of the step's Lua kind: see custom_call */
	TASK_SPREAD,                    /* the node gets a copy from another node (run_spread.c) */
	TASK_UPLOAD,                    /* the node gets the file `url` of this machine, by calls of
					 * image-put.sh (run_upload.c) */
	TASK_PROBE,                     /* one question to the model through the node's connection:
					 * POST body to url (http://127.0.0.1:8000/v1/...). If the
					 * model does not take such questions, the next of `ask` is
					 * tried. Succeeds only if the model contributed to the
					 * answer */
};

/* One kind of question to the model. */
struct task_ask {
	const char *kind, *url, *body;
};

struct task {
	enum task_type type;
	const char *url, *sha256, *body;
	const struct task_ask *ask;             /* TASK_PROBE: all kinds; the first is url, body */
	size_t nask;
	struct custom_call {
		const char *function;           /* "up", "down", or "check": observe() again and
						 * compare with what is wanted */
		const struct value *args[2];    /* after ctx: want and change, or have */
		size_t nargs;
	} lua;
	const struct script *script;
	const char **argv;              /* NAME=VALUE arguments, "--", words: see args.sh */
	size_t argc, cap;
	const void *input;              /* stdin bytes after the secrets, or NULL */
	size_t ninput;
	bool private;                   /* the input may hold secrets: it never touches a disk */
	unsigned secrets;               /* mask of task_secret */
	bool noted;                     /* it gets the apply's id as the argument `apply`, and notes
					 * on the node, under that id, how it ended */
	bool changes;                   /* mutating: needs the lock, one at a time per node */
	bool aside;                     /* it changes nothing and takes long. Others may change the
					 * node meanwhile, so it never runs in the shell for changes */
	int timeout_s;                  /* 0: none (the script watches its own progress) */
};

/* Append the argument NAME=VALUE; without a value nothing. The line of the script that begins
 * with "args " says which names it takes. */
void task_arg(struct arena *, struct task *, const char *name, const char *value);
void task_arg_int(struct arena *, struct task *, const char *name, long long value);
/* Append "--": the arguments end, words follow. */
void task_words(struct arena *, struct task *);
/* Append a copy of the word. */
void task_word(struct arena *, struct task *, const char *);
/* Append the string itself, which must live as long as the arena. */
void task_word_kept(struct arena *, struct task *, const char *);
void task_wordf(struct arena *, struct task *, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* How a task ended. */
struct result {
	bool ran;               /* false: what happened is not known; never success */
	int status;             /* exit status, when ran */
	struct str out, err;    /* bounded; .cut is set if something was dropped */
	struct str facts;       /* the `set` lines: NAME VALUE\n */
	struct err why;         /* when !ran: connection lost, timed out, ... */
};

void result_release(struct result *);
/* The value of the last `set NAME`, copied to the arena, or NULL. */
const char *result_fact(struct arena *, const struct result *, const char *name);

#endif

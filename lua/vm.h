#ifndef LUA_VM_H
#define LUA_VM_H

#include "planner/base/diag.h"
#include "planner/base/str.h"
#include "planner/base/value.h"

/*
 * One Lua file in a state of its own: a hook, a step kind, an executor or an inventory.
 * The file is a text chunk that returns one table; its functions are what can be called.
 *
 * The state is sandboxed (sandbox.c). There is an allow-list of globals: no io, os, load,
 * require, coroutine, debug or raw access, and no __gc. Memory is limited, and every slice of
 * computing has a deadline, which pcall and metamethods cannot evade. A C function of Lua is
 * not interrupted, so the strings that patterns get are limited, and a second Ctrl-C ends the
 * program (clock.c). The sandbox guards against accidents, not against attackers.
 *
 * Nothing here does I/O. struct vm_host answers some requests of a script at once; others
 * suspend the call: vm_step() returns VM_WAITS and continues after vm_answer() or
 * vm_refuse(). Several calls of one state may wait at the same time.
 */
struct vm;              /* a loaded file */
struct vm_call;         /* a call of one of its functions, a coroutine */

enum {
	VM_MEMORY = 64 * 1024 * 1024,   /* bytes that a state may use */
};

enum vm_level { VM_LOG, VM_WARN };

/* Requests that are answered at once. If a member is NULL, the script gets an error that says
 * that the function is not available. All must outlive the calls that they are given to. */
struct vm_host {
	void (*log)(void *arg, enum vm_level, const char *text);
	/* The secret for "env:NAME" and similar, owned by the host; NULL with e set. */
	const char *(*secret)(void *arg, const char *reference, struct err *e);
	/* Read a whole file below the spec's folder; false with e set. */
	bool (*file)(void *arg, const char *path, struct str *to, struct err *e);
	/* Seconds since 1970. */
	double (*now)(void *arg);
	void *arg;
};

/* An error of a script: the place in its file, the message, and the traceback with one frame
 * a line ("" when memory ran out). It lives in the given arena. */
struct vm_error {
	struct loc at;          /* in the vm's source; line 0: no place */
	const char *text;       /* without "file:line:" in front */
	const char *trace;
};
/* As diagnostics print it: file:line: error: text, the line, a caret, the frames. */
void vm_error_diag(const struct vm_error *, struct diags *);
/* On one line, for a failure: "hooks/web.lua:12: text". */
const char *vm_error_line(struct arena *, const struct vm_error *);

struct vm_limits {
	size_t memory;          /* bytes; each 0: the default */
	int load_ms, slice_ms;  /* CPU time of the thread */
};

/* Load and run the chunk. NULL with *error set (in the arena): it does not compile, fails, or
 * does not return a table. `src` must outlive the vm. limits NULL: the defaults. */
struct vm *vm_new(struct arena *, const struct source *src, const struct vm_limits *limits,
		  struct vm_error *error);
/* With all its calls. */
void vm_free(struct vm *);
const struct source *vm_source(const struct vm *);
/* The first line of a function of the returned table; 0: there is no such function. */
unsigned vm_has(struct vm *, const char *function);
/* A data member of the returned table ("name", "doc", "fields"), without the functions in it;
 * nil if there is none. NULL with *error set: it cannot be copied (a cycle, too deep, ...). */
struct value *vm_data(struct vm *, struct arena *, const char *name, struct vm_error *error);
/* All names in the returned table, as a sorted list of strings. */
struct value *vm_names(struct vm *, struct arena *);
/* The first place of `word` as a name or string in the source, from line `from` on; the line
 * `from` if it is not there. It is for messages about data that a script returned. */
struct loc vm_find(const struct vm *, const char *word, unsigned from);

/*
 * Calls. Maps and lists among the arguments are not copied: the script sees read-only tables
 * that look into them, so they must live as long as the vm. With `ctx` the first argument is
 * the ctx object of the API (api.def); the items of that map are its plain members (config,
 * node, ...).
 */
struct vm_call *vm_call(struct vm *, const char *function, const struct value *ctx,
			const struct value *const *args, size_t nargs,
			const struct vm_host *);

enum vm_state { VM_DONE, VM_WAITS, VM_FAILED };
/* Start, or continue after an answer, until it ends or waits again. */
enum vm_state vm_step(struct vm_call *);

enum vm_want { VM_RUN, VM_HTTP, VM_SLEEP };
/* What it waits for. It is checked, and valid until the call continues.
 *	VM_RUN    {argv = [text...], node = text?, stdin = text?, timeout = integer?, check = bool?}
 *		  -> {status = integer, out = text, err = text}
 *	VM_HTTP   {url, method, headers = {name = text}, body = text?, timeout = integer?}
 *		  -> {status = integer, headers = {name = text}, body = text}
 *	VM_SLEEP  {seconds = number} -> nil
 */
enum vm_want vm_wants(const struct vm_call *, const struct value **details);
/* Give the answer, which is copied, or raise an error at the waiting line, which the script
 * can catch. Then call vm_step(). */
void vm_answer(struct vm_call *, const struct value *);
void vm_refuse(struct vm_call *, const char *why);

/* After VM_DONE: the i-th returned value (from 0), or nil; in the arena. NULL with *error
 * set: it is not plain data. */
struct value *vm_result(struct vm_call *, struct arena *, size_t i, struct vm_error *error);
/* After VM_FAILED: the error, in the arena. */
void vm_failure(struct vm_call *, struct arena *, struct vm_error *error);
/* May be called at any time; a call that waits is given up. */
void vm_call_free(struct vm_call *);

#endif

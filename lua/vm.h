#ifndef LUA_VM_H
#define LUA_VM_H

#include "planner/base/diag.h"
#include "planner/base/str.h"
#include "planner/value.h"

/*
 * One Lua file in a state of its own: a hook, a step kind, an executor or an inventory.
 * The file is a text chunk that returns one table; its functions are what can be called.
 *
 * The state is sandboxed (sandbox.c): an allow-list of globals, no io, os, load, require,
 * coroutine, debug or raw access, no __gc, a cap on memory, and a deadline on every slice of
 * computing that neither pcall, message handlers and metamethods nor string patterns and
 * table functions dodge. It is for accidents, not for adversaries.
 *
 * Nothing here does I/O. What a script asks of the world either is answered at once by
 * struct vm_host, or suspends the call: vm_step() says VM_WAITS then, and goes on after
 * vm_answer() or vm_refuse(). Several calls of one state may wait at the same time.
 */
struct vm;              /* a loaded file */
struct vm_call;         /* a call of one of its functions, a coroutine */

enum {
	VM_MEMORY = 64 * 1024 * 1024,   /* bytes a state may have */
	VM_SLICE_MS = 5000,             /* computing between two waits */
	VM_LOAD_MS = 1000,              /* running the chunk itself */
};

enum vm_level { VM_LOG, VM_WARN };

/* What is answered at once. NULL members: the script gets an error that says it is not
 * to be had here. All must outlive the calls they are given to. */
struct vm_host {
	void (*log)(void *arg, enum vm_level, const char *text);
	/* The secret that "env:NAME" and the like names, owned by the host; NULL with e set. */
	const char *(*secret)(void *arg, const char *reference, struct err *e);
	/* A file below the spec's folder, read whole; false with e set. */
	bool (*file)(void *arg, const char *path, struct str *to, struct err *e);
	/* Seconds since 1970. */
	double (*now)(void *arg);
	void *arg;
};

/* What went wrong in a script, for people: the place in its file, the words, and the
 * traceback, one frame a line ("" when memory ran out). In the arena given. */
struct vm_error {
	struct loc at;          /* in the vm's source; line 0: nowhere in it */
	const char *text;       /* without "file:line:" in front */
	const char *trace;
};
/* As diagnostics print it: file:line: error: text, the line, a caret, the frames. */
void vm_error_diag(const struct vm_error *, struct diags *);
/* On one line, for a failure: "hooks/web.lua:12: text". */
const char *vm_error_line(struct arena *, const struct vm_error *);

struct vm_limits {
	size_t memory;          /* bytes; each 0: the usual one */
	int load_ms, slice_ms;  /* of the thread's CPU time */
};

/* Loads and runs the chunk; NULL with *error set (in the arena) when it does not compile,
 * fails, or returns no table. `src` must outlive the vm. limits NULL: the usual ones. */
struct vm *vm_new(struct arena *, const struct source *src, const struct vm_limits *limits,
		  struct vm_error *error);
/* With all its calls. */
void vm_free(struct vm *);
const struct source *vm_source(const struct vm *);
/* Has the returned table a function of that name? Its first line, or 0. */
unsigned vm_has(struct vm *, const char *function);
/* Plain data of the returned table ("name", "doc", "fields"), functions in it left out;
 * nil when there is none; NULL with *error set when it cannot be taken out (a cycle, too
 * deep, not a text). */
struct value *vm_data(struct vm *, struct arena *, const char *name, struct vm_error *error);
/* All names in the returned table, sorted: a list of texts. */
struct value *vm_names(struct vm *, struct arena *);
/* The first place of `word` as a name or string in the source, from line `from` on, for
 * complaints about data that a script returned; the line `from` when it is not there. */
struct loc vm_find(const struct vm *, const char *word, unsigned from);
/* Bytes in use, and the most there ever were. */
size_t vm_memory(const struct vm *, size_t *peak);

/*
 * Calls. Arguments are given by value, but maps and lists of them stay where they are: the
 * script sees read-only tables that look into them when asked, so they must live as long
 * as the vm. With `ctx` the first argument is the ctx object of the API (api.def), whose
 * plain members (config, node, ...) are the items of that map.
 */
struct vm_call *vm_call(struct vm *, const char *function, const struct value *ctx,
			const struct value *const *args, size_t nargs,
			const struct vm_host *);

enum vm_state { VM_DONE, VM_WAITS, VM_FAILED };
/* Start, or go on after an answer, until it ends or waits again. */
enum vm_state vm_step(struct vm_call *);

enum vm_want { VM_RUN, VM_HTTP, VM_SLEEP };
/* What it waits for, checked already; in an arena of the call, valid until it goes on.
 *	VM_RUN    {argv = [text...], node = text?, stdin = text?, timeout = integer?, check = bool?}
 *		  -> {status = integer, out = text, err = text}
 *	VM_HTTP   {url, method, headers = {name = text}, body = text?, timeout = integer?}
 *		  -> {status = integer, headers = {name = text}, body = text}
 *	VM_SLEEP  {seconds = number} -> nil
 */
enum vm_want vm_wants(const struct vm_call *, const struct value **details);
/* The answer, copied; or an error that the script can catch, at the waiting line. The
 * next thing to call is vm_step(). */
void vm_answer(struct vm_call *, const struct value *);
void vm_refuse(struct vm_call *, const char *why);

/* After VM_DONE: the i-th thing it returned (from 0), or nil; NULL with *error set when it
 * is no plain data. In the arena. */
struct value *vm_result(struct vm_call *, struct arena *, size_t i, struct vm_error *error);
size_t vm_nresults(const struct vm_call *);
/* After VM_FAILED; in the arena. */
void vm_failure(struct vm_call *, struct arena *, struct vm_error *error);
/* At any time; a call that waits is given up. */
void vm_call_free(struct vm_call *);

/* The API's reference, from the table that registers the functions (api.def). */
enum vm_manual { VM_MARKDOWN, VM_LUALS };
void vm_manual(struct str *to, enum vm_manual);

#endif

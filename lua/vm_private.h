#ifndef LUA_VM_PRIVATE_H
#define LUA_VM_PRIVATE_H

#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>

#include "lua/vm.h"

/*
 * What the files of lua/ share. Two rules apply everywhere:
 * - A call into Lua that may raise an error must be below vm_protected() or lua_resume():
 *   lua_error() jumps, and without a frame to jump to the program ends.
 * - Memory that does not belong to Lua must be in a box (box_arena, box_str) while a script
 *   or anything else that may raise runs, because the jump skips every free().
 * Comments at the ends of lines show what is on the stack.
 */

/* Where a script was when an error was raised; filled without allocating. */
struct vm_trace {
	enum { TRACE_FRAMES = 12, TRACE_NAME = 48 } unused;
	size_t n;
	bool cut;
	struct { int line; char name[TRACE_NAME]; } frame[TRACE_FRAMES];
};

struct vm {
	lua_State *L;
	const struct source *src;
	char short_name[LUA_IDSIZE];    /* the name of the source in Lua's errors */
	struct vm_limits limits;
	int nresults;                   /* of the chunk */
	struct {                        /* memory (vm.c) */
		size_t used, cap;
		size_t since_look;      /* bytes allocated since the last look at the clock */
	} memory;
	struct {                        /* the running slice (clock.c) */
		int ms;
		long long began;        /* CPU time of the thread, ms */
		bool expired, interrupted;
		unsigned looks;
		lua_State *thread;      /* the one that runs, or NULL */
	} slice;
	struct vm_call *calls;          /* all of them */
	struct vm_call *running;
	struct vm_trace trace;          /* of the last error outside of calls */
};

struct vm_call {
	struct vm *vm;
	struct vm_call *next;
	const struct vm_host *host;
	lua_State *co;
	const char *function;           /* its name, in names */
	unsigned line;                  /* its first line */
	int nargs;                      /* on co, for the next lua_resume() */
	enum { CALL_READY, CALL_WAITS, CALL_DONE, CALL_FAILED } state;
	bool answered;
	const char *refusal;            /* instead of an answer; in the arena */
	enum vm_want want;
	const struct value *details;
	lua_KFunction finish;           /* continues with the answer */
	struct arena arena;             /* of the current wait */
	struct arena names;             /* of the call */
	int status;                     /* LUA_OK, or how it failed */
	int nresults;                   /* at the top of co's stack; after a failure the text */
	const char *early;              /* the text if it failed before it started */
	size_t early_len;
	struct vm_trace trace;
};

/* The vm of a state, and the call that runs in this thread, or NULL. */
struct vm *vm_of(lua_State *);
struct vm_call *vm_running(lua_State *);
/* Call f(L) with `arg` as light userdata at index 1, followed by the top `extra` values of the
 * stack; nothing is left on the stack. The text of an error is copied into the arena, if one
 * is given. Returns LUA_OK or the code of lua_pcall(). */
int vm_protected(struct vm *, lua_CFunction f, void *arg, int extra, struct arena *,
		 const char **text, size_t *len);
/* Push the raw value `name` of the returned table; returns its type. */
int vm_push_member(lua_State *, const char *name);

/* clock.c: a slice of computing. The clock is what this thread has computed so far, in
 * milliseconds; tests put theirs in its place. */
extern long long (*slice_clock)(void);
void slice_begin(struct vm *, lua_State *thread, int ms);
void slice_end(struct vm *);
/* Raise an error if the slice has expired; for C functions that can take long. */
void slice_check(lua_State *);
/* Look at the clock without raising; arm the hook if the slice has expired. */
void slice_look(struct vm *);
/* The same; has it expired? */
bool slice_over(lua_State *);
void slice_hook(lua_State *, lua_Debug *);
enum { SLICE_COUNT = 1000 };    /* instructions between two looks */

/* error.c */
void trace_take(lua_State *, int level, const char *bottom, struct vm_trace *);
/* For message handlers: push the error at index 1 as a string. */
void error_to_text(lua_State *);
/* Fill an error from Lua's text; trace may be NULL. */
void error_fill(const struct vm *, struct arena *, struct vm_error *, int status,
		const char *text, size_t len, const struct vm_trace *);
/* Fill an error with our own text and a place. */
void error_say(struct arena *, struct vm_error *, struct loc at, const char *text);
/* The place of a whole line. */
struct loc source_line(const struct source *, unsigned line);
/* Make the text of a script printable: no control characters, valid UTF-8, at most `most`
 * bytes. */
const char *safe_text(struct arena *, const char *s, size_t n, size_t most);

/* sandbox.c: set up the globals of a new state. */
void sandbox_open(lua_State *);

/* box.c: memory that is freed when the calling C function ends, even by an error. */
void box_open(lua_State *);
struct arena *box_arena(lua_State *);
struct str *box_str(lua_State *);

/* vm_view.c: read-only tables over values. */
void view_open(lua_State *);
/* Push a value: scalars as they are, maps and lists as views. */
void view_push(lua_State *, const struct value *);
/* The value behind a view (or ctx), or NULL. */
const struct value *view_of(lua_State *, int index);
/* lua_next() for views: replace the key at the top of the stack (nil: start) by the next key
 * and value. False at the end, with the key popped. */
bool view_next(lua_State *, int index);
int view_len(lua_State *);              /* metamethods that ctx shares */
int view_pairs(lua_State *);
int view_tostring(lua_State *);
int view_newindex(lua_State *);

/* vm_value.c: between Lua and values. */
/* Push a value as Lua tables that the script owns. */
void value_to_lua(lua_State *, const struct value *);
enum take_how {
	TAKE_PLAIN,
	TAKE_DATA,              /* functions in maps are left out */
	TAKE_OPTIONS,           /* positional items go into "argv" */
};
/* Copy what is at the index into a value in the arena. NULL with *why ("fields.size: a
 * function", where "fields" is the root) and *key, the last key of the path. Never raises. */
struct value *value_take(lua_State *, int index, struct arena *, enum take_how,
			 const char *root, const char **why, const char **key);

/* api.c: the ctx object. */
void api_open(lua_State *);
void api_push_ctx(lua_State *, struct vm_call *, const struct value *members);
/* The plain members of the ctx at that index; NULL: it is not a ctx. */
const struct value *api_members(lua_State *, int index);
/* The call is over: make ctx objects of it that a script kept unusable. */
void api_forget(lua_State *, struct vm_call *);
int api_print(lua_State *);             /* print() */

/* call.c: suspend the call; `finish` continues with the answer at the top of the stack. */
int call_wait(lua_State *, struct vm_call *, enum vm_want, const struct value *details,
	      lua_KFunction finish);

#endif

#ifndef LUA_VM_PRIVATE_H
#define LUA_VM_PRIVATE_H

#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>

#include "lua/vm.h"

/*
 * What the files of lua/ share. Two rules hold everywhere:
 * - Every call into Lua that may raise an error is made below vm_protected(), or below
 *   lua_resume(): lua_error() jumps, and without a frame to jump to the program ends.
 * - Memory that is not Lua's own is in a box (box_arena, box_str) while a script's code or
 *   anything that may raise runs: the jump goes past every free().
 * Comments at the ends of lines show what is on the stack.
 */

/* Where a script was when an error went by; filled without allocating. */
struct vm_trace {
	enum { TRACE_FRAMES = 12, TRACE_NAME = 48 } unused;
	size_t n;
	bool cut;
	struct { int line; char name[TRACE_NAME]; } frame[TRACE_FRAMES];
};

struct vm {
	lua_State *L;
	const struct source *src;
	char short_name[LUA_IDSIZE];    /* the source's name as Lua writes it into errors */
	struct vm_limits limits;
	int nresults;                   /* of the chunk */
	struct {                        /* memory (vm.c) */
		size_t used, peak, cap;
		size_t since_look;      /* bytes allocated since the clock was looked at */
	} memory;
	struct {                        /* the running slice (clock.c) */
		int ms;
		long long until, cpu_until;
		bool expired;
		bool in_hook;           /* the last error came from inside the hook */
		unsigned looks;
		lua_State *thread;      /* that runs, or NULL */
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
	unsigned line;                  /* where it begins */
	int nargs;                      /* on co, for the next lua_resume() */
	enum { CALL_READY, CALL_WAITS, CALL_DONE, CALL_FAILED } state;
	bool answered;
	const char *refusal;            /* instead of an answer, in the arena */
	enum vm_want want;
	const struct value *details;
	lua_KFunction finish;           /* goes on with the answer */
	struct arena arena;             /* of the present wait */
	struct arena names;             /* of the call */
	int status;                     /* LUA_OK, or how it failed */
	int nresults;                   /* on top of co's stack; after a failure the text */
	const char *early;              /* failed before it began: the text */
	size_t early_len;
	struct vm_trace trace;
};

/* The machine of a state, and the call that runs in this thread or NULL. */
struct vm *vm_of(lua_State *);
struct vm_call *vm_running(lua_State *);
/* Calls f(L) with `arg` as light userdata at index 1 and `extra` values of the stack behind
 * it; nothing is left on the stack. The text of an error is copied into the arena, if one
 * is given. LUA_OK or what lua_pcall() says. */
int vm_protected(struct vm *, lua_CFunction f, void *arg, int extra, struct arena *,
		 const char **text, size_t *len);
/* The function or other value `name` of the returned table, raw, pushed; its type. */
int vm_push_member(lua_State *, const char *name);

/* clock.c: a slice of computing. */
void slice_begin(struct vm *, lua_State *thread, int ms);
void slice_end(struct vm *);
/* Raises the error when the slice is used up: for C functions that can take long. */
void slice_check(lua_State *);
/* Looks at the clock without raising; arms the hook when the slice is used up. */
void slice_look(struct vm *);
/* The same; is it used up? */
bool slice_over(lua_State *);
/* In a message handler: must no code of the script run now? Inside the hook no hook runs,
 * and what loops there would never end. */
bool slice_quiet(lua_State *);
void slice_hook(lua_State *, lua_Debug *);
/* Instructions between two looks: one may take tenths of a second (comparing texts that
 * fill the memory). */
enum { SLICE_COUNT = 100 };

/* error.c */
void trace_take(lua_State *, int level, const char *bottom, struct vm_trace *);
/* A message handler's work: the error at index 1 becomes a text, at the top. */
void error_to_text(lua_State *);
/* The words and place of an error with Lua's text; trace may be NULL. */
void error_fill(const struct vm *, struct arena *, struct vm_error *, int status,
		const char *text, size_t len, const struct vm_trace *);
/* Our own words, at a place. */
void error_say(struct arena *, struct vm_error *, struct loc at, const char *text);
/* The whole line as a place. */
struct loc source_line(const struct source *, unsigned line);
/* Text of a script for people: no control characters, valid UTF-8, at most `most` bytes. */
const char *safe_text(struct arena *, const char *s, size_t n, size_t most);

/* sandbox.c, pattern.c, tables.c: what a script can see, into a fresh state. */
void sandbox_open(lua_State *);
void pattern_open(lua_State *);         /* into the string table at the top */
void tables_open(lua_State *);          /* into the table table at the top */

/* box.c: memory that is freed when the calling C function ends, however it ends. */
void box_open(lua_State *);
struct arena *box_arena(lua_State *);
struct str *box_str(lua_State *);

/* view.c: read-only tables over values. */
void view_open(lua_State *);
/* Scalars as they are, maps and lists as views. */
void view_push(lua_State *, const struct value *);
/* The value behind a view (or ctx), or NULL. */
const struct value *view_of(lua_State *, int index);
/* Key and value after the key at the top of the stack (nil: the first) replace it; false,
 * with the key gone, at the end: lua_next() for views. */
bool view_next(lua_State *, int index);
int view_len(lua_State *);              /* metamethods that ctx shares */
int view_pairs(lua_State *);
int view_tostring(lua_State *);
int view_newindex(lua_State *);

/* value.c: between Lua and values. */
/* As tables of the script's own. */
void value_to_lua(lua_State *, const struct value *);
enum take_how {
	TAKE_PLAIN,
	TAKE_DATA,              /* functions in maps are left out */
	TAKE_OPTIONS,           /* positions beside names go into "argv" */
};
/* What is at the index -> a value in the arena; NULL with *why ("fields.size: a function",
 * "fields" being the root) and *key, the last key of the path. Raises nothing. */
struct value *value_take(lua_State *, int index, struct arena *, enum take_how,
			 const char *root, const char **why, const char **key);

/* api.c: the ctx object. */
void api_open(lua_State *);
void api_push_ctx(lua_State *, struct vm_call *, const struct value *members);
/* The plain members of the ctx at that index; NULL: it is none. */
const struct value *api_members(lua_State *, int index);
/* The call is over: ctx objects of it that a script kept are dead. */
void api_forget(lua_State *, struct vm_call *);
int api_print(lua_State *);             /* print() */

/* call.c: suspends the call; `finish` goes on with the answer at the top of the stack. */
int call_wait(lua_State *, struct vm_call *, enum vm_want, const struct value *details,
	      lua_KFunction finish);

#endif

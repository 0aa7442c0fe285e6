#ifndef LUA_MATCH_H
#define LUA_MATCH_H

#include <stddef.h>

#include "lua/vm_private.h"

/*
 * Lua's patterns, matched so that the deadline holds while it backtracks: Lua's own matcher
 * is C that nothing interrupts. What it takes, finds and complains about is the same
 * (vm_pattern_test.c compares the two).
 */
enum {
	MATCH_CAPTURES = 32,            /* as Lua's LUA_MAXCAPTURES */
	MATCH_DEPTH = 200,              /* nested calls of the matcher, as in Lua's */
	MATCH_UNFINISHED = -1,          /* instead of a capture's length */
	MATCH_POSITION = -2,
};

struct match {
	lua_State *L;
	const char *text, *end;
	const char *pattern_end;
	int depth;
	size_t looked;                  /* bytes since the clock was looked at */
	int n;                          /* captures, finished or not */
	struct { const char *at; ptrdiff_t len; } capture[MATCH_CAPTURES];
};

void match_begin(struct match *, lua_State *, const char *text, size_t n,
		 const char *pattern_end);
/* The pattern `p` at exactly `s` -> the end of what it matches, or NULL. Raises Lua's errors
 * for a malformed pattern, and the deadline's. */
const char *match_at(struct match *, const char *s, const char *p);

#endif

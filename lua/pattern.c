/*
 * string.find, match, gmatch, gsub and rep as in Lua's manual, over a matcher that looks at
 * the clock (match.h). A plain find is linear, however alike the two texts are.
 */
#include <ctype.h>
#include <limits.h>
#include <string.h>

#include "lua/match.h"

/* ---- captures ------------------------------------------------------------------------------ */

/* The i-th capture, pushed; the whole match from s to e counts as one when there is none. */
static void
push_capture(struct match *m, int i, const char *s, const char *e)
{
	if (i >= m->n) {
		if (i > 0)
			luaL_error(m->L, "invalid capture index %%%d", i + 1);
		lua_pushlstring(m->L, s, (size_t)(e - s));
	} else if (m->capture[i].len == MATCH_POSITION) {
		lua_pushinteger(m->L, m->capture[i].at - m->text + 1);
	} else if (m->capture[i].len == MATCH_UNFINISHED) {
		luaL_error(m->L, "unfinished capture");
	} else {
		lua_pushlstring(m->L, m->capture[i].at, (size_t)m->capture[i].len);
	}
}

/* All of them; `whole`: else the whole match. */
static int
push_captures(struct match *m, const char *s, const char *e, bool whole)
{
	int n = m->n == 0 && whole ? 1 : m->n;

	luaL_checkstack(m->L, n, "too many captures");
	for (int i = 0; i < n; i++)
		push_capture(m, i, s, e);
	return n;
}

/* The first match from s on: its begin and its end, or NULL. */
static const char *
search(struct match *m, const char *s, const char *p, bool anchored, const char **end)
{
	for (;; s++) {
		m->n = m->depth = 0;
		*end = match_at(m, s, p);
		if (*end)
			return s;
		if (s == m->end || anchored)
			return NULL;
	}
}

/* ---- find, match ----------------------------------------------------------------------------- */

/* An init argument -> an offset, which can be behind the end. */
static size_t
offset_arg(lua_State *L, int index, size_t len)
{
	lua_Integer i = luaL_optinteger(L, index, 1);

	if (i > 0)
		return (size_t)i - 1;
	if (i == 0 || i < -(lua_Integer)len)
		return 0;
	return len - (size_t)-i;
}

static bool
is_plain(const char *p, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (p[i] && strchr("^$*+?.([%-", p[i]))
			return false;
	return true;
}

static int
search_once(lua_State *L, bool find)
{
	size_t n, len, at;
	const char *text = luaL_checklstring(L, 1, &n), *p = luaL_checklstring(L, 2, &len);
	const char *s, *e;
	struct match m;
	bool anchored;

	at = offset_arg(L, 3, n);
	slice_check(L);
	if (at > n) {
		lua_pushnil(L);
		return 1;
	}
	if (find && (lua_toboolean(L, 4) || is_plain(p, len))) {
		s = len ? memmem(text + at, n - at, p, len) : text + at;
		if (s) {
			lua_pushinteger(L, s - text + 1);
			lua_pushinteger(L, s - text + (lua_Integer)len);
			return 2;
		}
		lua_pushnil(L);
		return 1;
	}
	match_begin(&m, L, text, n, p + len);
	anchored = *p == '^' && len > 0;
	s = search(&m, text + at, p + anchored, anchored, &e);
	if (!s) {
		lua_pushnil(L);
		return 1;
	}
	if (!find)
		return push_captures(&m, s, e, true);
	lua_pushinteger(L, s - text + 1);
	lua_pushinteger(L, e - text);
	return 2 + push_captures(&m, s, e, false);
}

static int
string_find(lua_State *L)
{
	return search_once(L, true);
}

static int
string_match(lua_State *L)
{
	return search_once(L, false);
}

/* ---- gmatch ---------------------------------------------------------------------------------- */

enum { UP_TEXT = 1, UP_PATTERN, UP_NEXT, UP_LAST };     /* upvalues of the iterator */

static int
gmatch_step(lua_State *L)
{
	size_t n, len;
	const char *text = lua_tolstring(L, lua_upvalueindex(UP_TEXT), &n);
	const char *p = lua_tolstring(L, lua_upvalueindex(UP_PATTERN), &len);
	size_t at = (size_t)lua_tointeger(L, lua_upvalueindex(UP_NEXT));
	lua_Integer last = lua_tointeger(L, lua_upvalueindex(UP_LAST));
	struct match m;
	const char *s, *e;

	slice_check(L);
	match_begin(&m, L, text, n, p + len);
	for (; at <= n; at = (size_t)(s - text) + 1) {
		s = search(&m, text + at, p, false, &e);
		if (!s)
			break;
		if (e - text == last)
			continue;       /* empty, where the last one ended */
		lua_pushinteger(L, e - text);
		lua_copy(L, -1, lua_upvalueindex(UP_NEXT));
		lua_replace(L, lua_upvalueindex(UP_LAST));
		return push_captures(&m, s, e, true);
	}
	lua_pushinteger(L, (lua_Integer)n + 1);
	lua_replace(L, lua_upvalueindex(UP_NEXT));
	return 0;
}

static int
string_gmatch(lua_State *L)
{
	size_t n, at;

	luaL_checklstring(L, 1, &n);
	luaL_checkstring(L, 2);
	at = offset_arg(L, 3, n);
	lua_settop(L, 2);                                       // text pattern
	lua_pushinteger(L, at > n ? (lua_Integer)n + 1 : (lua_Integer)at);
	lua_pushinteger(L, -1);                                 // text pattern next last
	lua_pushcclosure(L, gmatch_step, 4);                    // step
	return 1;
}

/* ---- gsub ------------------------------------------------------------------------------------ */

/* The replacement text at 3 with its %0 to %9 filled in. */
static void
add_text(struct match *m, luaL_Buffer *to, const char *s, const char *e)
{
	size_t len;
	const char *with = lua_tolstring(m->L, 3, &len), *end = with + len, *mark;

	for (; (mark = memchr(with, '%', (size_t)(end - with))); with = mark + 2) {
		luaL_addlstring(to, with, (size_t)(mark - with));
		if (mark[1] == '%') {
			luaL_addchar(to, '%');
		} else if (mark[1] == '0') {
			luaL_addlstring(to, s, (size_t)(e - s));
		} else if (isdigit((unsigned char)mark[1])) {
			push_capture(m, mark[1] - '1', s, e);
			luaL_addvalue(to);
		} else {
			luaL_error(m->L, "invalid use of '%%' in replacement string");
		}
	}
	luaL_addlstring(to, with, (size_t)(end - with));
}

/* What stands for the match from s to e; false: it stays. */
static bool
add_replacement(struct match *m, luaL_Buffer *to, const char *s, const char *e)
{
	lua_State *L = m->L;

	switch (lua_type(L, 3)) {
	case LUA_TFUNCTION:
		lua_pushvalue(L, 3);
		lua_call(L, push_captures(m, s, e, true), 1);
		break;
	case LUA_TTABLE:
		push_capture(m, 0, s, e);
		lua_gettable(L, 3);
		break;
	default:
		add_text(m, to, s, e);
		return true;
	}                                                       // ... replacement
	if (!lua_toboolean(L, -1)) {
		lua_pop(L, 1);
		luaL_addlstring(to, s, (size_t)(e - s));
		return false;
	}
	if (!lua_isstring(L, -1))
		luaL_error(L, "invalid replacement value (a %s)", luaL_typename(L, -1));
	luaL_addvalue(to);
	return true;
}

static int
string_gsub(lua_State *L)
{
	size_t n, len;
	const char *text = luaL_checklstring(L, 1, &n), *p = luaL_checklstring(L, 2, &len);
	const char *s = text, *last = NULL, *e;
	int type = lua_type(L, 3);
	lua_Integer most, done = 0;
	bool anchored = len > 0 && *p == '^', changed = false;
	struct match m;
	luaL_Buffer to;

	luaL_argexpected(L, type == LUA_TNUMBER || type == LUA_TSTRING || type == LUA_TFUNCTION ||
			 type == LUA_TTABLE, 3, "string/function/table");
	most = luaL_optinteger(L, 4, (lua_Integer)n + 1);
	slice_check(L);
	match_begin(&m, L, text, n, p + len);
	luaL_buffinit(L, &to);
	while (done < most) {
		m.n = m.depth = 0;
		e = match_at(&m, s, p + anchored);
		if (e && e != last) {
			done++;
			changed |= add_replacement(&m, &to, s, e);
			s = last = e;
		} else if (s < m.end) {
			luaL_addchar(&to, *s++);
		} else {
			break;
		}
		if (anchored)
			break;
	}
	if (changed) {
		luaL_addlstring(&to, s, (size_t)(m.end - s));
		luaL_pushresult(&to);
	} else {
		lua_pushvalue(L, 1);
	}
	lua_pushinteger(L, done);
	return 2;
}

/* ---- rep ------------------------------------------------------------------------------------- */

/* Lua's own repeats nothing as often as it is told. */
static int
string_rep(lua_State *L)
{
	size_t len, between_len;
	const char *text = luaL_checklstring(L, 1, &len);
	lua_Integer n = luaL_checkinteger(L, 2);
	const char *between = luaL_optlstring(L, 3, "", &between_len);
	size_t unit = len + between_len, size, done;
	luaL_Buffer to;
	char *at;

	if (n <= 0 || unit == 0) {
		lua_pushliteral(L, "");
		return 1;
	}
	if (unit > (size_t)INT_MAX / (size_t)n)
		return luaL_error(L, "resulting string too large");
	size = unit * (size_t)n - between_len;
	at = luaL_buffinitsize(L, &to, unit * (size_t)n);
	memcpy(at, text, len);
	memcpy(at + len, between, between_len);
	for (done = unit; done < size; done *= 2)
		memcpy(at + done, at, done < size - done ? done : size - done);
	luaL_pushresultsize(&to, size);
	return 1;
}

void
pattern_open(lua_State *L)
{
	static const luaL_Reg functions[] = {
		{"find", string_find}, {"match", string_match}, {"gmatch", string_gmatch},
		{"gsub", string_gsub}, {"rep", string_rep}, {NULL, NULL},
	};

	luaL_setfuncs(L, functions, 0);
}

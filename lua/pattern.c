/*
 * find, match, gmatch and gsub with a budget. Lua's matcher backtracks, and while it does no
 * instruction is counted. How far it can go is worked out beforehand: items with a quantifier
 * that may match the same bytes multiply, those with something in between that they cannot
 * match do not, because where one ends is then settled.
 */
#include <ctype.h>
#include <string.h>

#include "lua/vm_private.h"

static const double BUDGET = 3e8;               /* bytes looked at: about a second */

/* Which bytes an item matches. */
struct bytes {
	bool in[256];
};

static bool
in_class(int class, int c)
{
	bool is;

	switch (tolower(class)) {
	case 'a': is = isalpha(c); break;
	case 'c': is = iscntrl(c); break;
	case 'd': is = isdigit(c); break;
	case 'g': is = isgraph(c); break;
	case 'l': is = islower(c); break;
	case 'p': is = ispunct(c); break;
	case 's': is = isspace(c); break;
	case 'u': is = isupper(c); break;
	case 'w': is = isalnum(c); break;
	case 'x': is = isxdigit(c); break;
	default: return class == c;
	}
	return isupper(class) ? !is : is;
}

static void
add_class(struct bytes *b, int class)
{
	for (int c = 0; c < 256; c++)
		b->in[c] |= in_class(class, c);
}

/* "[^a-z%d]" at p -> its bytes; the place behind it. A pattern that ends too early is left
 * to Lua to complain about. */
static const char *
read_set(const char *p, const char *end, struct bytes *b)
{
	bool negated = p < end && *p == '^';

	p += negated;
	for (bool first = true; p < end && (first || *p != ']'); first = false) {
		if (*p == '%' && p + 1 < end) {
			add_class(b, (unsigned char)p[1]);
			p += 2;
		} else if (p + 2 < end && p[1] == '-' && p[2] != ']') {
			for (int c = (unsigned char)p[0]; c <= (unsigned char)p[2]; c++)
				b->in[c] = true;
			p += 3;
		} else {
			b->in[(unsigned char)*p++] = true;
		}
	}
	for (int c = 0; negated && c < 256; c++)
		b->in[c] = !b->in[c];
	return p < end ? p + 1 : end;
}

/* One item without its quantifier. %b, %f and back references match nothing that would
 * settle anything, so they count as any byte. */
static const char *
read_item(const char *p, const char *end, struct bytes *b)
{
	memset(b, 0, sizeof *b);
	if (*p == '[')
		return read_set(p + 1, end, b);
	if (*p == '.') {
		memset(b->in, true, sizeof b->in);
		return p + 1;
	}
	if (*p != '%' || p + 1 == end) {
		b->in[(unsigned char)*p] = true;
		return p + 1;
	}
	if (p[1] == 'b' || p[1] == 'f' || isdigit((unsigned char)p[1])) {
		memset(b->in, true, sizeof b->in);
		return p + (p[1] == 'b' && end - p >= 4 ? 4 : 2);
	}
	add_class(b, (unsigned char)p[1]);
	return p + 2;
}

static bool
overlap(const struct bytes *x, const struct bytes *y)
{
	for (int c = 0; c < 256; c++)
		if (x->in[c] && y->in[c])
			return true;
	return false;
}

/* The power of the subject's length that the work can reach. */
static unsigned
power(const char *p, size_t len)
{
	const char *end = p + len;
	bool anchored = len && *p == '^', open = false;
	unsigned run = 0, most = 0;
	struct bytes last, item;        /* of the last quantifier, when it is open */

	p += anchored;
	while (p < end) {
		bool repeats;

		if (*p == '(' || *p == ')') {
			p++;
			continue;
		}
		p = read_item(p, end, &item);
		repeats = p < end && memchr("*+-", *p, 3);
		if (repeats || (p < end && *p == '?'))
			p++;
		else if (open && !overlap(&last, &item))
			open = false;
		if (!repeats)
			continue;
		run = open ? run + 1 : 1;
		if (run > most)
			most = run;
		last = item;
		open = true;
	}
	return most + !anchored;
}

static void
check(lua_State *L)
{
	size_t subject, len;
	const char *pattern;
	double work = 1;
	unsigned n;

	slice_check(L);
	luaL_checklstring(L, 1, &subject);
	pattern = luaL_checklstring(L, 2, &len);
	n = power(pattern, len);
	for (unsigned i = 0; i < n; i++)
		work *= (double)subject;
	if (n > 1 && work > BUDGET)
		luaL_error(L, "the pattern could take too long on a text of %I bytes; let it begin with "
			   "'^', or have repeated items that cannot match the same characters",
			   (LUAI_UACINT)subject);
}

static int
call_original(lua_State *L)
{
	lua_pushvalue(L, lua_upvalueindex(1));
	lua_insert(L, 1);                                       // f args...
	lua_call(L, lua_gettop(L) - 1, LUA_MULTRET);
	slice_check(L);
	return lua_gettop(L);
}

static int
checked(lua_State *L)
{
	check(L);
	return call_original(L);
}

static int
checked_find(lua_State *L)
{
	if (lua_toboolean(L, 4))                                /* plain text, no pattern */
		return call_original(L);
	return checked(L);
}

void
pattern_open(lua_State *L)
{
	static const luaL_Reg wrapped[] = {
		{"find", checked_find}, {"match", checked}, {"gmatch", checked}, {"gsub", checked},
		{NULL, NULL},
	};

	for (const luaL_Reg *f = wrapped; f->name; f++) {       // string
		lua_getfield(L, -1, f->name);                   // string original
		lua_pushcclosure(L, f->func, 1);                // string wrapped
		lua_setfield(L, -2, f->name);                   // string
	}
}

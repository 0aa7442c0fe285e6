/*
 * libFuzzer: our find, match, gmatch, gsub and rep beside Lua's own, in one plain state. The
 * first byte is where they begin; then, up to zero bytes, the pattern and the replacement (a
 * byte 1 in them is a zero byte); the rest is the text.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lua/vm_private.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

enum { SLICE_MS = 10, TEXT = 500, PATTERN = 200 };

static const char trial[] =
	"local s, p, r, i, lib = ...\n"
	"local out = {}\n"
	"local function say(...)\n"
	"\tfor k = 1, select('#', ...) do\n"
	"\t\tlocal x = select(k, ...)\n"
	"\t\tout[#out + 1] = type(x) == 'table' and 'table' or ('%q'):format(x)\n"
	"\tend\n"
	"\tout[#out + 1] = '\\n'\n"
	"end\n"
	"say(pcall(lib.find, s, p, i))\n"
	"say(pcall(lib.find, s, p, i, true))\n"
	"say(pcall(lib.match, s, p, i))\n"
	"say(pcall(lib.rep, s, i, r))\n"
	"say(pcall(function()\n"
	"\tfor a, b, c in lib.gmatch(s, p, i) do say(a, b, c) end\n"
	"end))\n"
	"say(pcall(lib.gsub, s, p, r))\n"
	"say(pcall(lib.gsub, s, p, r, i))\n"
	"say(pcall(lib.gsub, s, p, {a = 'b', [''] = 1, [r] = false, [1] = r}))\n"
	"say(pcall(lib.gsub, s, p, function(...) say(...) return #out % 2 == 0 and r or nil end))\n"
	"return table.concat(out, ' ')\n";

struct ask {
	const char *text, *pattern, *with;
	size_t ntext, npattern, nwith;
	int begin;
};

/* What the trial says of the library at the top, which goes; "" when it took too long. */
static char *
result(lua_State *L, struct vm *vm, const struct ask *q, bool ours)
{
	char *copy;

	lua_getfield(L, LUA_REGISTRYINDEX, "trial");            // lib f
	lua_insert(L, -2);
	lua_pushlstring(L, q->text, q->ntext);
	lua_pushlstring(L, q->pattern, q->npattern);
	lua_pushlstring(L, q->with, q->nwith);
	lua_pushinteger(L, q->begin);
	lua_rotate(L, -5, -1);                                  // f text pattern with begin lib
	if (ours)
		slice_begin(vm, L, SLICE_MS);
	if (lua_pcall(L, 5, 1, 0) != LUA_OK && !strstr(lua_tostring(L, -1), "took longer"))
		abort();
	slice_end(vm);
	lua_sethook(L, NULL, 0, 0);
	copy = strdup(vm->slice.expired ? "" : lua_tostring(L, -1));
	lua_pop(L, 1);
	return copy;
}

static void
compare(const struct ask *q)
{
	lua_State *L = luaL_newstate();
	struct vm vm = {.L = L};
	char *own, *theirs;

	*(struct vm **)lua_getextraspace(L) = &vm;
	luaL_openlibs(L);
	if (luaL_loadstring(L, trial) != LUA_OK)
		abort();
	lua_setfield(L, LUA_REGISTRYINDEX, "trial");
	lua_newtable(L);
	pattern_open(L);
	own = result(L, &vm, q, true);
	if (!vm.slice.expired) {
		lua_getglobal(L, "string");
		theirs = result(L, &vm, q, false);
		if (strcmp(own, theirs) != 0) {
			fprintf(stderr, "ours:\n%s\nLua's:\n%s\n", own, theirs);
			abort();
		}
		free(theirs);
	}
	free(own);
	lua_close(L);
}

/* The bytes up to the next zero byte, copied; 1 becomes 0. */
static char *
part(const uint8_t **at, const uint8_t *end, size_t most, size_t *n)
{
	const uint8_t *zero = memchr(*at, 0, (size_t)(end - *at));
	char *copy;

	*n = (size_t)((zero ? zero : end) - *at);
	*n = *n < most ? *n : most;
	copy = malloc(*n + 1);
	if (!copy)
		abort();
	for (size_t i = 0; i < *n; i++)
		copy[i] = (*at)[i] == 1 ? '\0' : (char)(*at)[i];
	*at = zero ? zero + 1 : end;
	return copy;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	const uint8_t *at = data + 1, *end = data + n;
	struct ask q = {0};
	char *pattern, *with;

	if (n == 0)
		return 0;
	q.begin = (signed char)data[0];
	q.pattern = pattern = part(&at, end, PATTERN, &q.npattern);
	q.with = with = part(&at, end, PATTERN, &q.nwith);
	q.text = (const char *)at;
	q.ntext = (size_t)(end - at) < TEXT ? (size_t)(end - at) : TEXT;
	compare(&q);
	free(pattern);
	free(with);
	return 0;
}

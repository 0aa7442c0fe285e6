/* Makes errors of scripts readable: splits Lua's "file:line: text", finds the source line, and
 * removes internal frames from the traceback. */
#include <string.h>

#include "lua/vm_private.h"
#include "planner/base/utf8.h"
#include "planner/base/vec.h"

enum {
	MIB = 1024 * 1024,
	TEXT_MAX = 4000,                /* bytes of the text of an error */
	LEVELS = 200,                   /* frames to search for the traceback */
};

const char *
safe_text(struct arena *a, const char *s, size_t n, size_t most)
{
	struct str out = {.max = most};
	uint32_t code;
	const char *copy;

	for (size_t i = 0, len; i < n && !out.cut; i += len) {
		len = utf8_next(s + i, n - i, &code);
		if (code == UTF8_BAD)
			str_printf(&out, "\\x%02x", (unsigned char)s[i]);
		else if (utf8_is_control(code) && code != '\n' && code != '\t')
			str_printf(&out, code < 0x100 ? "\\x%02x" : "\\u%04x", (unsigned)code);
		else if (out.len + len > most)
			out.cut = true;
		else
			str_add(&out, s + i, len);
	}
	copy = out.cut ? arena_printf(a, "%s...", str_text(&out))
		       : arena_strndup(a, str_text(&out), out.len);
	str_release(&out);
	return copy;
}

/* ---- while an error is raised -------------------------------------------------------- */

static void
error_name_frame(const lua_Debug *ar, const char *bottom, char name[TRACE_NAME])
{
	if (strcmp(ar->what, "main") == 0)
		snprintf(name, TRACE_NAME, "the file itself");
	else if (ar->name)
		snprintf(name, TRACE_NAME, "'%.40s'", ar->name);
	else if (bottom)
		snprintf(name, TRACE_NAME, "'%.40s'", bottom);
	else
		snprintf(name, TRACE_NAME, "the function at line %d", ar->linedefined);
}

/* `bottom` is the name of the function that was called from outside, which Lua does not know. */
void
trace_take(lua_State *L, int level, const char *bottom, struct vm_trace *t)
{
	lua_Debug ar;

	t->n = 0;
	t->cut = false;
	for (int end = level + LEVELS; level < end && lua_getstack(L, level, &ar); level++) {
		lua_Debug below;

		lua_getinfo(L, "Sln", &ar);
		if (ar.currentline <= 0)
			continue;               /* a C function */
		if (t->n == TRACE_FRAMES) {
			t->cut = true;
			return;
		}
		t->frame[t->n].line = ar.currentline;
		error_name_frame(&ar, lua_getstack(L, level + 2, &below) ? NULL : bottom,
				 t->frame[t->n].name);
		t->n++;
	}
}

/* A script can throw any value. If it has __tostring, that is used; an error in it comes back
 * to the handler as a string. */
void
error_to_text(lua_State *L)
{
	if (lua_type(L, 1) == LUA_TSTRING)
		lua_pushvalue(L, 1);
	else if (lua_type(L, 1) == LUA_TNUMBER ||
		 luaL_getmetafield(L, 1, "__tostring") != LUA_TNIL)
		luaL_tolstring(L, 1, NULL);
	else
		lua_pushfstring(L, "an error that is not a string but a %s", luaL_typename(L, 1));
}

/* ---- afterwards ---------------------------------------------------------------------- */

struct loc
source_line(const struct source *src, unsigned line)
{
	const char *s = src->text, *end = s + src->len, *stop;
	struct loc at = {src, line, 1, 0};
	uint32_t code;

	if (src->len >= 3 && memcmp(s, "\xef\xbb\xbf", 3) == 0)
		s += 3;
	for (unsigned i = 1; i < line && s; i++) {
		s = memchr(s, '\n', (size_t)(end - s));
		s = s ? s + 1 : NULL;
	}
	if (!s || line == 0)
		return (struct loc){src, line, line ? 1 : 0, 0};
	stop = memchr(s, '\n', (size_t)(end - s));
	stop = stop ? stop : end;
	while (stop > s && (stop[-1] == ' ' || stop[-1] == '\t' || stop[-1] == '\r'))
		stop--;
	for (; s < stop && (*s == ' ' || *s == '\t'); s++)
		at.col++;
	for (; s < stop; at.len++)
		s += utf8_next(s, (size_t)(stop - s), &code);
	return at;
}

/* Strip "name:12: " from the text and return 12; 0: it does not start like that. */
static unsigned
error_place_of(const struct vm *vm, const char **text, size_t *len)
{
	size_t n = strlen(vm->short_name), i = n + 1;
	unsigned line = 0;
	const char *s = *text;

	if (*len < n + 4 || memcmp(s, vm->short_name, n) != 0 || s[n] != ':')
		return 0;
	for (; i < *len && s[i] >= '0' && s[i] <= '9' && line < 100000000; i++)
		line = line * 10 + (unsigned)(s[i] - '0');
	if (i + 1 >= *len || s[i] != ':' || s[i + 1] != ' ')
		return 0;
	*text += i + 2;
	*len -= i + 2;
	return line;
}

static const char *
error_trace_text(const struct vm *vm, struct arena *a, const struct vm_trace *t)
{
	struct str out = {0};
	const char *text;

	for (size_t i = 0; i < t->n; i++)
		str_printf(&out, "%s:%d: in %s\n", vm->src->name, t->frame[i].line,
			   safe_text(a, t->frame[i].name, strlen(t->frame[i].name), 200));
	if (t->cut)
		str_puts(&out, "...\n");
	if (out.len)
		out.len--;              /* the last line break */
	text = arena_strndup(a, str_text(&out), out.len);
	str_release(&out);
	return text;
}

void
error_say(struct arena *a, struct vm_error *error, struct loc at, const char *text)
{
	*error = (struct vm_error){at, arena_strdup(a, text), ""};
}

/* Explain "attempt to index a nil value (global 'os')": plain Lua has it, dray does not. */
static const char *
error_with_hint(struct arena *a, const char *text)
{
	static const char *const missing[] = {"os", "io", "require", "package", "load", "loadstring",
		"loadfile", "dofile", "debug", "coroutine", "collectgarbage", "rawget", "rawset",
		"rawequal", "rawlen", "unpack"};
	const char *global = strstr(text, " a nil value (global '");

	for (size_t i = 0; global && i < countof(missing); i++)
		if (strstr(global, arena_printf(a, "'%s')", missing[i])))
			return arena_printf(a, "%s: '%s' is not available here, 'dray hooks api' "
					       "lists "
					    "what is", text, missing[i]);
	return text;
}

void
error_fill(const struct vm *vm, struct arena *a, struct vm_error *error, int status,
	   const char *text, size_t len, const struct vm_trace *t)
{
	static const char memory[] = "not enough memory";
	unsigned line = error_place_of(vm, &text, &len);

	if (!line && t && t->n)
		line = (unsigned)t->frame[0].line;
	if (status == LUA_ERRMEM || (len == strlen(memory) && memcmp(text, memory, len) == 0)) {
		error_say(a, error, source_line(vm->src, status == LUA_ERRMEM ? 0 : line),
			  vm->limits.memory % MIB
			  ? arena_printf(a, "out of memory (%zu KiB)", vm->limits.memory / 1024)
			  : arena_printf(a, "out of memory (%zu MiB)", vm->limits.memory / MIB));
		return;
	}
	error->at = source_line(vm->src, line);
	error->text = len ? error_with_hint(a, safe_text(a, text, len, TEXT_MAX))
			  : "an error with an empty message";
	error->trace = t ? error_trace_text(vm, a, t) : "";
}

static void
error_notes(struct diags *d, const char *line)
{
	for (size_t n; *line; line += n) {
		line += *line == '\n';
		n = strcspn(line, "\n");
		if (n)
			diag_note(d, (struct loc){0}, "%.*s", (int)n, line);
	}
}

void
vm_error_diag(const struct vm_error *e, struct diags *d)
{
	size_t first = strcspn(e->text, "\n");

	diag_error(d, e->at, "%.*s", (int)first, e->text);
	error_notes(d, e->text + first);
	if (strchr(e->trace, '\n'))    /* the line of a single frame is shown already */
		error_notes(d, e->trace);
}

const char *
vm_error_line(struct arena *a, const struct vm_error *e)
{
	char *line;

	if (e->at.src && e->at.line)
		line = arena_printf(a, "%s:%u: %s", e->at.src->name, e->at.line, e->text);
	else if (e->at.src)
		line = arena_printf(a, "%s: %s", e->at.src->name, e->text);
	else
		line = arena_strdup(a, e->text);
	for (char *c = line; *c; c++)
		if (*c == '\n' || *c == '\t')
			*c = ' ';
	return line;
}

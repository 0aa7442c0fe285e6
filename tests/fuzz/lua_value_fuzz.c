/*
 * libFuzzer: values into Lua and back. Up to the first zero byte the input is JSON: the
 * script gets it as a view, copies and reads it. After it comes a program from which
 * lua_value.lua builds its own value: cycles, metatables, functions, NaN. Both sides
 * describe the value as text, and the texts must be the same.
 */
#include "tests/fuzz/lua_host.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

enum { WAITS = 4, LARGEST = 2048 };

/* Empty lists come back as maps and nulls not at all, so those are made equal first. */
static struct value *
without_nil(struct arena *a, const struct value *v)
{
	struct value *copy = value_nil(a);

	if (v->type != VALUE_LIST && v->type != VALUE_MAP) {
		*copy = *v;
		return copy;
	}
	copy = v->type == VALUE_LIST && v->n ? value_list(a) : value_map(a);
	for (size_t i = 0; i < v->n; i++) {
		if (copy->type == VALUE_MAP)
			value_set(a, copy, v->key[i], without_nil(a, v->item[i]));
		else if (v->item[i]->type == VALUE_NIL)
			value_push(a, copy, value_bool(a, false));
		else
			value_push(a, copy, without_nil(a, v->item[i]));
	}
	return copy;
}

static size_t
place_of_next(const struct value *map, const char *after)
{
	size_t best = map->n;

	for (size_t i = 0; i < map->n; i++)
		if ((!after || strcmp(map->key[i], after) > 0) &&
		    (best == map->n || strcmp(map->key[i], map->key[best]) < 0))
			best = i;
	return best;
}

/* Like digest() of lua_value.lua. */
static void
digest(struct str *to, const struct value *v)
{
	const char *last = NULL;

	switch (v->type) {
	case VALUE_NIL: str_putc(to, 'n'); return;
	case VALUE_BOOL: str_putc(to, v->boolean ? 'T' : 'F'); return;
	case VALUE_INTEGER: str_printf(to, "i%lld", v->integer); return;
	case VALUE_NUMBER: str_printf(to, "d%a", v->number); return;
	case VALUE_TEXT:
		str_printf(to, "t%zu:", v->n);
		str_add(to, v->text, v->n);
		return;
	case VALUE_LIST:
	case VALUE_MAP:
		break;
	}
	str_printf(to, "%c%zu", v->type == VALUE_LIST && v->n ? 'l' : 'm', v->n);
	for (size_t i = 0; i < v->n; i++) {
		size_t at = v->type == VALUE_MAP ? place_of_next(v, last) : i;

		if (v->type == VALUE_MAP) {
			last = v->key[at];
			str_printf(to, "%s=", last);
		}
		digest(to, v->item[at]);
	}
}

/* `told` is the script's description of the value: nil if it is not plain data. */
static void
must_be_as_told(const struct value *v, const struct value *told)
{
	struct str d = {0};

	MUST(!v == (told->type == VALUE_NIL));
	if (v) {
		digest(&d, v);
		MUST(d.len == told->n && memcmp(d.buf, told->text, d.len) == 0);
	}
	str_release(&d);
}

/* Anything may run out of memory or time. */
static bool
is_limit(const struct vm_error *e)
{
	static const char *const limits[] = {"memory", "took longer than", "took too long",
		"stack overflow"};

	for (size_t i = 0; e->text && i < sizeof limits / sizeof *limits; i++)
		if (strstr(e->text, limits[i]))
			return true;
	return false;
}

struct trial {
	struct arena *arena;
	struct vm *vm;
	const struct value *v;          /* what the JSON says */
	const char *json;
};

/* Two results of a function; false: there is no first one. `told` is NULL if a limit was
 * reached. */
static bool
call(struct trial *t, const char *function, struct value **first, struct value **told)
{
	struct value *ctx = value_map(t->arena);
	struct vm_error e = {0};
	struct vm_call *call;
	bool done;

	value_set(t->arena, ctx, "config", without_nil(t->arena, t->v));
	value_set_text(t->arena, ctx, "run", "no method");
	call = vm_call(t->vm, function, ctx, &t->v, 1, &host);
	for (int i = 0; vm_step(call) == VM_WAITS; i++) {
		MUST(i < WAITS);
		answer(t->arena, call, t->json);
	}
	done = vm_step(call) == VM_DONE;
	*first = *told = NULL;
	if (!done) {
		vm_failure(call, t->arena, &e);
		must_be_data(t->arena, NULL, &e);
		if (strncmp(function, "must_", 5) == 0 && !is_limit(&e)) {
			fprintf(stderr, "%s: %s\n", function, vm_error_line(t->arena, &e));
			abort();
		}
	} else {
		*first = vm_result(call, t->arena, 0, &e);
		must_be_data(t->arena, *first, &e);
		*told = vm_result(call, t->arena, 1, &e);
		done = *first != NULL;
		if (is_limit(&e))
			*told = NULL;
	}
	vm_call_free(call);
	return done;
}

/* One of the others is called, too. */
static void
there_and_back(struct trial *t, size_t which)
{
	static const char *const others[] = {"must_read", "must_json", "must_say", "must_run",
		"must_http", "throw"};
	struct value *first, *told;
	struct str d = {0};

	if (call(t, "must_digest", &first, &told))
		must_be_as_told(t->v, first);
	digest(&d, t->v);
	if (call(t, "must_copy", &first, &told))
		must_be_as_told(first, value_bytes(t->arena, d.buf, d.len));
	str_release(&d);
	call(t, "must_build", &first, &told);
	if (told)
		must_be_as_told(first, told);
	call(t, others[which % (sizeof others / sizeof *others)], &first, &told);
}

/* The chunk's own data is copied in another way: functions in it are left out. */
static void
take_data(struct trial *t)
{
	struct vm_error e = {0};
	struct value *v = vm_data(t->vm, t->arena, "data", &e), *told;

	must_be_data(t->arena, v, &e);
	told = vm_data(t->vm, t->arena, "data_digest", &e);
	if (told && !is_limit(&e))
		must_be_as_told(v, told);
}

static const char *
library(void)
{
	static char text[64 * 1024];
	FILE *f = *text ? NULL : fopen("tests/fuzz/lua_value.lua", "r");

	if (f) {
		MUST(fread(text, 1, sizeof text - 1, f) > 0 && feof(f));
		fclose(f);
	}
	MUST(*text);
	return text;
}

/* local BYTES = "\0\1..." */
static struct source
script(struct arena *a, const uint8_t *bytes, size_t n)
{
	struct str text = {0};
	struct source src = {.name = "lua_value.lua"};

	str_puts(&text, "local BYTES = \"");
	for (size_t i = 0; i < n; i++)
		str_printf(&text, "\\x%02x", bytes[i]);
	str_printf(&text, "\" %s", library());
	src.text = arena_strndup(a, text.buf, text.len);
	src.len = text.len;
	str_release(&text);
	return src;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	size_t json = strnlen((const char *)data, n), behind = n - json;
	struct arena a = {0};
	struct vm_error error = {0};
	struct err e = {0};
	struct trial t = {.arena = &a};
	const struct value *v;
	struct source src;

	if (n > LARGEST)
		return 0;
	t.json = arena_strndup(&a, (const char *)data, json);
	v = value_read(&a, t.json, json, &e);
	t.v = without_nil(&a, v ? v : value_map(&a));
	src = script(&a, data + json + !!behind, behind - !!behind);
	t.vm = vm_new(&a, &src, NULL, &error);
	if (t.vm) {
		take_data(&t);
		there_and_back(&t, n ? data[n - 1] : 0);
	} else {
		MUST(is_limit(&error));
	}
	vm_free(t.vm);
	arena_release(&a);
	return 0;
}

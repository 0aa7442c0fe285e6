/* What the fuzz targets of the Lua machine share: a host, and what must hold for its scripts. */
#ifndef FUZZ_LUA_HOST_H
#define FUZZ_LUA_HOST_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lua/vm_private.h"
#include "planner/base/utf8.h"

#define MUST(x) ((x) ? (void)0 : must_fail(#x, __FILE__, __LINE__))

static inline _Noreturn void
must_fail(const char *what, const char *file, int line)
{
	fprintf(stderr, "%s:%d: it does not hold: %s\n", file, line, what);
	abort();
}

/* Text of a script that people see: fit to be printed, and not without end. */
static inline void
must_be_safe(const char *text)
{
	size_t n = strlen(text);
	uint32_t code;

	MUST(n < 100 * 1000);
	for (size_t i = 0; i < n; ) {
		i += utf8_next(text + i, n - i, &code);
		MUST(code != UTF8_BAD);
		MUST(code == '\n' || code == '\t' || !utf8_is_control(code));
	}
}

static void
hear(void *arg, enum vm_level level, const char *text)
{
	(void)arg, (void)level;
	must_be_safe(text);
}

static const char *
secret(void *arg, const char *reference, struct err *e)
{
	(void)arg;
	return *reference == 'e' ? "secret" : (err_set(e, "no '%.20s'", reference), NULL);
}

static bool
file(void *arg, const char *path, struct str *to, struct err *e)
{
	(void)arg;
	str_printf(to, "%s", path);
	return *path == 'e' || err_set(e, "no '%.20s'", path);
}

static const struct vm_host host = {.log = hear, .secret = secret, .file = file};

static inline void
must_be_text(const struct value *v)
{
	MUST(v->type == VALUE_TEXT && strlen(v->text) == v->n);
}

static inline void
must_be_seconds(const struct value *v)
{
	MUST(!v || (v->type == VALUE_INTEGER && v->integer > 0 && v->integer <= 7 * 24 * 3600));
}

static inline void
must_be_run(const struct value *v)
{
	const struct value *argv = value_get(v, "argv"), *node = value_get(v, "node");

	MUST(argv && argv->type == VALUE_LIST && argv->n);
	for (size_t i = 0; i < argv->n; i++)
		must_be_text(argv->item[i]);
	if (node)
		must_be_text(node);
}

static inline void
must_be_http(const struct value *v)
{
	const struct value *headers = value_get(v, "headers");
	const char *url = value_get_text(v, "url", "");

	MUST(strncmp(url, "http", 4) == 0 && !strpbrk(url, "\r\n"));
	must_be_text(value_get(v, "method"));
	MUST(headers->type == VALUE_MAP);
	for (size_t i = 0; i < headers->n; i++) {
		must_be_text(headers->item[i]);
		MUST(!strpbrk(headers->key[i], "\r\n: ") && !strpbrk(headers->item[i]->text, "\r\n"));
	}
}

/* Answers what a call waits for; `body` is the text of all that is read. */
static inline void
answer(struct arena *a, struct vm_call *call, const char *body)
{
	const struct value *wants, *seconds;
	struct value *v = value_map(a), *headers = value_map(a);
	enum vm_want want = vm_wants(call, &wants);

	must_be_seconds(value_get(wants, "timeout"));
	value_set_integer(a, v, "status", *body == '{');
	if (want == VM_RUN) {
		must_be_run(wants);
		value_set_text(a, v, "out", body);
		value_set_text(a, v, "err", body);
	} else if (want == VM_HTTP) {
		must_be_http(wants);
		value_set_text(a, headers, "Content-Type", "a/b");
		value_set_text(a, v, "body", body);
		value_set(a, v, "headers", headers);
	} else {
		seconds = value_get(wants, "seconds");
		MUST(seconds->number >= 0 && seconds->number <= 24 * 3600);
		v = value_nil(a);
	}
	vm_answer(call, v);
}

/* What comes out of a script: the limits of planner/base/value.h hold, and it is JSON as it is. */
static inline size_t
must_be_value(const struct value *v, unsigned depth)
{
	size_t n = 1;

	MUST(depth <= VALUE_MAX_DEPTH);
	MUST(v->type != VALUE_NUMBER || v->number - v->number == 0);
	MUST(v->type != VALUE_TEXT || v->text[v->n] == '\0');
	for (size_t i = 0; (v->type == VALUE_LIST || v->type == VALUE_MAP) && i < v->n; i++)
		n += must_be_value(v->item[i], depth + 1);
	MUST(n <= VALUE_MAX_NODES);
	return n;
}

static inline void
must_be_data(struct arena *a, const struct value *v, const struct vm_error *error)
{
	const char *json;
	struct err e = {0};

	if (!v) {
		MUST(error->text && *error->text);
		must_be_safe(error->text);
		must_be_safe(vm_error_line(a, error));
		return;
	}
	must_be_value(v, 0);
	json = value_write(a, v);
	if (strlen(json) > VALUE_MAX_BYTES)
		return;
	v = value_read(a, json, strlen(json), &e);
	MUST(v && strcmp(value_write(a, v), json) == 0);
}

#endif

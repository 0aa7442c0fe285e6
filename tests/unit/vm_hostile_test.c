/*
 * tests/lua/hostile/: scripts that loop, eat memory, tamper and return rubbish. All run in this
 * one process, with small limits. Each says in a line near its top what must happen:
 *	-- expect: error TEXT   it fails, with TEXT in its error
 *	-- expect: memory       it fails because its memory is used up
 *	-- expect: computing    it fails at the deadline
 *	-- expect: result TEXT  it ends, but what it returned is not plain data
 *	-- expect: ok [JSON]    it ends, and returned this
 *	-- expect: given up     it waits for ever, and its call is freed
 * Its functions f and g are called, g last; all of it twice in the same state ("-- once": not),
 * because a failed call must leave the state fit for the next ("-- short": with little time).
 * Afterwards another state works, and no memory is kept.
 * A millisecond of computing is a look at the clock here, of which there is one every thousand
 * instructions, so that the machine's speed does not matter. "-- cpu": time is the CPU's, for
 * functions of C that take long between two looks.
 */
#include <dirent.h>
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "lua/vm_private.h"
#include "planner/base/utf8.h"

#define FOLDER "tests/lua/hostile/"

enum {
	MEMORY = 8 * 1024 * 1024,
	MS = 40,                        /* of a slice, and of loading, to reach the deadline */
	MS_LONG = 15000,                /* to reach anything else */
	MS_OVER = 10,                   /* after its deadline a script has no more looks */
	LEAST = 36,                     /* scripts that the folder must have */
	WAITS = 5000,                   /* more are a loop */
	SECONDS = 4,                    /* of CPU, beyond a slice: guards against a hang */
};

static struct arena arena;
static int slow = 1;            /* so many times slower than usual: $SLOW */

/* ---- a host ---------------------------------------------------------------------------- */

/* Messages must be printable. */
static void
hear(void *arg, enum vm_level level, const char *text)
{
	size_t n = strlen(text);
	uint32_t code;

	(void)arg, (void)level;
	for (size_t i = 0; i < n; ) {
		i += utf8_next(text + i, n - i, &code);
		assert_true(code != UTF8_BAD);
		assert_true(code == '\n' || code == '\t' || !utf8_is_control(code));
	}
	assert_true(n < 10 * 1000);
}

static const struct vm_host host = {.log = hear};

static struct value *
read_json(const char *json)
{
	struct err e = {0};
	struct value *v = value_read(&arena, json, strlen(json), &e);

	if (!v)
		fail_msg("%s: %s", json, e.text);
	return v;
}

static const struct value *
ran(void)
{
	return read_json("{\"status\":0,\"out\":\"ran\",\"err\":\"\"}");
}

/* 10 MiB, of 8 in all. */
static const struct value *
large(void)
{
	struct value *v = value_map(&arena);
	char *text = arena_alloc(&arena, 10 << 20);

	memset(text, 'x', 10 << 20);
	value_set(&arena, v, "out", value_bytes(&arena, text, 10 << 20));
	return v;
}

/* Run a call to its end; false: it was given up. The first word says how it is answered. */
static bool
drive(struct vm_call *call)
{
	const struct value *details, *argv;
	const char *word;

	for (int i = 0; vm_step(call) == VM_WAITS; i++) {
		assert_true(i < WAITS);
		assert_int_equal(vm_step(call), VM_WAITS);      /* unanswered, it keeps waiting */
		vm_wants(call, &details);
		argv = value_get(details, "argv");
		word = argv ? argv->item[0]->text : "";
		if (strcmp(word, "forever") == 0)
			return false;
		if (strcmp(word, "refuse") == 0)
			vm_refuse(call, "no such node");
		else if (strcmp(word, "large") == 0)
			vm_answer(call, large());
		else if (strcmp(word, "false") == 0)
			vm_answer(call, read_json("{\"status\":1,\"out\":\"\",\"err\":\"a\\nit failed\\u0007\\n\"}"));
		else if (argv)
			vm_answer(call, ran());
		else
			vm_answer(call, read_json("{\"status\":200,\"headers\":{\"A\":\"b\"},\"body\":\"{}\"}"));
	}
	return true;
}

/* ---- what a script expects ----------------------------------------------------------------- */

struct script {
	struct source src;
	const char *expect;             /* "error", "ok", ... and what follows it */
	const char *detail;
	bool once, short_ms, cpu;
	int ms;                         /* of a slice */
};

/* The rest of the line after `mark`, or NULL. */
static const char *
line_behind(const struct source *src, const char *mark)
{
	const char *s = memmem(src->text, src->len, mark, strlen(mark)), *end;

	if (!s)
		return NULL;
	s += strlen(mark);
	end = memchr(s, '\n', (size_t)(src->text + src->len - s));
	end = end ? end : src->text + src->len;
	if (end > s && end[-1] == '\r')
		end--;
	return arena_strndup(&arena, s, (size_t)(end - s));
}

/* Cases that are too small for a file. */
static void
generate(struct script *s, const char *what)
{
	struct str text = {0};

	if (strcmp(what, "large") == 0)
		for (int i = 0; i < 40000; i++)
			str_puts(&text, "-- a line of fifty characters, more or less, no less\n");
	else if (strcmp(what, "comment") == 0)
		for (int i = 0; i < 15000; i++)
			str_puts(&text, "--[[a line of fifty characters, more or less]]");
	else
		for (int i = 0; i < 300; i++)
			str_printf(&text, "local v%d = %d\n", i, i);
	str_add(&text, s->src.text, s->src.len);
	s->src.text = arena_strndup(&arena, str_text(&text), text.len);
	s->src.len = text.len;
	str_release(&text);
}

static struct script
read_script(const char *name)
{
	struct script s = {.src.name = name};
	const char *path = arena_printf(&arena, FOLDER "%s", name), *line;
	FILE *f = fopen(path, "rb");
	char *text;
	long n = 0;

	if (!f || fseek(f, 0, SEEK_END) != 0 || (n = ftell(f)) < 0)
		fail_msg("%s cannot be read", path);
	text = arena_alloc(&arena, (size_t)n + 1);
	rewind(f);
	assert_int_equal(fread(text, 1, (size_t)n, f), (size_t)n);
	fclose(f);
	text[n] = '\0';
	s.src.text = text;
	s.src.len = (size_t)n;
	line = line_behind(&s.src, "-- expect: ");
	if (!line)
		fail_msg("%s does not say what it expects", path);
	s.detail = strchr(line, ' ') ? strchr(line, ' ') + 1 : "";
	s.expect = arena_strndup(&arena, line, strcspn(line, " "));
	s.short_ms = line_behind(&s.src, "-- short") != NULL;
	s.once = line_behind(&s.src, "-- once") != NULL;
	s.cpu = line_behind(&s.src, "-- cpu") != NULL;
	if ((line = line_behind(&s.src, "-- generate: ")))
		generate(&s, line);
	return s;
}

static void
check_error(const struct script *s, const struct vm_error *e)
{
	const char *line = vm_error_line(&arena, e);
	struct diags d = {.arena = &arena};
	uint32_t code;

	for (size_t i = 0, n = strlen(e->text); i < n; ) {
		i += utf8_next(e->text + i, n - i, &code);
		if (code == UTF8_BAD || (utf8_is_control(code) && code != '\n' && code != '\t'))
			fail_msg("%s: the error has unsafe bytes", s->src.name);
	}
	assert_true(strlen(e->text) < 4200);
	assert_null(strpbrk(line, "\n\t"));
	vm_error_diag(e, &d);
	if (strcmp(s->expect, "error") == 0 || strcmp(s->expect, "result") == 0) {
		if (!strstr(e->text, s->detail))
			fail_msg("%s: expected '%s', got '%s'", s->src.name, s->detail, line);
	} else if (strcmp(s->expect, "memory") == 0) {
		if (strncmp(e->text, "out of memory (8 MiB)", 21) != 0)
			fail_msg("%s: expected no memory, got '%s'", s->src.name, line);
	} else if (strcmp(s->expect, "computing") == 0) {
		if (strncmp(e->text, "computed for more than ", 23) != 0)
			fail_msg("%s: expected the deadline, got '%s'", s->src.name, line);
	} else {
		fail_msg("%s: expected %s, got '%s'", s->src.name, s->expect, line);
	}
}

static void
check_result(const struct script *s, struct vm_call *call)
{
	struct vm_error e = {0};
	struct value *v = vm_result(call, &arena, 0, &e);
	const char *json;

	if (!v) {
		if (strcmp(s->expect, "result") != 0)
			fail_msg("%s: expected %s, got no result: %s", s->src.name, s->expect, e.text);
		check_error(s, &e);
		return;
	}
	json = value_write(&arena, v);
	if (strcmp(s->expect, "ok") != 0)
		fail_msg("%s: expected %s, got the result %.200s", s->src.name, s->expect, json);
	if (*s->detail && strcmp(json, s->detail) != 0)
		fail_msg("%s: expected %s, got the result %s", s->src.name, s->detail, json);
}

/* ---- running it ------------------------------------------------------------------------------ */

static long long (*cpu_clock)(void);
static long long looks;

static long long by_looks(void) { return ++looks; }

/* Ended at its deadline, which is what the clock shows. */
static void
check_end(const struct script *s, const char *what, long long began)
{
	long long took = (s->cpu ? cpu_clock() : looks) - began;

	if (took > s->ms + (s->cpu ? SECONDS * 1000LL * slow : MS_OVER))
		fail_msg("%s: %s took %lld ms", s->src.name, what, took);
}

static void
call_once(const struct script *s, struct vm *vm, const char *function, bool checked)
{
	const struct value *ctx = read_json("{\"config\":{\"name\":\"x\"}}");
	const struct value *event = read_json("{\"list\":[3,2,1],\"plan\":{\"replace\":1}}");
	struct vm_call *call = vm_call(vm, function, ctx, &event, 1, &host);
	long long began = s->cpu ? cpu_clock() : looks;
	struct vm_error e = {0};

	if (!drive(call)) {
		if (strcmp(s->expect, "given") != 0)
			fail_msg("%s: it waits for ever", s->src.name);
	} else if (vm_step(call) == VM_FAILED) {
		vm_failure(call, &arena, &e);
		if (checked)
			check_error(s, &e);
	} else if (checked) {
		check_result(s, call);
	}
	vm_call_free(call);
	check_end(s, "it", began);
	assert_true(vm->memory.used <= VM_MEMORY);
}

/* A state that has nothing to do with the script. */
static void
healthy(void)
{
	static const char text[] = "return {f = function(a) return (a .. '42'):match('%d+') end}";
	const struct source src = {.name = "healthy.lua", .text = text, .len = sizeof text - 1};
	const struct value *x = value_text(&arena, "x");
	struct vm_error e = {0};
	struct vm *vm = vm_new(&arena, &src, NULL, &e);
	struct vm_call *call;

	assert_non_null(vm);
	call = vm_call(vm, "f", NULL, &x, 1, NULL);
	assert_int_equal(vm_step(call), VM_DONE);
	assert_string_equal(value_write(&arena, vm_result(call, &arena, 0, &e)), "\"42\"");
	vm_free(vm);
}

static void
run(const char *name)
{
	struct script s = read_script(name);
	size_t memory = strcmp(s.expect, "memory") == 0 ? MEMORY : 0;
	struct vm_limits limits = {.memory = memory};
	struct vm_error e = {0};
	long long began;
	struct vm *vm;

	cpu_clock = cpu_clock ? cpu_clock : slice_clock;
	slice_clock = s.cpu ? cpu_clock : by_looks;
	began = s.cpu ? cpu_clock() : looks;
	s.ms = slow * (s.short_ms || strcmp(s.expect, "computing") == 0 ? MS : MS_LONG);
	limits.load_ms = limits.slice_ms = s.ms;
	vm = vm_new(&arena, &s.src, &limits, &e);
	check_end(&s, "loading it", began);
	if (!vm) {
		check_error(&s, &e);
	} else {
		for (int i = 0; i < (s.once ? 1 : 2); i++) {
			bool g = vm_has(vm, "g");

			if (g)
				call_once(&s, vm, "f", false);
			call_once(&s, vm, g ? "g" : "f", true);
		}
		assert_non_null(vm_names(vm, &arena));
		vm_free(vm);
	}
	healthy();
	arena_release(&arena);
}

static void
one(void **state)
{
	size_t before;

	healthy();
	arena_release(&arena);
	before = mallinfo2().uordblks;
	run(*state);
	/* Nothing of the script stays in the process. */
	assert_true(mallinfo2().uordblks < before + 16 * 1024);
}

static int
is_script(const struct dirent *d)
{
	size_t n = strlen(d->d_name);

	return n > 4 && strcmp(d->d_name + n - 4, ".lua") == 0;
}

/* vm_hostile_test [NAME.lua...]: only those. $SLOW is for valgrind. */
int
main(int argc, char **argv)
{
	struct dirent **entry = NULL;
	int n = argc > 1 ? argc - 1 : scandir(FOLDER, &entry, is_script, alphasort), rc;
	struct CMUnitTest *tests;

	if (getenv("SLOW"))
		slow = atoi(getenv("SLOW"));
	if (n < 1 || (argc == 1 && n < LEAST)) {
		fprintf(stderr, "%s has %d scripts\n", FOLDER, n);
		return 1;
	}
	tests = calloc((size_t)n, sizeof *tests);
	for (int i = 0; i < n; i++) {
		char *name = argc > 1 ? argv[i + 1] : entry[i]->d_name;

		tests[i] = (struct CMUnitTest){name, one, NULL, NULL, name};
	}
	rc = _cmocka_run_group_tests("hostile", tests, (size_t)n, NULL, NULL);
	arena_release(&arena);
	for (int i = 0; argc == 1 && i < n; i++)
		free(entry[i]);
	free(entry);
	free(tests);
	return rc;
}

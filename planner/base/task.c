#include "planner/base/task.h"

#include <stdarg.h>
#include <string.h>

#include "planner/base/vec.h"

void
task_word_kept(struct arena *a, struct task *t, const char *arg)
{
	if (t->argc == t->cap) {
		t->cap = t->cap ? t->cap * 2 : 16;
		t->argv = arena_grow(a, t->argv, t->argc * sizeof *t->argv, t->cap * sizeof *t->argv);
	}
	t->argv[t->argc++] = arg;
}

void
task_word(struct arena *a, struct task *t, const char *arg)
{
	task_word_kept(a, t, arena_strdup(a, arg));
}

void
task_arg(struct arena *a, struct task *t, const char *name, const char *value)
{
	if (value)
		task_wordf(a, t, "%s=%s", name, value);
}

void
task_arg_int(struct arena *a, struct task *t, const char *name, long long value)
{
	task_wordf(a, t, "%s=%lld", name, value);
}

void
task_words(struct arena *a, struct task *t)
{
	task_word_kept(a, t, "--");
}

void
task_wordf(struct arena *a, struct task *t, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	task_word_kept(a, t, arena_vprintf(a, fmt, ap));
	va_end(ap);
}

void
result_release(struct result *r)
{
	str_release(&r->out);
	str_release(&r->err);
	str_release(&r->facts);
}

const char *
result_fact(struct arena *a, const struct result *r, const char *name)
{
	const char *line = str_text(&r->facts), *found = NULL;
	size_t n = strlen(name);

	for (; *line; line = strchrnul(line, '\n'), line += *line == '\n')
		if (strncmp(line, name, n) == 0 && line[n] == ' ')
			found = line + n + 1;
	return found ? arena_strndup(a, found, (size_t)(strchrnul(found, '\n') - found)) : NULL;
}

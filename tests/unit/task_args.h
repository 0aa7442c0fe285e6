#ifndef TASK_ARGS_H
#define TASK_ARGS_H

/* The arguments that a task gives to its script, for tests: by name, as words, and whether
 * the script takes them. Include it after cmocka.h. */
#include <string.h>

#include "planner/base/task.h"

/* Where the words begin: behind "--", or at the end. */
static inline size_t
first_word(const struct task *t)
{
	for (size_t i = 0; i < t->argc; i++)
		if (strcmp(t->argv[i], "--") == 0)
			return i + 1;
	return t->argc;
}

/* The value of that argument, or NULL. */
static inline const char *
argument(const struct task *t, const char *name)
{
	size_t n = strlen(name);

	for (size_t i = 0; i < t->argc && strcmp(t->argv[i], "--") != 0; i++)
		if (strncmp(t->argv[i], name, n) == 0 && t->argv[i][n] == '=')
			return t->argv[i] + n + 1;
	return NULL;
}

/* Is the name of this NAME=VALUE one of the blank-separated list, which ends at a quote? */
static inline bool
is_listed(const char *list, const char *arg)
{
	size_t n = strcspn(arg, "=");

	while (arg[n] == '=' && *list != '\'') {
		size_t len = strcspn(list, " '");

		if (len == n && strncmp(list, arg, n) == 0)
			return true;
		list += len + (list[len] == ' ');
	}
	return false;
}

/* The last line "args 'REQUIRED' 'OPTIONAL'" of the script takes what the task gives. */
static inline void
assert_args_fit(const struct task *t)
{
	const char *line = NULL, *optional;
	size_t i = 0;

	for (const char *s = t->script->text; (s = strstr(s, "\nargs '")); s++)
		line = s + strlen("\nargs '");
	assert_non_null(line);
	optional = strchr(strchr(line, '\'') + 1, '\'') + 1;
	for (; i < t->argc && strcmp(t->argv[i], "--") != 0; i++)
		if (!is_listed(line, t->argv[i]) && !is_listed(optional, t->argv[i]))
			fail_msg("%s takes no argument '%s'", t->script->name, t->argv[i]);
	while (*line != '\'') {
		char name[32];
		size_t n = strcspn(line, " '");

		assert_true(n < sizeof name);
		memcpy(name, line, n);
		name[n] = '\0';
		if (!argument(t, name) || !*argument(t, name))
			fail_msg("%s needs the argument '%s'", t->script->name, name);
		line += n + (line[n] == ' ');
	}
}

#endif

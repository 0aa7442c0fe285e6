/* The list of executors, from executors.def. */
#include "executors/executor.h"

#include <string.h>

#include "planner/base/path.h"

#define EXECUTOR(name) extern const struct executor executor_##name;
#include "executors/executors.def"
#undef EXECUTOR

#define EXECUTOR(name) &executor_##name,
const struct executor *const executors[] = {
#include "executors/executors.def"
	NULL,
};
#undef EXECUTOR

const struct executor *
executor_find(const char *name)
{
	if (path_is_lua(name))
		return &executor_lua;
	for (size_t i = 0; executors[i]; i++) {
		if (strcmp(executors[i]->name, name) == 0)
			return executors[i];
	}
	return NULL;
}

const struct executor *
executor_for(const struct node *node, struct err *why)
{
	const struct executor *ex = executor_find(node->executor);

	return ex && ex->choose ? ex->choose(node, NULL, why) : ex;
}

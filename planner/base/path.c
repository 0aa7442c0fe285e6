#include "planner/base/path.h"

#include <string.h>

const char *
path_folder(struct arena *a, const char *path)
{
	const char *slash = strrchr(path, '/');

	return !slash ? "." : slash == path ? "/" : arena_strndup(a, path, (size_t)(slash - path));
}

bool
path_is_lua(const char *path)
{
	size_t n = path ? strlen(path) : 0;

	return n > 4 && strcmp(path + n - 4, ".lua") == 0;
}

bool
path_is_ssh(const char *executor)
{
	return executor && (strcmp(executor, "ssh") == 0 || strcmp(executor, "openssh") == 0 ||
			    strcmp(executor, "auto") == 0);
}

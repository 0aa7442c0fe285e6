#include "planner/base/path.h"

#include <string.h>

const char *
path_folder(struct arena *a, const char *path)
{
	const char *slash = strrchr(path, '/');

	return !slash ? "." : slash == path ? "/" : arena_strndup(a, path, (size_t)(slash - path));
}

bool
path_ends(const char *path, const char *end)
{
	size_t n = strlen(path), m = strlen(end);

	return n > m && strcmp(path + n - m, end) == 0;
}

bool
path_is_lua(const char *path)
{
	return path && path_ends(path, ".lua");
}

bool
path_is_ssh(const char *executor)
{
	return executor && (strcmp(executor, "ssh") == 0 || strcmp(executor, "openssh") == 0 ||
			    strcmp(executor, "auto") == 0);
}

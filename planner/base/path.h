#ifndef PLANNER_PATH_H
#define PLANNER_PATH_H

#include <stdbool.h>

#include "planner/base/arena.h"

/* The folder of a file, without a slash at the end; "." if the path names none. */
const char *path_folder(struct arena *, const char *path);
/* Does the path end with that text, and is longer than it? */
bool path_ends(const char *path, const char *end);
/* Does the path end in ".lua"? NULL does not. */
bool path_is_lua(const char *);
/* Is it the name of an executor that logs in to an sshd: ssh, openssh or auto? NULL is not. */
bool path_is_ssh(const char *);

#endif

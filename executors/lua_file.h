#ifndef EXECUTORS_LUA_FILE_H
#define EXECUTORS_LUA_FILE_H

#include "lua/vm.h"
#include "planner/model.h"

/*
 * Lua files on this machine, and the one kind of them that can be asked without waiting:
 * executors, which say how to reach a node.
 */
enum { LUA_FILE_MAX = 1024 * 1024 };

/* The file, relative to a folder (NULL: the current one), as a source in the arena, named
 * as it can be opened from here; NULL with e set. */
const struct source *lua_file_read(struct arena *, const char *folder, const char *file,
				   struct err *e);

/* The argv of the program that is a shell on the node, by connect(node) of the file, ending
 * with NULL; NULL with e set, which has the place in the file. */
const char *const *lua_connect(struct arena *, const char *folder, const char *file,
			       const struct node *, struct err *e);
/* The same by tunnel(node, host, port): a program whose stdio is a connection to there.
 * *none: the file does not say how; NULL is no error then. */
const char *const *lua_tunnel(struct arena *, const char *folder, const char *file,
			      const struct node *, const char *host, int port, bool *none,
			      struct err *e);

#endif

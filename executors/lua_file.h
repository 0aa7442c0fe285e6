#ifndef EXECUTORS_LUA_FILE_H
#define EXECUTORS_LUA_FILE_H

#include "lua/vm.h"
#include "planner/model.h"

/*
 * The one kind of Lua files that can be asked without waiting: executors, which say how to
 * reach a node. The file is relative to a folder (NULL: the current one).
 */

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

#ifndef EXECUTORS_LUA_FILE_H
#define EXECUTORS_LUA_FILE_H

#include "lua/vm.h"
#include "planner/cluster/cluster.h"

/*
 * Lua files that describe an executor: how to reach a node. Their functions cannot wait for
 * anything. The file is relative to the folder (NULL: the current one).
 */

/* Calls connect(node) of the file. Returns the argv, ending with NULL, of a program that is a
 * shell on the node; or NULL with e set, which names the place in the file. */
const char *const *lua_connect(struct arena *, const char *folder, const char *file,
			       const struct node *, struct err *e);
/* Calls tunnel(node, host, port): a program whose stdio is a connection to host:port.
 * *none: the file has no answer, and NULL is not an error. */
const char *const *lua_tunnel(struct arena *, const char *folder, const char *file,
			      const struct node *, const char *host, int port, bool *none,
			      struct err *e);

#endif

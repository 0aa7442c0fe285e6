#ifndef LUA_API_H
#define LUA_API_H

#include "planner/base/value.h"

/* Define API or OPTION before including api.def; the other one expands to nothing, and both
 * are undefined afterwards. */
enum api_function {
#define API(name) API_##name,
#include "lua/api.def"
	API_COUNT
};
extern const char *const api_names[API_COUNT];

/* The type of an item of an options table. */
enum api_type { API_TEXT, API_TEXTS, API_INTEGER, API_BOOL, API_HEADERS, API_ANY };

/* Check the options that a script gave and return the details for struct vm_call; NULL with
 * *why set. */
struct value *api_check(struct arena *, enum api_function, const struct value *given,
			const char **why);

#endif

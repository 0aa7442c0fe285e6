#ifndef LUA_API_H
#define LUA_API_H

#include "planner/value.h"

/* api.def is included with those of its entries defined that matter; the others are
 * nothing, and all are undefined again behind it. */
enum api_function {
#define API(name, waits, doc, example) API_##name,
#include "lua/api.def"
	API_COUNT
};
extern const char *const api_names[API_COUNT];

/* What an item of an options table must be. */
enum api_type { API_TEXT, API_TEXTS, API_INTEGER, API_BOOL, API_HEADERS, API_ANY };

/* Options as a script gave them -> as struct vm_call's details; NULL with *why. */
struct value *api_check(struct arena *, enum api_function, const struct value *given,
			const char **why);

#endif

#ifndef EXECUTORS_MODULES_H
#define EXECUTORS_MODULES_H

#include "executors/module.h"
#include "planner/event.h"
#include "planner/user.h"

/*
 * All Lua files that a spec names under hooks: and kinds:, loaded once for a command. A
 * file that stands under both, or twice, is still one state for each place.
 */
struct hook {
	struct module *module;
	const struct spec_hook *spec;
	struct value *ctx;              /* {config} */
	unsigned listens;               /* a bit for each event */
	bool warn;                      /* on_error: warn */
	int timeout_s;
};

struct modules {
	struct arena *arena;
	const char *folder;             /* of the spec file; "" is the working directory */
	struct { struct hook *v; size_t n, cap; } hook;
	struct { struct kind_module { struct module *module; struct user_kind *kind; } *v;
		 size_t n, cap; } kind;
};

/* Loads them, and puts the kinds into spec->user_kinds, also of a spec with errors. What is
 * wrong is in d; what is right is kept, so that all of it shows at once. Also loads, and forgets, the files of
 * executors, for what is wrong with them. */
struct modules *modules_load(struct arena *, struct spec *, struct diags *d);
/* The file of a kind; NULL: it is not of a Lua file. */
const struct module *modules_kind(const struct modules *, const struct user_kind *);
void modules_free(struct modules *);

#endif

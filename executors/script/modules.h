#ifndef EXECUTORS_MODULES_H
#define EXECUTORS_MODULES_H

#include "executors/script/module.h"
#include "planner/custom/event.h"
#include "planner/custom/custom.h"

/*
 * All Lua files that a spec names under hooks: and kinds:, loaded once for each command. A
 * file that is named several times has a separate Lua state for each place.
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
	struct { struct kind_module { struct module *module; struct custom_kind *kind; } *v;
		 size_t n, cap; } kind;
};

/* Load them and put the kinds into spec->custom_kinds, even if the spec has errors. Errors go
 * to d; the rest is kept, so that all errors show at once. The files of executors are loaded
 * only to check them. */
struct modules *modules_load(struct arena *, struct spec *, struct diags *d);
/* The Lua file of a kind; NULL: the kind has none. */
const struct module *modules_kind(const struct modules *, const struct custom_kind *);
void modules_free(struct modules *);

#endif

#ifndef EXECUTORS_HOOKS_H
#define EXECUTORS_HOOKS_H

#include "executors/modules.h"

/*
 * One event on its way through the hooks of a spec, in their order: what a hook says
 * stops it there. A hook with on_error: warn only warns.
 */
struct verdict {
	enum { VERDICT_PASS, VERDICT_VETO, VERDICT_FAILED } type;
	const char *why;                /* VETO: "hooks/policy.lua: words"; FAILED: with the line */
	struct vm_error error;          /* FAILED: in full */
};

/* Does any hook listen to it? Where none does, no event need be made. */
bool hooks_listen(const struct modules *, enum event);

struct telling;
/* True: all hooks were asked already, *verdict says what they said, and then() does not
 * come. False: then() comes from the loop, and *now is what hooks_stop() takes. `node` is
 * where ctx:run runs by itself; `changes`: it may change the node. */
bool hooks_tell(const struct modules *, struct module_world *, struct arena *, enum event,
		const struct value *event, const char *node, bool changes,
		struct verdict *verdict, struct telling **now,
		void (*then)(void *owner, const struct verdict *), void *owner);
/* The hook that it is with is stopped; then() comes from the loop. */
void hooks_stop(struct telling *, const char *why);
/* The same, waited for; *now is what hooks_stop() takes meanwhile, else NULL. */
struct verdict hooks_ask(const struct modules *, struct module_world *, struct arena *,
			 enum event, const struct value *event, struct telling **now);

#endif

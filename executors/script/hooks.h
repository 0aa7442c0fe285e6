#ifndef EXECUTORS_HOOKS_H
#define EXECUTORS_HOOKS_H

#include "executors/script/modules.h"

/*
 * Sends one event through the hooks of a spec, in their order. A veto or an error of a hook
 * stops it there; a hook with on_error: warn only warns.
 */
struct verdict {
	enum { VERDICT_PASS, VERDICT_VETO, VERDICT_FAILED } type;
	const char *why;                /* VETO: "hooks/policy.lua: words"; FAILED: with the line */
	struct vm_error error;          /* FAILED: in full */
};

/* Does any hook listen to it? If not, the event need not be built. */
bool hooks_listen(const struct modules *, enum event);

struct hook_run;        /* the hooks of one event, while they are called */
/* True: all hooks have been called, the outcome is in *verdict, and then() is not called.
 * False: the loop calls then() later, and *now is for hooks_stop(). `node` is the default
 * node of ctx:run; `changes`: what it runs may change the node. */
bool hooks_tell(const struct modules *, struct module_world *, struct arena *, enum event,
		const struct value *event, const char *node, bool changes,
		struct verdict *verdict, struct hook_run **now,
		void (*then)(void *owner, const struct verdict *), void *owner);
/* Stop the hook that runs; then() comes from the loop. */
void hooks_stop(struct hook_run *, const char *why);
/* hooks_tell() that waits for the end. Meanwhile *now is for hooks_stop(), else NULL. */
struct verdict hooks_ask(const struct modules *, struct module_world *, struct arena *,
			 enum event, const struct value *event, struct hook_run **now);

#endif

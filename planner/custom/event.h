#ifndef PLANNER_EVENT_H
#define PLANNER_EVENT_H

#include "planner/plan/plan.h"
#include "planner/base/str.h"
#include "planner/base/value.h"

/*
 * Events for hooks as tables, made once and shared by all hooks. events.def lists them,
 * docs/lua-api.md describes their content. Pure.
 */
enum event {
#define EVENT(name) EVENT_##name,
#include "planner/spec/events.def"
#undef EVENT
	EVENT_COUNT
};
const char *event_name(enum event);
/* EVENT_COUNT: no such event. */
enum event event_find(const char *name);

/* What every event has: cluster, spec, command ("plan", "apply", "restart", "stop", "destroy",
 * "watch"), nodes, and "event" itself. */
struct value *event_base(struct arena *, enum event, const struct cluster *, const char *command);
/* The counts, and all operations that act or warn, with their changes. */
struct value *event_plan(struct arena *, const struct plan *);
/* One operation: step, kind, node, action, reason, cause, changes. */
struct value *event_op(struct arena *, const struct op *);
/* The operations that repair changes from outside; NULL: there is no drift. */
struct value *event_drift(struct arena *, const struct plan *);
/* What dray watch saw, for on_down and on_up. */
struct outage {
	const char *state;              /* "hangs", "serving" */
	const char *why;                /* or NULL */
	const char *cause;              /* as dray why finds it, in one line; or NULL */
	const char *since;              /* when the fault was seen first */
	double seconds;                 /* on_up: how long it was not served */
	bool repaired;                  /* on_up: by dray watch */
};
struct value *event_outage(struct arena *, enum event, const struct outage *, struct value *base);
/* An example of the event, which `dray hooks test` uses if none was recorded. */
struct value *event_sample(struct arena *, enum event);

#endif

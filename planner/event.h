#ifndef PLANNER_EVENT_H
#define PLANNER_EVENT_H

#include "planner/plan.h"
#include "planner/base/str.h"
#include "planner/value.h"

/*
 * What hooks are told: events as tables, made once and shared by all hooks. The list,
 * with documentation and a sample of each, is events.def. Pure.
 */
enum event {
#define EVENT(name, doc) EVENT_##name,
#include "planner/events.def"
#undef EVENT
	EVENT_COUNT
};
const char *event_name(enum event);
const char *event_doc(enum event);
/* EVENT_COUNT: no such event. */
enum event event_find(const char *name);

/* cluster, spec, command ("plan", "apply", "destroy"), nodes, and "event" itself: what is
 * in every event. */
struct value *event_base(struct arena *, enum event, const struct model *, const char *command);
/* The counts and all operations of a plan that act or warn, with their changes. */
struct value *event_plan(struct arena *, const struct plan *);
/* One operation: step, kind, node, action, reason, cause, changes. */
struct value *event_op(struct arena *, const struct op *);
/* The operations of a plan that repair what happened outside; NULL: there is no drift. */
struct value *event_drift(struct arena *, const struct plan *);
/* An example of the event, as `dray hooks test` gives it when none was recorded. */
struct value *event_sample(struct arena *, enum event);

/* The reference of all events as Markdown, or as LuaLS classes. */
void event_manual(struct str *to, bool luals);

#endif

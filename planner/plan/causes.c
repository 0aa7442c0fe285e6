/* Why an operation is planned: collects its reasons and puts them into words. */
#include "planner/plan/causes.h"

#include <string.h>

#include "planner/base/str.h"

void
causes_add(struct causes *c, enum reason reason, const char *text)
{
	if (!c->n)
		c->first = reason;
	if (c->n < MAX_CAUSES)
		c->v[c->n] = text;
	c->n++;
}

const char *
causes_join(struct arena *a, const struct causes *c)
{
	return str_names(a, c->v, c->n, MAX_CAUSES);
}

static bool
causes_has_prefix(const struct op *op, size_t n)
{
	const char *first = op->changes.v[0].name;

	for (size_t i = 1; i < op->changes.n; i++)
		if (strncmp(op->changes.v[i].name, first, n) != 0 ||
		    op->changes.v[i].name[n] != '.')
			return false;
	return first[n] == '.';
}

/* "args.a and args.b changed", "args changed (5 of them)", "image, port and 3 more". */
const char *
causes_changed(struct arena *a, const struct op *op)
{
	size_t n = op->changes.n, prefix = strcspn(op->changes.v[0].name, ".");
	const char *name[MAX_NAMES] = {0};
	bool unknown = true;

	for (size_t i = 0; i < n; i++) {
		unknown = unknown && op->changes.v[i].unknown;
		if (i < MAX_NAMES)
			name[i] = op->changes.v[i].name;
	}
	if (n > MAX_NAMES && causes_has_prefix(op, prefix))
		return arena_printf(a, "%.*s changed (%zu of them)", (int)prefix, name[0], n);
	return arena_printf(a, unknown ? "%s may change" : "%s changed",
			    str_names(a, name, n, MAX_NAMES));
}

void
causes_tell(struct cause_names *t, const char *name)
{
	if (t->n < MAX_NAMES)
		t->name[t->n] = name;
	t->n++;
}

int
causes_telling(const struct op *up)
{
	switch (up->action) {
	case ACT_CREATE:
	case ACT_RUN: return IS_CREATED;
	case ACT_RESTART: return IS_RESTARTED;
	case ACT_UPDATE: return IS_AGAIN;
	default: return IS_REPLACED;
	}
}

void
causes_told(struct arena *a, const struct cause_names *told, struct causes *causes)
{
	static const struct { const char *before, *one, *many; enum reason reason; } words[] = {
		[IS_CREATED] = {"", " is created", " are created", REASON_UPSTREAM},
		[IS_REPLACED] = {"", " is replaced", " are replaced", REASON_UPSTREAM},
		[IS_RESTARTED] = {"", " is restarted", " are restarted", REASON_UPSTREAM},
		[IS_AGAIN] = {"", " is done again", " are done again", REASON_UPSTREAM},
		[IS_OTHER] = {"", " was restarted outside dray", " were restarted outside dray",
			      REASON_STALE},
		[IS_NEWER] = {"", " was restarted by an apply that did not reach this step",
			      " were restarted by an apply that did not reach this step", REASON_STALE},
		[IS_UNSAID] = {"no record says that it belongs to the present ", "", "",
			       REASON_STALE},
	};

	for (size_t t = 0; t < TELLINGS; t++) {
		size_t n = told[t].n;

		if (n)
			causes_add(causes, words[t].reason,
				arena_printf(a, "%s%s%s", words[t].before,
					     str_names(a, told[t].name, n, MAX_NAMES),
					     n > 1 ? words[t].many : words[t].one));
	}
}

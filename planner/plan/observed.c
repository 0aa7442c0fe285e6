/* How a step is observed: by its record alone, and together with what runs. */
#include "planner/plan/observed.h"

#include <string.h>

/* Did the command fail in the apply that began it, although that apply did not learn of it? */
static bool
observed_failed_in(const struct record *r)
{
	return r->end.apply_id && r->apply_id && strcmp(r->end.apply_id, r->apply_id) == 0 &&
	       !r->end.down;
}

static const char *
observed_failed_words(struct arena *a, const struct record *r)
{
	const char *said = r->end.words, *last;
	size_t n = strlen(said);

	while (n && said[n - 1] == '\n')
		n--;
	last = n ? memrchr(said, '\n', n) : NULL;
	last = last ? last + 1 : said;
	n -= (size_t)(last - said);
	return arena_printf(a, "it failed in apply %s at %s with status %d%s%.*s", r->apply_id,
			    r->end.at, r->end.status, n ? ": " : "", (int)(n < 200 ? n : 200), last);
}

/* Why an apply could not bring it up, from its record. It comes from a node: cut and made safe. */
static const char *
observed_failure(struct arena *a, const struct record *r)
{
	size_t n = strcspn(r->failed, "\n");
	struct str safe = {0};
	const char *words;

	str_safe(&safe, r->failed, n < 300 ? n : 300);
	words = arena_printf(a, "it failed%s%.19s: %s", r->at ? " at " : "", r->at ? r->at : "", str_text(&safe));
	str_release(&safe);
	return words;
}

/* Who ended it with dray stop, and when. */
static const char *
observed_stop(struct arena *a, const struct record *r)
{
	struct str safe = {0};
	const char *words;

	if (r->by)
		str_safe(&safe, r->by, strnlen(r->by, 80));
	words = arena_printf(a, "it was stopped%s%s%s%.19s", safe.len ? " by " : "", str_text(&safe),
			     r->at ? " at " : "", r->at ? r->at : "");
	str_release(&safe);
	return words;
}

void
observe_record(struct arena *a, struct step *s)
{
	const struct record *r = step_record(s);

	s->observed = (struct observed){.state = STATE_ABSENT};
	if (!node_observed(s->node)) {
		s->observed.state = STATE_UNKNOWN;
		return;
	}
	if (!r)
		return;
	if (record_is_stopped(r)) {
		s->observed.stopped = true;
		s->observed.why = observed_stop(a, r);
		return;
	}
	s->observed.have = r->inputs;
	s->observed.bound = r->bound;
	s->observed.down = r->down;
	s->observed.output = r->output;
	if (r->phase && strcmp(r->phase, "done") == 0) {
		s->observed.state = STATE_PRESENT;
		s->observed.instance = r->instance;
	} else {
		s->observed.state = STATE_INTERRUPTED;
		s->observed.why =
			observed_failed_in(r) ? observed_failed_words(a, r)
			: r->failed ? observed_failure(a, r)
			: r->apply_id && *r->apply_id
				? arena_printf(a, "apply %s did not finish it", r->apply_id)
				: "its record on the node cannot be read";
	}
}

bool
observe_unstopped(struct step *s)
{
	if (!s->observed.stopped)
		return false;
	s->observed.stopped = false;
	s->observed.state = STATE_INTERRUPTED;
	s->observed.why = "it was stopped, and runs all the same";
	return true;
}

void
observe_coming(struct arena *a, struct step *s)
{
	const struct record *r = step_record(s);

	if (s->observed.state != STATE_INTERRUPTED || !r || r->failed || r->end.apply_id || !r->apply_id || !*r->apply_id)
		return;
	s->observed.coming = true;
	s->observed.why = arena_printf(a, "apply %.16s started it at %.19s, and it is coming up",
				       r->apply_id, r->at ? r->at : "?");
}

void
observe_conflict(struct step *s, struct diags *problems, const char *why,
	     const char *hint)
{
	s->observed.state = STATE_CONFLICT;
	s->observed.why = why;
	diag_node(problems, DIAG_ERROR, s->node, hint, "%s", why);
}

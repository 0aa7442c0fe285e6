#include <string.h>

#include "planner/kinds/common.h"

/*
 * How a step looks from its record and its container: the live object wins.
 */

const struct fact_container *
find_container(const struct node *n, const char *name)
{
	if (!node_seen(n))
		return NULL;
	for (size_t i = 0; i < n->facts->container.n; i++)
		if (strcmp(n->facts->container.v[i].name, name) == 0)
			return &n->facts->container.v[i];
	return NULL;
}

static bool
container_is_ours(const struct model *m, const struct fact_container *c)
{
	return c->cluster && strcmp(c->cluster, m->cluster) == 0;
}

bool
container_runs(const struct fact_container *c)
{
	return c && c->state && strcmp(c->state, "running") == 0;
}

void
see_record(struct arena *a, struct step *s)
{
	const struct record *r = step_record(s);

	s->seen = (struct seen){.state = SEEN_ABSENT};
	if (!node_seen(s->node)) {
		s->seen.state = SEEN_UNKNOWN;
		return;
	}
	if (!r)
		return;
	s->seen.have = r->inputs;
	s->seen.bound = r->bound;
	s->seen.down = r->down;
	s->seen.output = r->output;
	if (r->phase && strcmp(r->phase, "done") == 0) {
		s->seen.state = SEEN_PRESENT;
		s->seen.instance = r->instance;
	} else {
		s->seen.state = SEEN_INTERRUPTED;
		s->seen.why = r->apply_id && *r->apply_id
			? arena_printf(a, "apply %s did not finish it", r->apply_id)
			: "what its node has on record of it cannot be read";
	}
}

bool
see_silent(struct arena *a, struct step *s, enum runtime runtime)
{
	const struct facts *f = s->node->facts;
	const char *state = runtime == RUNTIME_DOCKER ? f->docker : runtime == RUNTIME_PODMAN
			    ? f->podman : "ok";
	bool silent = step_record(s) && (strcmp(state, "down") == 0 || strcmp(state, "denied") == 0);

	if (!silent)
		return false;
	s->seen.state = SEEN_UNKNOWN;
	s->seen.why = arena_printf(a, "%s does not answer there", runtime == RUNTIME_DOCKER
				   ? "Docker" : "podman");
	return true;
}

static const char *
exit_words(struct arena *a, const struct fact_container *c)
{
	const char *since = c->started && *c->started && strcmp(c->started, "-") != 0
		? arena_printf(a, "; started %.19s", c->started) : "";

	if (!c->state || strcmp(c->state, "exited") != 0)
		return arena_printf(a, "its container is %s", c->state ? c->state : "not running");
	if (c->exit_code == 137)
		return arena_printf(a, "its container was killed, exit 137%s", since);
	return arena_printf(a, "its container exited with %d%s", c->exit_code, since);
}

void
see_conflict(struct arena *a, struct step *s, struct problems *problems, const char *why,
	     const char *hint)
{
	s->seen.state = SEEN_CONFLICT;
	s->seen.why = why;
	problem_add(a, problems, DIAG_ERROR, s->node, hint, "%s", why);
}

static void
conflict(struct arena *a, struct step *s, const struct fact_container *c,
	 struct problems *problems)
{
	see_conflict(a, s, problems,
		     arena_printf(a, "a container '%s' that is not ours is in the way (id %.12s, %s)",
				  c->name, c->id, c->state ? c->state : "state unknown"),
		     arena_printf(a, "on %s: docker rename %.12s another-name, or choose another "
				  "cluster name", s->node->name, c->id));
}

void
see_container(struct arena *a, struct step *s, struct problems *problems)
{
	const char *name = container_name(a, s->model, s->kind->name);
	const struct fact_container *c = find_container(s->node, name);
	const struct record *r = step_record(s);
	bool done = r && r->phase && strcmp(r->phase, "done") == 0;

	see_record(a, s);
	if (s->seen.state == SEEN_UNKNOWN || see_silent(a, s, runtime_there(s)))
		return;
	if (c && !container_is_ours(s->model, c)) {
		if (!s->orphan)
			conflict(a, s, c, problems);
		return;
	}
	/* A container of ours by another address belongs to a node's old name; the step
	 * of that name takes it down. */
	if (c && c->step && strcmp(c->step, s->addr) != 0)
		c = NULL;
	if (!c) {
		if (done) {
			s->seen.state = SEEN_GONE;
			s->seen.instance = NULL;
			s->seen.why = "its container is gone";
		}
		return;
	}
	struct attrs inputs = {0};

	if (c->inputs && inputs_read(a, c->inputs, strlen(c->inputs), &inputs))
		s->seen.have = inputs;
	s->seen.instance = c->id;
	if (r && !done)
		return;
	if (!container_runs(c)) {
		s->seen.state = SEEN_GONE;
		s->seen.why = exit_words(a, c);
	} else if (!r) {
		s->seen.state = SEEN_PRESENT;
		s->seen.adopted = true;
	} else if (!r->instance || strcmp(r->instance, c->id) != 0) {
		s->seen.state = SEEN_INTERRUPTED;
		s->seen.why = "its container is not the one that was recorded";
	}
}

/* What one look of dray watch says about the cluster. */
#include <string.h>

#include "cmd/watch.h"
#include "planner/facts/record.h"
#include "planner/plan/health.h"

static const char *
judge_words(struct arena *a, const char *of, const char *why)
{
	struct str safe = {0};
	const char *words;

	if (!why)
		return of;
	str_safe(&safe, why, strnlen(why, 400));
	words = arena_printf(a, "%s: %s", of, str_text(&safe));
	str_release(&safe);
	return words;
}

/* Who holds the lock of a node, or NULL. */
static const char *
judge_holder(struct observation *l)
{
	const struct cluster *c = l->c.cluster;

	for (size_t i = 0; i < c->nnode; i++) {
		const struct facts *f = c->node[i].facts;

		if (f && f->lock_state && strcmp(f->lock_state, "held") == 0)
			return judge_words(&l->c.arena, "an apply is at work", lock_holder(&l->c.arena, f->lock_info));
	}
	return NULL;
}

/* The first node of the spec that does not answer, or NULL. */
static const char *
judge_lost(struct observation *l)
{
	const struct cluster *c = l->c.cluster;

	for (size_t i = 0; i < c->nspec; i++) {
		const struct facts *f = c->node[i].facts;

		if (!f || f->state != FACTS_OK)
			return judge_words(&l->c.arena, c->node[i].name, f && f->why ? f->why : "it does not answer");
	}
	return NULL;
}

/* What a part of the engine says about the whole; the worst of them counts. */
static enum sight
judge_part(enum health_state state)
{
	switch (state) {
	case HEALTH_SERVING: case HEALTH_UP: return SIGHT_UP;
	case HEALTH_SLOW: return SIGHT_SLOW;
	case HEALTH_STOPPED: return SIGHT_STOPPED;
	case HEALTH_STARTING: return SIGHT_STARTING;
	case HEALTH_UNKNOWN: return SIGHT_BLIND;
	default: return SIGHT_DOWN;
	}
}

struct watch_view
watch_judge(struct observation *l)
{
	struct arena *a = &l->c.arena;
	struct watch_view v = {.sight = SIGHT_NOTHING, .word = "up"};
	const char *holder = judge_holder(l), *lost = judge_lost(l);
	const struct step *server = health_of(l->graph).server;

	if (holder)
		return (struct watch_view){SIGHT_BUSY, "busy", holder};
	if (lost)
		return (struct watch_view){SIGHT_BLIND, "unreachable", lost};
	if (!server)
		return (struct watch_view){SIGHT_STOPPED, "stopped", "the spec serves nothing"};
	for (size_t i = 0; i < l->graph->n; i++) {
		const struct step *s = l->graph->v[i];
		enum health_state state = health_of_step(l->graph, s);
		enum sight sight = judge_part(state);

		if (s->orphan || (!s->kind->engine && !s->kind->server))
			continue;
		/* One that was stopped on purpose is the answer, whatever became of the others. */
		if (s->observed.stopped)
			return (struct watch_view){SIGHT_STOPPED, "stopped", s->observed.why};
		if (sight > v.sight || (s == server && sight == v.sight && sight <= SIGHT_SLOW))
			v = (struct watch_view){sight, health_word(state), sight <= SIGHT_SLOW ? l->graph->answer.why
				: judge_words(a, s->addr, s->observed.why ? s->observed.why : l->graph->answer.why)};
	}
	return v;
}

/* Is the model served? */
#include "planner/plan/health.h"

#include <string.h>

static const char *const health_words[] = {
	[HEALTH_SERVING] = "serving", [HEALTH_UP] = "up", [HEALTH_SLOW] = "slow", [HEALTH_HANGS] = "hangs",
	[HEALTH_STARTING] = "starting", [HEALTH_FAILED] = "failed", [HEALTH_DOWN] = "down",
	[HEALTH_STOPPED] = "stopped", [HEALTH_CONFLICT] = "conflict", [HEALTH_UNKNOWN] = "unknown",
};

const char *
health_word(enum health_state state)
{
	return health_words[state];
}

static bool
health_has_api(const struct graph *g, const struct step *s)
{
	return s->kind->server && s->node == &g->cluster->node[0] && !s->orphan;
}

static enum health_state
health_of_answer(const struct answer *answer)
{
	switch (answer->state) {
	case ANSWER_NOT_ASKED: return HEALTH_UP;
	case ANSWER_SERVING: return HEALTH_SERVING;
	case ANSWER_SLOW: return HEALTH_SLOW;
	case ANSWER_HANGS: return HEALTH_HANGS;
	case ANSWER_REFUSES: return HEALTH_FAILED;
	case ANSWER_SILENT: return HEALTH_DOWN;
	}
	return HEALTH_UNKNOWN;
}

enum health_state
health_of_step(const struct graph *g, const struct step *s)
{
	bool api = health_has_api(g, s) && g->answer.state != ANSWER_NOT_ASKED;

	switch (s->observed.state) {
	case STATE_UNKNOWN: return HEALTH_UNKNOWN;
	case STATE_ABSENT: return HEALTH_STOPPED;
	case STATE_GONE: return api ? health_of_answer(&g->answer) : HEALTH_DOWN;
	case STATE_PRESENT: return api ? health_of_answer(&g->answer) : HEALTH_UP;
	case STATE_INTERRUPTED: return s->observed.starting || s->observed.coming ? HEALTH_STARTING : HEALTH_FAILED;
	case STATE_CONFLICT: return HEALTH_CONFLICT;
	}
	return HEALTH_UNKNOWN;
}

static void
health_take(struct health *h, const struct graph *g, const struct step *s)
{
	enum health_state state = health_of_step(g, s);
	bool api = health_has_api(g, s);

	if (api)
		h->server = s;
	/* A worse state comes later in the enum. A part that runs does not outweigh the API's
	 * answer. */
	if (state <= h->state || (!api && state == HEALTH_UP))
		return;
	h->state = state;
	h->of = s;
	h->why = s->observed.why ? s->observed.why : api ? g->answer.why : NULL;
}

/* Does it take part in serving: a rank, the server, or what the server runs in? */
static bool
health_counts(const struct graph *g, const struct step *s)
{
	if (s->orphan)
		return false;
	if (s->kind->server)
		return true;
	for (size_t i = 0; i < g->n; i++)
		for (size_t k = 0; g->v[i]->kind->server && k < g->v[i]->deps.n; k++)
			if (g->v[i]->deps.v[k].on == s && g->v[i]->deps.v[k].edge == EDGE_INSTANCE)
				return true;
	return false;
}

static const struct record *
health_newest(const struct graph *g)
{
	const struct record *newest = NULL;

	for (size_t i = 0; i < g->cluster->nnode; i++) {
		const struct facts *f = g->cluster->node[i].facts;

		for (size_t k = 0; f && k < f->record.n; k++) {
			const struct record *r = &f->record.v[k];

			if (r->at && (!newest || strcmp(r->at, newest->at) > 0))
				newest = r;
		}
	}
	return newest;
}

struct health
health_of(const struct graph *g)
{
	const struct cluster *c = g->cluster;
	struct health h = {.state = HEALTH_SERVING, .nodes = c->nspec, .last = health_newest(g)};

	for (size_t i = 0; i < c->nspec; i++)
		h.nodes_ok += c->node[i].facts && c->node[i].facts->state == FACTS_OK;
	for (size_t i = 0; i < g->n; i++)
		if (health_counts(g, g->v[i]))
			health_take(&h, g, g->v[i]);
	if (!h.server)
		h.state = h.nodes_ok == h.nodes ? HEALTH_STOPPED : HEALTH_UNKNOWN;
	return h;
}

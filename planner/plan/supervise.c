/* The policy of dray watch. */
#include "planner/plan/supervise.h"

#include "planner/base/limits.h"

enum { SUPERVISE_DOUBLINGS = 16 };

void
supervise_begin(struct supervisor *s, long long every_s, unsigned budget, long long *ring)
{
	long long every = (every_s ? every_s : WATCH_EVERY) * 1000LL, again = WATCH_AGAIN_EVERY * 1000LL;

	*s = (struct supervisor){.every_ms = every, .again_ms = again < every ? again : every,
		.backoff_ms = WATCH_BACKOFF_EVERY * 1000LL, .hour_ms = WATCH_BUDGET_LIMIT * 1000LL,
		.budget = budget, .repair = ring};
}

unsigned
supervise_spent(const struct supervisor *s, long long now)
{
	unsigned n = 0;

	for (unsigned i = 0; i < s->budget && i < s->nrepair; i++)
		n += now - s->repair[i] < s->hour_ms;
	return n;
}

long long
supervise_pause(const struct supervisor *s, long long now)
{
	unsigned n = supervise_spent(s, now), doublings = n > SUPERVISE_DOUBLINGS ? SUPERVISE_DOUBLINGS : n;
	long long last, left;

	if (!n)
		return 0;
	last = s->repair[(s->nrepair - 1) % s->budget];
	left = last + (s->backoff_ms << (doublings - 1)) - now;
	return left > 0 ? left : 0;
}

void
supervise_tried(struct supervisor *s, bool good, long long now)
{
	s->repair[s->nrepair++ % s->budget] = now;
	s->repaired = good;
}

static void
supervise_fault(struct supervisor *s, struct supervise_move *m, long long now)
{
	long long pause = supervise_pause(s, now);

	if (!s->down) {
		m->on_down = s->down = true;
		s->repaired = false;
		s->down_at = s->since;
	}
	if (s->seen != SIGHT_DOWN || s->gave_up || !s->budget)
		return;
	if (supervise_spent(s, now) >= s->budget)
		m->give_up = s->gave_up = true;
	else if (pause == 0)
		m->repair = true;
	else if (pause < m->wait_ms)
		m->wait_ms = pause;
}

struct supervise_move
supervise_saw(struct supervisor *s, enum sight sight, long long now)
{
	struct supervise_move m = {.wait_ms = s->every_ms};
	bool fault = sight == SIGHT_BLIND || sight == SIGHT_DOWN, sure = sight == s->seen;

	if (!sure)
		s->since = now;
	s->seen = sight;
	if ((fault || sight == SIGHT_SLOW) && !sure) {
		m.wait_ms = s->again_ms;
		return m;
	}
	m.tell = sight != s->told;
	s->told = sight;
	if (fault) {
		supervise_fault(s, &m, now);
		return m;
	}
	m.on_up = s->down && (sight == SIGHT_UP || sight == SIGHT_SLOW);
	m.repaired = m.on_up && s->repaired;
	if (sight == SIGHT_STARTING)
		return m;
	if (m.on_up || sight == SIGHT_STOPPED)
		s->down = false;
	/* Somebody has taken over. */
	if (s->gave_up)
		s->nrepair = 0;
	s->gave_up = false;
	return m;
}

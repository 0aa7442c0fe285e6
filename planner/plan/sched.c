/*
 * The ready queue. Every step of the graph has two jobs, a down and an up. Jobs without work
 * are silent and only pass the order on, so that order reaches through steps that need
 * nothing. The rules, each an arrow "before" in sched_new():
 *	up(upstream)   -> up(step)
 *	down(step)     -> down(upstream)
 *	down(step)     -> up(step)
 * A step is idle if nothing above it and not the step itself goes down, and no instance
 * depends on it (image, download). Its up runs first, before anything that runs is touched,
 * because a pull takes long and may fail:
 *	up(idle)       -> down(dependent), and down of what depends on that: serve goes down
 *	once the new image is there, not when the head begins to wait for it
 * A group (kind.group) counts as one step:
 *	down(every member) -> up(any member), and what must be up before the down of one
 *	member is up before the down of any
 * What left the spec goes down after the downs of kinds that come later in kinds.def, before
 * those of earlier kinds, and before all ups. The user's kinds count as one kind here; their
 * order among themselves is in their records. A step that depends on a step of a later kind,
 * as a user's may, counts as of that kind.
 */
#include "planner/plan/sched.h"

#include <string.h>

#include "planner/base/vec.h"

enum { MAX_RANKS = 64 };        /* kinds in one plan */

struct builder {
	struct arena *arena;
	struct sched *s;
	struct plan *plan;
	struct job **up, **down;        /* per step */
	struct job **ready;             /* all idle steps above it are up; silent */
	bool *idle;
	const struct kind *kind[MAX_RANKS];
	size_t nkind;
	struct { struct job **v; size_t n, cap; } all;
};

static bool
sched_goes_up(const struct op *op)
{
	return op_acts(op) && op->action != ACT_DESTROY;
}

static bool
sched_goes_down(const struct op *op)
{
	if (!op_acts(op))
		return false;
	return op->action == ACT_DESTROY ||
	       ((op->action == ACT_REPLACE || op->action == ACT_RESTART) &&
		op->step->kind->down);
}

static void
sched_before(struct builder *b, struct job *first, struct job *then)
{
	*vec_push(b->arena, &first->next) = then;
	then->nblock++;
}

static struct job *
sched_silent_job(struct builder *b, struct op *op, bool down)
{
	struct job *job = ar_new(b->arena, struct job);

	*job = (struct job){.op = op, .down = down, .silent = true};
	*vec_push(b->arena, &b->all) = job;
	return job;
}

static struct job *
sched_real_job(struct builder *b, struct op *op, bool down)
{
	struct sched *s = b->s;

	s->v[s->n] = (struct job){.op = op, .down = down, .rank = s->n};
	*vec_push(b->arena, &b->all) = &s->v[s->n];
	return &s->v[s->n++];
}

/* Jobs with work are in s->v. Downs rank before ups, in reverse order. */
static void
sched_make_jobs(struct builder *b)
{
	struct plan *plan = b->plan;
	struct sched *s = b->s;
	size_t n = 0;

	for (size_t i = 0; i < plan->n; i++)
		n += (size_t)sched_goes_up(&plan->v[i]) + (size_t)sched_goes_down(&plan->v[i]);
	s->v = ar_array(b->arena, struct job, n + 1);
	for (size_t i = plan->n; i-- > 0;)
		b->down[i] = sched_goes_down(&plan->v[i]) ? sched_real_job(b, &plan->v[i], true)
						    : sched_silent_job(b, &plan->v[i], true);
	for (size_t i = 0; i < plan->n; i++) {
		b->up[i] = sched_goes_up(&plan->v[i]) ? sched_real_job(b, &plan->v[i], false)
						: sched_silent_job(b, &plan->v[i], false);
		b->ready[i] = sched_silent_job(b, &plan->v[i], true);
	}
}

static void
sched_find_idle(struct builder *b)
{
	const struct graph *g = b->plan->graph;
	bool *held = ar_array(b->arena, bool, g->n + 1);        /* an instance depends on it */
	bool left = false;

	/* The undo of a renamed user's step must not run after the new one was done. */
	for (size_t i = 0; i < g->n; i++)
		left = left || (g->v[i]->orphan && g->v[i]->kind->again && !b->down[i]->silent);
	for (size_t i = 0; i < g->n; i++) {
		held[i] = held[i] || g->v[i]->kind->group || (left && g->v[i]->kind->again);
		for (size_t k = 0; k < g->v[i]->deps.n; k++)
			if (g->v[i]->deps.v[k].edge == EDGE_INSTANCE)
				held[i] = held[g->v[i]->deps.v[k].on->index] = true;
	}
	for (size_t i = 0; i < g->n; i++) {
		b->idle[i] = b->down[i]->silent && !held[i] && !g->v[i]->orphan;
		for (size_t k = 0; k < g->v[i]->deps.n; k++)
			b->idle[i] = b->idle[i] && b->idle[g->v[i]->deps.v[k].on->index];
	}
}

static void
sched_link_steps(struct builder *b)
{
	const struct graph *g = b->plan->graph;

	for (size_t i = 0; i < g->n; i++) {
		if (!b->idle[i]) {
			sched_before(b, b->ready[i], b->down[i]);
			sched_before(b, b->down[i], b->up[i]);
		}
		for (size_t k = 0; k < g->v[i]->deps.n; k++) {
			size_t on = g->v[i]->deps.v[k].on->index;

			sched_before(b, b->up[on], b->up[i]);
			sched_before(b, b->down[i], b->down[on]);
			sched_before(b, b->idle[on] ? b->up[on] : b->ready[on], b->ready[i]);
		}
	}
}

/* Two silent jobs per group keep this linear: `ready` is done when everything is up that a
 * member waits for before it goes down, `clear` when all members are down. */
static void
sched_link_group(struct builder *b, size_t first)
{
	const struct graph *g = b->plan->graph;
	struct job *ready = sched_silent_job(b, NULL, true),
		   *clear = sched_silent_job(b, NULL, true);

	for (size_t i = first; i < g->n; i++) {
		if (!graph_same_group(g->v[first], g->v[i]))
			continue;
		sched_before(b, b->ready[i], ready);
		sched_before(b, ready, b->down[i]);
		sched_before(b, b->down[i], clear);
		sched_before(b, clear, b->up[i]);
	}
}

static void
sched_link_groups(struct builder *b)
{
	const struct graph *g = b->plan->graph;

	for (size_t i = 0; i < g->n; i++) {
		bool first = graph_same_group(g->v[i], g->v[i]);

		for (size_t k = i; first && k-- > 0;)
			first = !graph_same_group(g->v[i], g->v[k]);
		if (first)
			sched_link_group(b, i);
	}
}

/* Rank of the kind: its place in the order of kinds of the cluster's steps. */
static size_t
sched_kind_rank(struct builder *b, const struct kind *kind)
{
	const struct kind *const *list = b->plan->graph->kinds;

	for (size_t i = 0; list && list[i]; i++)
		if (list[i] == kind || (list[i]->users && kind->users))
			return i;
	/* A kind that is not in kinds.def, as in tests: in order of appearance. */
	for (size_t i = 0; i < b->nkind; i++)
		if (b->kind[i] == kind)
			return i;
	if (b->nkind < MAX_RANKS)
		b->kind[b->nkind++] = kind;
	return b->nkind - 1;
}

/* The rank of each step: that of its kind, or a higher one of what it depends on. Otherwise
 * steps and barriers would wait for each other. */
static size_t *
sched_ranks_of(struct builder *b)
{
	const struct graph *g = b->plan->graph;
	size_t *rank = ar_array(b->arena, size_t, g->n + 1);

	for (size_t i = 0; i < g->n; i++) {
		rank[i] = sched_kind_rank(b, g->v[i]->kind);
		for (size_t k = 0; k < g->v[i]->deps.n; k++)
			if (rank[g->v[i]->deps.v[k].on->index] > rank[i])
				rank[i] = rank[g->v[i]->deps.v[k].on->index];
	}
	return rank;
}

/* Barriers keep this linear: after[k] is done when all downs of kinds past k are, until[k]
 * when the orphans of kinds past k are down, barrier when all orphans are. */
static void
sched_link_orphans(struct builder *b)
{
	const struct graph *g = b->plan->graph;
	struct job *after[MAX_RANKS], *until[MAX_RANKS], *barrier = sched_silent_job(b, NULL, true);
	bool any = false;
	size_t *ranks;

	for (size_t i = 0; i < g->n; i++)
		any = any || (g->v[i]->orphan && !b->down[i]->silent);
	if (!any)
		return;
	ranks = sched_ranks_of(b);
	for (size_t k = 0; k < MAX_RANKS; k++) {
		after[k] = sched_silent_job(b, NULL, true);
		until[k] = sched_silent_job(b, NULL, true);
	}
	for (size_t i = 0; i < g->n; i++) {
		size_t rank = ranks[i];

		if (!b->down[i]->silent) {
			for (size_t k = 0; k < rank; k++) {
				sched_before(b, b->down[i], after[k]);
				if (g->v[i]->orphan)
					sched_before(b, b->down[i], until[k]);
			}
			sched_before(b, g->v[i]->orphan ? after[rank] : until[rank], b->down[i]);
			if (g->v[i]->orphan)
				sched_before(b, b->down[i], barrier);
		}
		if (!b->up[i]->silent && !b->idle[i])
			sched_before(b, barrier, b->up[i]);
	}
}

static size_t
sched_busy(const struct sched *s, const struct job *job)
{
	size_t n = 0;

	for (size_t i = 0; i < s->active.n; i++)
		n += job->op->step->node && s->active.v[i]->op->step->node == job->op->step->node;
	return n;
}

static bool
sched_downloads(const struct job *job)
{
	const struct step *s = job->op->step;

	return s->kind->pool && strcmp(s->kind->pool, "downloads") == 0 && !s->copies;
}

static size_t
sched_downloading(const struct sched *s)
{
	size_t n = 0;

	for (size_t i = 0; i < s->active.n; i++)
		n += sched_downloads(s->active.v[i]);
	return n;
}

static bool
sched_is_held_back(const struct sched *s, const struct job *job)
{
	if (sched_busy(s, job))
		return true;
	return !job->down && s->downloads && sched_downloads(job) &&
	       sched_downloading(s) >= s->downloads;
}

/* The ready list is sorted by the order of starts. */
static void
sched_make_ready(struct sched *s, struct job *job)
{
	size_t i;

	vec_push(s->arena, &s->ready);
	for (i = s->ready.n - 1; i && s->ready.v[i - 1]->rank > job->rank; i--)
		s->ready.v[i] = s->ready.v[i - 1];
	s->ready.v[i] = job;
}

/* Each job in the list has one predecessor less; silent jobs pass that on at once. The stack is
 * explicit because a chain of silent jobs can be as long as the graph. */
static void
sched_release(struct sched *s, struct job *job)
{
	struct { struct job **v; size_t n, cap; } pile = {0};

	*vec_push(s->arena, &pile) = job;
	while (pile.n) {
		job = pile.v[--pile.n];
		for (size_t i = 0; i < job->next.n; i++) {
			struct job *next = job->next.v[i];

			if (--next->nblock || next->outcome != OUT_PENDING)
				continue;
			if (!next->silent) {
				sched_make_ready(s, next);
				continue;
			}
			next->outcome = OUT_OK;
			*vec_push(s->arena, &pile) = next;
		}
	}
}

static void
sched_skip(struct sched *s, struct job *failed)
{
	struct { struct job **v; size_t n, cap; } pile = {0};
	struct job *job;

	*vec_push(s->arena, &pile) = failed;
	while (pile.n) {
		job = pile.v[--pile.n];
		for (size_t i = 0; i < job->next.n; i++) {
			struct job *next = job->next.v[i];

			if (next->outcome != OUT_PENDING)
				continue;
			next->outcome = OUT_SKIPPED;
			next->because = failed;
			*vec_push(s->arena, &pile) = next;
		}
	}
}

static void
sched_cancel(struct sched *s)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->v[i].outcome == OUT_PENDING)
			s->v[i].outcome = OUT_CANCELLED;
	s->ready.n = 0;
}

/* Collects the jobs without predecessors before any of them starts, because starting a silent
 * one frees others. */
static void
sched_start(struct builder *b)
{
	struct { struct job **v; size_t n, cap; } idle = {0};

	for (size_t i = 0; i < b->all.n; i++)
		if (!b->all.v[i]->nblock)
			*vec_push(b->arena, &idle) = b->all.v[i];
	for (size_t i = 0; i < idle.n; i++) {
		if (!idle.v[i]->silent) {
			sched_make_ready(b->s, idle.v[i]);
			continue;
		}
		idle.v[i]->outcome = OUT_OK;
		sched_release(b->s, idle.v[i]);
	}
}

struct sched *
sched_new(struct arena *a, struct plan *plan, size_t parallel, size_t downloads)
{
	struct sched *s = ar_new(a, struct sched);
	struct builder b = {.arena = a, .s = s, .plan = plan,
		.up = ar_array(a, struct job *, plan->n + 1),
		.down = ar_array(a, struct job *, plan->n + 1),
		.ready = ar_array(a, struct job *, plan->n + 1),
		.idle = ar_array(a, bool, plan->n + 1)};

	*s = (struct sched){.arena = a, .parallel = parallel, .downloads = downloads};
	sched_make_jobs(&b);
	sched_find_idle(&b);
	sched_link_steps(&b);
	sched_link_groups(&b);
	sched_link_orphans(&b);
	sched_start(&b);
	return s;
}

struct job *
sched_next(struct sched *s)
{
	if (s->stopping)
		sched_cancel(s);
	if (s->parallel && s->running >= s->parallel)
		return NULL;
	for (size_t i = 0; i < s->ready.n; i++) {
		struct job *job = s->ready.v[i];

		if (sched_is_held_back(s, job))
			continue;
		memmove(&s->ready.v[i], &s->ready.v[i + 1],
			(--s->ready.n - i) * sizeof *s->ready.v);
		*vec_push(s->arena, &s->active) = job;
		s->running++;
		job->outcome = OUT_RUNNING;
		if (!job->down)
			graph_resolve(s->arena, job->op->step);
		return job;
	}
	return NULL;
}

void
sched_done(struct sched *s, struct job *job, bool ok)
{
	for (size_t i = 0; i < s->active.n; i++)
		if (s->active.v[i] == job) {
			s->active.v[i] = s->active.v[--s->active.n];
			break;
		}
	s->running--;
	job->outcome = ok ? OUT_OK : OUT_FAILED;
	if (ok)
		sched_release(s, job);
	else
		sched_skip(s, job);
	if (s->stopping)
		sched_cancel(s);
}

bool
sched_finished(const struct sched *s)
{
	return !s->running && !s->ready.n;
}

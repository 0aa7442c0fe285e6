#ifndef SIM_WORLD_H
#define SIM_WORLD_H

/*
 * A world in memory for sim_test.c: machines with images, containers, processes and records.
 * It is observed through the text that observe.sh would print, and changed as the node
 * scripts of the real kinds would change it. So the planner and the plan() and observe() of
 * the kinds are tested together without a machine.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "planner/cluster/members.h"
#include "planner/runtimes/container.h"
#include "planner/steps/engine_inputs.h"
#include "planner/steps/inputs.h"
#include "planner/steps/observe.h"
#include "planner/plan/sched.h"

enum { MACHINES = 6, CONTAINERS = 4, RECORDS = 16, IMAGES = 8, COMMITS = 8 };

/* Everything that a world keeps is on the heap, because a cluster lives shorter than its
 * world. */
struct box {
	char *name, *step, *inputs, *image, *cluster;
	unsigned id, head;      /* head: the container that a worker has joined */
	unsigned round, met[MACHINES];  /* of ranks: the apply, and whom rank 0 has met */
	bool runs;
};
struct note {
	char *step, *json;
};
struct machine {
	struct box box[CONTAINERS];
	struct note note[RECORDS];
	char *image[IMAGES];
	struct {
		char *inputs;
		unsigned id, container, observed[MACHINES];
		bool runs, known;
	} serve;
	char *members;
	bool silent;
	unsigned boot;
};
struct world {
	struct machine m[MACHINES];
	char *commit[COMMITS];
	unsigned last_id, round;        /* round: the apply that runs */
	long acts, crash;       /* acts until the power goes off; -1: never */
	unsigned long seed;
};

static unsigned
dice(struct world *w, unsigned sides)
{
	w->seed = w->seed * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(w->seed >> 33) % sides;
}

static void
replace_text(char **to, const char *text)
{
	char *copy = text ? xstrdup(text) : NULL;

	free(*to);
	*to = copy;
}

static void
empty_box(struct box *b)
{
	free(b->name);
	free(b->step);
	free(b->inputs);
	free(b->image);
	free(b->cluster);
	*b = (struct box){0};
}

static void
world_release(struct world *w)
{
	for (size_t i = 0; i < MACHINES; i++) {
		struct machine *m = &w->m[i];

		for (size_t k = 0; k < CONTAINERS; k++)
			empty_box(&m->box[k]);
		for (size_t k = 0; k < RECORDS; k++) {
			free(m->note[k].step);
			free(m->note[k].json);
		}
		for (size_t k = 0; k < IMAGES; k++)
			free(m->image[k]);
		free(m->serve.inputs);
		free(m->members);
	}
	for (size_t k = 0; k < COMMITS; k++)
		free(w->commit[k]);
	*w = (struct world){0};
}

static struct machine *
machine_of(struct world *w, const struct node *node)
{
	return &w->m[(size_t)(strrchr(node->host, '.')[1] - '1')];
}

static struct box *
box_of(struct machine *m, const char *name)
{
	for (size_t i = 0; i < CONTAINERS; i++)
		if (m->box[i].name && strcmp(m->box[i].name, name) == 0)
			return &m->box[i];
	return NULL;
}

static struct box *
free_box(struct machine *m)
{
	for (size_t i = 0; i < CONTAINERS; i++)
		if (!m->box[i].name)
			return &m->box[i];
	abort();
}

static void
remove_box(struct machine *m, struct box *b)
{
	if (m->serve.known && m->serve.container == b->id) {
		free(m->serve.inputs);
		memset(&m->serve, 0, sizeof m->serve);
	}
	empty_box(b);
}

static void
stop_box(struct machine *m, struct box *b)
{
	b->runs = false;
	if (m->serve.known && m->serve.container == b->id)
		m->serve.runs = false;
}

/* As observe.sh escapes: JSON has quotes and backslashes. */
static void
field(struct str *s, const char *text)
{
	str_putc(s, '\t');
	for (; *text; text++) {
		if (*text == '\\')
			str_putc(s, '\\');
		str_putc(s, *text);
	}
}

static void
observe_boxes(struct str *s, const struct machine *m)
{
	for (size_t i = 0; i < CONTAINERS; i++) {
		const struct box *b = &m->box[i];

		if (!b->name)
			continue;
		str_printf(s, "container\t%s\tc%u\t%s\t%d\t2026-11-20T10:00:00Z\t%s\t%s\t%s\td",
			   b->name, b->id, b->runs ? "running" : "exited", b->runs ? 0 : 137,
			   b->image, b->cluster, b->step);
		field(s, b->inputs);
		str_printf(s, "\t%u\n", b->runs ? 100 + b->id : 0);
	}
}

static struct facts *
observe(struct arena *a, struct world *w, const struct node *node)
{
	struct machine *m = machine_of(w, node);
	size_t n = (size_t)(m - w->m);
	struct str s = {0};
	struct facts *f;

	if (m->silent) {
		f = ar_new(a, struct facts);
		f->state = FACTS_UNREACHABLE;
		f->why = "connect: timed out after 5 s";
		return f;
	}
	str_printf(&s, "id\tmachine%zu\tboot%u\thost%zu\tubuntu\t1000\t1000\t/home/ubuntu\t99\n",
		   n, m->boot, n);
	str_puts(&s, "os\t6.1\tx86_64\tDebian\ndocker\tok\t24\t\ntoolkit\tyes\n");
	str_printf(&s, "gpu\t0\tGPU-%zu\tNVIDIA H100\t81559\t0\t550.1\n", n + 1);
	str_printf(&s, "addr\teth0\t192.0.2.%zu\t24\n", n + 1);
	str_puts(&s, "shared\t/srv\tnfs4\t1:2\t999999999\tyes\nshm\t999999999\n");
	for (size_t i = 0; i < IMAGES; i++)
		if (m->image[i])
			str_printf(&s, "image\t%s\tsha256:of-%s\tx@sha256:1\n", m->image[i],
				   m->image[i]);
	observe_boxes(&s, m);
	for (size_t i = 0; i < RECORDS; i++)
		if (m->note[i].step) {
			str_printf(&s, "record\t%s", m->note[i].step);
			field(&s, m->note[i].json);
			str_putc(&s, '\n');
		}
	if (m->members) {
		str_puts(&s, "members");
		field(&s, m->members);
		str_putc(&s, '\n');
	}
	for (size_t i = 0; i < COMMITS; i++)
		if (w->commit[i])
			str_printf(&s, "model\t%s/config.json\t10\tb1\nmodel\t%s/w.safetensors\t20\tb2\n",
				   w->commit[i], w->commit[i]);
	if (m->serve.known) {
		str_printf(&s, "proc\tserve\tp%u\t77\t%s\t%s", m->serve.id,
			   m->serve.runs ? "alive" : "dead", m->serve.runs ? "-" : "1");
		field(&s, m->serve.inputs);
		str_putc(&s, '\n');
	}
	str_puts(&s, "end\n");
	f = facts_read(a, s.buf, s.len);
	str_release(&s);
	return f;
}

static void
observe_all(struct arena *a, struct world *w, struct cluster *c)
{
	size_t looked = 0;

	while (looked < c->nnode) {
		size_t all = c->nnode;

		for (; looked < all; looked++)
			c->node[looked].facts = observe(a, w, &c->node[looked]);
		for (size_t i = 0; i < all; i++)
			if (c->node[i].facts->members)
				members_merge(a, c, c->node[i].name, c->node[i].facts->members,
					      strlen(c->node[i].facts->members));
	}
}

static void
write_note(struct machine *m, const char *step, const char *json)
{
	struct note *to = NULL;

	for (size_t i = 0; i < RECORDS; i++)
		if (m->note[i].step && strcmp(m->note[i].step, step) == 0)
			to = &m->note[i];
	for (size_t i = 0; i < RECORDS && !to; i++)
		if (!m->note[i].step)
			to = &m->note[i];
	if (!to)
		abort();
	replace_text(&to->step, json ? step : NULL);
	replace_text(&to->json, json);
}

/* Is there power for one more act? */
static bool
act(struct world *w)
{
	if (w->crash >= 0 && w->acts >= w->crash)
		return false;
	w->acts++;
	return true;
}

static bool
keep_in(char **list, size_t n, const char *text)
{
	for (size_t i = 0; i < n; i++)
		if (!list[i] || strcmp(list[i], text) == 0) {
			replace_text(&list[i], text);
			return true;
		}
	return false;
}

/* If a container of that name exists, docker fails: "no second copy". */
static bool
up_box(struct arena *a, struct world *w, struct step *s, const char *name)
{
	struct machine *m = machine_of(w, s->node), *head = machine_of(w, &s->cluster->node[0]);
	struct attrs inputs = step_inputs(a, s);
	struct box *b, *joined = box_of(head, container_name(a, s->cluster, "head"));
	bool is_head = strcmp(s->kind->name, "head") == 0;

	if (box_of(m, name) || (!is_head && (!joined || !joined->runs)))
		return false;
	b = free_box(m);
	*b = (struct box){.name = xstrdup(name), .step = xstrdup(s->addr),
		.inputs = xstrdup(inputs_write(a, &inputs)), .id = ++w->last_id,
		.head = is_head ? 0 : joined->id, .runs = true,
		.image = xstrdup(attrs_value(&inputs, "image_id", "?")),
		.cluster = xstrdup(s->cluster->name)};
	s->observed.instance = arena_printf(a, "c%u", b->id);
	return true;
}

/* Ranks of two applies never meet: one comes up only when all older ones are gone. */
static bool
up_rank(struct arena *a, struct world *w, struct step *s)
{
	struct machine *m = machine_of(w, s->node);
	struct attrs inputs = step_inputs(a, s);
	const char *name = container_name(a, s->cluster, "rank");
	struct box *b;

	for (size_t i = 0; i < MACHINES; i++) {
		struct box *other = box_of(&w->m[i], name);

		if (other && (other->round != w->round || !other->runs))
			return false;
	}
	if (box_of(m, name))
		return false;
	b = free_box(m);
	*b = (struct box){.name = xstrdup(name), .step = xstrdup(s->addr),
		.inputs = xstrdup(inputs_write(a, &inputs)), .id = ++w->last_id,
		.round = w->round, .runs = true,
		.image = xstrdup(attrs_value(&inputs, "image_id", "?")),
		.cluster = xstrdup(s->cluster->name)};
	s->observed.instance = arena_printf(a, "c%u", b->id);
	if (s->node != &s->cluster->node[0])
		return true;
	for (size_t i = 1; i < s->cluster->nlayout; i++) {
		struct machine *peer = machine_of(w, &s->cluster->node[i]);
		struct box *other = box_of(peer, name);

		if (!other)
			return false;
		b->met[peer - w->m] = other->id;
	}
	return true;
}

static bool
up_serve(struct arena *a, struct world *w, struct step *s)
{
	struct machine *m = machine_of(w, s->node);
	struct box *head = box_of(m, container_name(a, s->cluster, "head"));
	struct attrs inputs = step_inputs(a, s);

	if (!head || !head->runs)
		return false;
	/* serve-up ends a former server itself: it is ours because of where it runs. */
	free(m->serve.inputs);
	memset(&m->serve, 0, sizeof m->serve);
	m->serve.inputs = xstrdup(inputs_write(a, &inputs));
	m->serve.id = ++w->last_id;
	m->serve.container = head->id;
	m->serve.runs = m->serve.known = true;
	for (size_t i = 1; i < s->cluster->nlayout; i++) {
		struct machine *peer = machine_of(w, &s->cluster->node[i]);
		struct box *b = box_of(peer, container_name(a, s->cluster, "worker"));

		if (!b || !b->runs || b->head != head->id)
			return false;
		m->serve.observed[peer - w->m] = b->id;
	}
	s->observed.instance = arena_printf(a, "p%u", m->serve.id);
	return true;
}

/* What an apply that died had started is waited for: that very one, and it runs. */
static bool
up_awaited(struct arena *a, struct world *w, struct step *s)
{
	struct machine *m = machine_of(w, s->node);
	struct box *b = box_of(m, container_name(a, s->cluster, s->kind->name));
	bool serve = strcmp(s->kind->name, "serve") == 0;
	const char *is = serve ? arena_printf(a, "p%u", m->serve.id) : b ? arena_printf(a, "c%u", b->id) : "";

	return strcmp(is, s->observed.instance) == 0 && (serve ? m->serve.runs : b->runs);
}

/* What the node script of the kind's up does. */
static bool
up(struct arena *a, struct world *w, struct step *s)
{
	struct machine *m = machine_of(w, s->node);
	const char *kind = s->kind->name;
	struct box *b;

	if (s->observed.coming)
		return up_awaited(a, w, s);
	if (strcmp(kind, "image") == 0) {
		const char *ref = s->cluster->spec->engine.image.text;

		s->observed.output = arena_printf(a, "sha256:of-%s", ref);
		return keep_in(m->image, IMAGES, ref);
	}
	if (strcmp(kind, "download") == 0) {
		s->observed.output = s->cluster->commit;
		return keep_in(w->commit, COMMITS, s->cluster->commit);
	}
	if (strcmp(kind, "head") == 0 || strcmp(kind, "worker") == 0)
		return up_box(a, w, s, container_name(a, s->cluster, kind));
	if (strcmp(kind, "rank") == 0)
		return up_rank(a, w, s);
	if (strcmp(kind, "serve") == 0)
		return up_serve(a, w, s);
	b = box_of(m, container_name(a, s->cluster, "rank"));
	return strcmp(kind, "probe") == 0 &&
	       (s->cluster->shape == SHAPE_RANKS ? b && b->runs : m->serve.runs);
}

static void
down(struct arena *a, struct world *w, struct step *s)
{
	struct machine *m = machine_of(w, s->node);
	struct box *b = box_of(m, container_name(a, s->cluster, s->kind->name));

	if (strcmp(s->kind->name, "serve") == 0) {
		free(m->serve.inputs);
		memset(&m->serve, 0, sizeof m->serve);
	} else if (b && strcmp(b->cluster, s->cluster->name) == 0) {
		remove_box(m, b);
	}
}

static int
by_text(const void *x, const void *y)
{
	return strcmp(*(char *const *)x, *(char *const *)y);
}

/* What runs and what is recorded, without identities: equal for equal results. What is kept
 * on purpose (images, models) may differ. */
static char *
end_state(struct world *w)
{
	struct str s = {0};

	for (size_t i = 0; i < MACHINES; i++) {
		struct machine *m = &w->m[i];
		char *line[CONTAINERS + RECORDS];
		size_t n = 0;

		for (size_t k = 0; k < CONTAINERS; k++)
			if (m->box[k].name && asprintf(&line[n], "%s %s %s %d", m->box[k].name,
			    m->box[k].step, m->box[k].inputs, m->box[k].runs) > 0)
				n++;
		for (size_t k = 0; k < RECORDS; k++)
			if (m->note[k].step && strncmp(m->note[k].step, "image", 5) != 0 &&
			    strcmp(m->note[k].step, "download") != 0 &&
			    asprintf(&line[n], "record %s", m->note[k].step) > 0)
				n++;
		qsort(line, n, sizeof *line, by_text);
		str_printf(&s, "machine %zu serve %s\n", i,
			   m->serve.runs ? m->serve.inputs : "-");
		for (size_t k = 0; k < n; k++) {
			str_printf(&s, "  %s\n", line[k]);
			free(line[k]);
		}
	}
	return s.buf;
}

/* All ranks run, and rank 0 has met exactly these. */
static inline void
check_ranks(struct world *w, const struct cluster *c)
{
	struct box *first = box_of(machine_of(w, &c->node[0]), "dray-sim-rank");

	assert_non_null(first);
	assert_true(first->runs);
	for (size_t i = 1; i < c->nlayout; i++) {
		struct machine *at = machine_of(w, &c->node[i]);
		struct box *b = box_of(at, "dray-sim-rank");

		assert_non_null(b);
		assert_true(b->runs && b->round == first->round);
		assert_int_equal(first->met[at - w->m], b->id);
	}
}

#endif

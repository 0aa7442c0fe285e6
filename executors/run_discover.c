/* A discovery: every node is looked at in one request, then the nodes dial each other. */
#include "executors/run_private.h"

#include <string.h>
#include <time.h>

#include "planner/discover.h"
#include "planner/rdma.h"

struct exploring {
	struct run *run;
	struct arena *arena;
	struct discovery *found;
	struct err err;
	size_t left;
	bool finished;
};

/* Clocks are compared with ours at the moment the answer came, to the second. */
static void
take(struct exploring *x, struct discovered *d, const char *text, size_t n, long long now)
{
	struct node *node = model_node(x->run->model, d->node->name);
	struct machine *m = machine_read(x->arena, text, n);

	node->facts = m->facts;
	if (!m->facts->complete) {
		node->facts->state = FACTS_UNREACHABLE;
		node->facts->why = d->why = "the look was cut off";
		return;
	}
	d->machine = m;
	d->text = arena_strndup(x->arena, text, n);
	d->skew = m->facts->epoch - now;
}

static void
lost(struct exploring *x, struct discovered *d, const char *why)
{
	struct facts *f = ar_new(x->arena, struct facts);

	*f = (struct facts){.state = FACTS_UNREACHABLE, .why = why};
	d->why = why;
	model_node(x->run->model, d->node->name)->facts = f;
}

static void
explored(struct ask *ask)
{
	struct exploring *x = ask->owner;
	const struct result *r = &ask->request.result;
	struct discovered *d = NULL;

	for (size_t i = 0; i < x->found->n; i++)
		if (strcmp(x->found->v[i].node->name, ask->host->name) == 0)
			d = &x->found->v[i];
	if (d && !r->ran)
		lost(x, d, arena_strdup(x->arena, r->why));
	else if (d && r->status != 0)
		lost(x, d, arena_printf(x->arena, "the look ended with status %d", r->status));
	else if (d)
		take(x, d, str_text(&r->out), r->out.len, (long long)time(NULL));
	if (d && x->run->opt.record_dir && d->machine && !x->err.text[0])
		record_file(x->run->opt.record_dir, ask->host->name, ".txt", str_text(&r->out),
			    r->out.len, &x->err);
	if (--x->left == 0)
		x->finished = true;
}

static void
recorded(struct exploring *x, struct discovered *d)
{
	struct str text = {0};
	struct err e = {0};

	if (recorded_file(x->run, d->node->name, ".txt", &text, &e))
		take(x, d, str_text(&text), text.len, 0);
	else
		lost(x, d, arena_strdup(x->arena, e.text));
	str_release(&text);
}

/* The first node's clock is the measure. */
static void
compare_clocks(struct discovery *found)
{
	long long first = 0;
	bool known = false;

	for (size_t i = 0; i < found->n; i++) {
		struct discovered *d = &found->v[i];

		if (d->machine && !known) {
			first = d->skew;
			known = true;
		}
		d->skew = d->machine ? d->skew - first : 0;
	}
}

struct discovery *
run_discover(struct run *r, struct arena *a, struct err *e)
{
	struct model *m = r->model;
	struct discovery *found = ar_new(a, struct discovery);
	struct exploring x = {.run = r, .arena = a, .found = found};
	struct addresses *list;

	*found = (struct discovery){.model = m, .n = m->nspec};
	found->v = ar_array(a, struct discovered, m->nspec);
	for (size_t i = 0; i < m->nspec; i++) {
		struct task task;

		found->v[i].node = &m->node[i];
		if (r->opt.facts_dir) {
			recorded(&x, &found->v[i]);
			continue;
		}
		discover_task(a, m, &task);
		x.left++;
		run_ask(r, run_host(r, &m->node[i]), &task, explored, &x);
	}
	x.finished = x.left == 0;
	loop_run(r->loop, &x.finished);
	if (x.err.text[0]) {
		err_set(e, "%s", x.err.text);
		return NULL;
	}
	compare_clocks(found);
	list = addresses_list(a, m->node, m->nspec);
	if (list->seen > 1) {
		if (!run_dial(r, a, list, true, e))
			return NULL;
		addresses_choose(list);
		for (size_t i = 0; i < list->n; i++)
			if (list->v[i].chosen && !list->v[i].given)
				m->node[i].address = list->v[i].chosen->address;
		found->addresses = list;
	}
	rdma_choose(a, m);
	return found;
}

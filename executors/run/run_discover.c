/* A discovery: one request looks at each node, then the nodes dial each other. */
#include "executors/run/run_looks.h"

#include <string.h>
#include <time.h>

#include "planner/discover/discover.h"
#include "planner/cluster/decide.h"

struct exploring {
	struct run *run;
	struct arena *arena;
	struct discovery *found;
	struct err err;
	size_t left;
	bool finished;
};

/* The node's clock is compared with ours when the answer comes, to the second. */
static void
discover_take(struct exploring *x, struct discovered *d, const char *text, size_t n, long long now)
{
	struct node *node = cluster_node(x->run->cluster, d->node->name);

	node->facts = facts_read(x->arena, text, n);
	if (!node->facts->complete) {
		node->facts->state = FACTS_UNREACHABLE;
		node->facts->why = d->why = "the look was cut off";
		return;
	}
	d->facts = node->facts;
	d->text = arena_strndup(x->arena, text, n);
	d->skew = d->facts->epoch - now;
}

static void
discover_lost(struct exploring *x, struct discovered *d, const char *why, const char *hint)
{
	struct facts *f = ar_new(x->arena, struct facts);

	*f = (struct facts){.state = FACTS_UNREACHABLE, .why = why, .hint = arena_strdup(x->arena, hint)};
	d->why = why;
	d->hint = *hint ? f->hint : NULL;
	cluster_node(x->run->cluster, d->node->name)->facts = f;
}

static void
discover_explored(struct ask *ask)
{
	struct exploring *x = ask->owner;
	const struct result *r = &ask->request.result;
	struct discovered *d = NULL;

	for (size_t i = 0; i < x->found->n; i++)
		if (strcmp(x->found->v[i].node->name, ask->host->name) == 0)
			d = &x->found->v[i];
	if (d && !r->ran)
		discover_lost(x, d, arena_strdup(x->arena, r->why.text), r->why.hint);
	else if (d && r->status != 0)
		discover_lost(x, d,
			      arena_printf(x->arena, "the look ended with status %d", r->status), "");
	else if (d)
		discover_take(x, d, str_text(&r->out), r->out.len, (long long)time(NULL));
	if (d && x->run->opt.record_dir && d->facts && !x->err.text[0])
		record_file(x->run->opt.record_dir, ask->host->name, ".txt", str_text(&r->out),
			    r->out.len, &x->err);
	if (--x->left == 0)
		x->finished = true;
}

static void
discover_recorded(struct exploring *x, struct discovered *d)
{
	struct str text = {0};
	struct err e = {0};

	if (recorded_file(x->run, d->node->name, ".txt", &text, &e))
		discover_take(x, d, str_text(&text), text.len, 0);
	else
		discover_lost(x, d, arena_strdup(x->arena, e.text), e.hint);
	str_release(&text);
}

/* Make the skews relative to the clock of the first node. */
static void
discover_compare_clocks(struct discovery *found)
{
	long long first = 0;
	bool known = false;

	for (size_t i = 0; i < found->n; i++) {
		struct discovered *d = &found->v[i];

		if (d->facts && !known) {
			first = d->skew;
			known = true;
		}
		d->skew = d->facts ? d->skew - first : 0;
	}
}

struct discovery *
run_discover(struct run *r, struct arena *a, struct err *e)
{
	struct cluster *c = r->cluster;
	struct discovery *found = ar_new(a, struct discovery);
	struct exploring x = {.run = r, .arena = a, .found = found};
	struct addresses *list;

	*found = (struct discovery){.cluster = c, .n = c->nspec};
	run_find_ports(r);
	found->v = ar_array(a, struct discovered, c->nspec);
	for (size_t i = 0; i < c->nspec; i++) {
		struct task task;

		found->v[i].node = &c->node[i];
		if (r->opt.facts_dir) {
			discover_recorded(&x, &found->v[i]);
			continue;
		}
		discover_task(a, c, &task);
		x.left++;
		run_ask(r, run_host(r, &c->node[i]), &task, discover_explored, &x);
	}
	x.finished = x.left == 0;
	loop_run(r->loop, &x.finished);
	if (x.err.text[0]) {
		err_set(e, "%s", x.err.text);
		return NULL;
	}
	discover_compare_clocks(found);
	addresses_leave_outer(c->node, c->nspec);
	list = addresses_list(a, c->node, c->nspec);
	if (list->observed > 1) {
		addresses_ask_all(list);
		if (!run_dial(r, a, list, e))
			return NULL;
		found->addresses = c->addresses = list;
	}
	cluster_decide_network(a, c);
	return found;
}

/* The weights on each node's own disk (storage: local). */
#include "planner/steps/node_weights.h"

#include <string.h>

#include "planner/base/bytes.h"
#include "planner/base/vec.h"
#include "planner/steps/download.h"

bool
node_weights_whole(const struct cluster *c, const struct cluster_extra *x, const struct node *n)
{
	const char *first = NULL;
	long long bytes = 0;

	return download_of(c, x).manifest && node_observed(n) && !download_lacks(c, x, n, &first, &bytes);
}

static bool *
node_weights_wholes(struct arena *a, const struct cluster *c, const struct cluster_extra *x)
{
	bool *whole = ar_array(a, bool, c->nlayout);

	for (size_t i = 0; i < c->nlayout; i++)
		whole[i] = node_weights_whole(c, x, &c->node[i]);
	return whole;
}

struct node *
node_weights_from(struct arena *a, const struct cluster *c, const struct cluster_extra *x,
		  const struct node *n)
{
	return &c->node[spread_from(node_weights_wholes(a, c, x), c->nlayout, n->rank)];
}

struct node *
node_weights_source(struct arena *a, const struct cluster *c, const struct cluster_extra *x)
{
	return &c->node[spread_first(node_weights_wholes(a, c, x), c->nlayout)];
}

void
node_weights_want(struct arena *a, struct graph_builder *b, struct step *s, const struct cluster_extra *x,
		  struct step *source)
{
	const struct cluster *c = b->cluster;
	const struct node *from = node_weights_from(a, c, x, s->node);
	const char *first = NULL;
	long long bytes = 0;

	download_want(a, b, s, from == s->node, x);
	if (from == s->node)
		return;
	graph_dep(b, s, source, EDGE_ORDER, NULL);
	/* What it lacks is known only after a look. */
	if (!download_of(c, x).manifest || !node_observed(s->node) ||
	    !download_lacks(c, x, s->node, &first, &bytes))
		return;
	attrs_addf(a, &s->want, "sent", "%s from %s", bytes_text(a, bytes), from->name);
	attrs_sort(&s->want);
}

static void
node_weights_plan(struct arena *a, const struct cluster *c, struct graph_builder *b)
{
	struct step **step;
	struct node *source;

	if (!download_needed(c) || c->store_shared || !c->nlayout)
		return;
	source = node_weights_source(a, c, NULL);
	step = ar_array(a, struct step *, c->nlayout);
	for (size_t i = 0; i < c->nlayout; i++)
		step[i] = graph_add(b, &kind_weights, &c->node[i], true);
	for (size_t i = 0; i < c->nlayout; i++)
		node_weights_want(a, b, step[i], NULL, step[source->rank]);
}

static struct task *
node_weights_task(struct arena *a, const struct step *s, const struct manifest *m, const char *library,
		  const char *script, const char *act, struct task *t)
{
	struct attrs want = s->want;

	*t = (struct task){.type = TASK_SCRIPT, .script = script_with(a, library, script)};
	task_arg(a, t, "act", act);
	task_arg(a, t, "hf_home", attrs_value(&want, "hf_home", NULL));
	task_arg(a, t, "hub", download_of(s->cluster, download_extra(s)).hub);
	task_arg(a, t, "commit", attrs_value(&want, "commit", NULL));
	t->input = download_list(a, m);
	t->ninput = strlen(t->input);
	return t;
}

static struct task *
node_weights_give(struct arena *a, const struct step *s, const struct node *n, const struct manifest *m,
		  const char *act, struct task *t)
{
	(void)n;
	node_weights_task(a, s, m, "giving", "weights-give", act, t);
	spread_opens(a, act, t);
	return t;
}

static struct task *
node_weights_take(struct arena *a, const struct step *s, const struct node *n, const struct manifest *m,
		  const char *act, struct task *t)
{
	(void)n;
	node_weights_task(a, s, m, "state", "weights-take", act, t);
	task_arg(a, t, "cluster", s->cluster->name);
	download_ref(a, t, download_of(s->cluster, download_extra(s)).from, download_extra(s));
	t->changes = true;
	return t;
}

static const struct manifest *
node_weights_list(const struct step *s)
{
	return download_of(s->cluster, download_extra(s)).manifest;
}

static bool
node_weights_same(const struct step *s, const struct step *other)
{
	return other->kind == s->kind && download_extra(other) == download_extra(s);
}

static struct node *
node_weights_step_from(struct arena *a, const struct step *s, const struct node *n)
{
	return node_weights_from(a, s->cluster, download_extra(s), n);
}

static bool
node_weights_step_whole(const struct step *s, const struct node *n)
{
	return node_weights_whole(s->cluster, download_extra(s), n);
}

const struct spread_way weights_spread = {
	.same = node_weights_same,
	.from = node_weights_step_from,
	.whole = node_weights_step_whole,
	.list = node_weights_list,
	.give = node_weights_give,
	.take = node_weights_take,
};

static void
node_weights_mend(struct arena *a, const struct step *s, struct tasks *tasks)
{
	const struct manifest *doubts = download_doubts(a, s);
	struct step_task *st;

	if (!doubts->n)
		return;
	st = vec_push(a, tasks);
	*st = (struct step_task){.node = s->node, .what = "verify what is in doubt"};
	node_weights_take(a, s, s->node, doubts, "mend", &st->task);
}

void
node_weights_up(struct arena *a, const struct step *s, struct tasks *tasks)
{
	const struct node *from = s->cluster->store_shared ? s->node
		: node_weights_from(a, s->cluster, download_extra(s), s->node);
	struct attrs want = s->want;
	struct step_task *st;

	node_weights_mend(a, s, tasks);
	if (from == s->node) {
		download_up(a, s, tasks);
		return;
	}
	st = vec_push(a, tasks);
	*st = (struct step_task){.node = s->node,
		.what = arena_printf(a, "copy %s from %s", attrs_value(&want, "repo", ""), from->name)};
	node_weights_take(a, s, s->node, node_weights_list(s), "need", &st->task);
	st->task.type = TASK_SPREAD;
}

const struct kind kind_weights = {
	.name = "weights",
	.doc = "the model at one commit on the node's own disk, complete and verified",
	.fields = download_fields,
	.keep = true,
	.plan = node_weights_plan,
	.observe = download_observe,
	.up = node_weights_up,
	.spread = &weights_spread,
	.down = download_down,
};

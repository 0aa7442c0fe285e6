/* The SIF file that one node made goes from there to the others (spread.h), onto each node's own disk:
 * no two nodes make the same file of an image. */
#include "planner/steps/sif.h"

#include <string.h>

#include "planner/runtimes/runtime.h"
#include "planner/steps/download.h"
#include "planner/steps/image.h"
#include "planner/steps/inputs.h"

bool
sif_spreads(const struct cluster *c)
{
	return c->sif && *c->sif != '/' && !c->store_shared && c->nlayout > 1;
}

static bool
sif_copy_alike(const struct cluster *c, const struct node *n, const struct node *other)
{
	return n == other || node_alike(c, n) == node_alike(c, other);
}

const char *
sif_wanted(const struct cluster *c, const struct node *n)
{
	for (size_t i = 0; i < c->nlayout; i++)
		if (sif_copy_alike(c, n, &c->node[i]) && node_observed(&c->node[i]) && c->node[i].facts->sif.id)
			return c->node[i].facts->sif.id;
	return NULL;
}

static bool
sif_copy_there(const struct node *n, const char *id)
{
	return id && node_observed(n) && n->facts->sif.id && strcmp(n->facts->sif.id, id) == 0;
}

static struct node *
sif_copy_pick(struct arena *a, const struct cluster *c, const struct node *n, bool source)
{
	const char *id = sif_wanted(c, n);
	bool *whole = ar_array(a, bool, c->nlayout);
	size_t *at = ar_array(a, size_t, c->nlayout), count = 0, own = 0;

	for (size_t i = 0; i < c->nlayout; i++) {
		if (!sif_copy_alike(c, n, &c->node[i]))
			continue;
		if (&c->node[i] == n)
			own = count;
		whole[count] = sif_copy_there(&c->node[i], id);
		at[count++] = i;
	}
	return &c->node[at[source ? spread_first(whole, count) : spread_from(whole, count, own)]];
}

struct node *
sif_from(struct arena *a, const struct cluster *c, const struct node *n)
{
	return sif_copy_pick(a, c, n, false);
}

struct node *
sif_source(struct arena *a, const struct cluster *c, const struct node *n)
{
	return sif_copy_pick(a, c, n, true);
}

static const char *
sif_copy_id(const struct step *s)
{
	struct attrs want = s->want;

	return attrs_value(&want, "image_id", NULL);
}

static const char *
sif_copy_name(const struct step *s)
{
	const char *id = sif_copy_id(s), *hex = id ? strchr(id, ':') : NULL;

	return hex ? hex + 1 : "unknown";
}

static const char *
sif_copy_folder(struct arena *a, const struct step *s, const struct node *n)
{
	return arena_printf(a, "%s/copy", image_folder(a, s->cluster, n));
}

static struct task *
sif_copy_give(struct arena *a, const struct step *s, const struct node *n, const struct manifest *m,
	      const char *act, struct task *t)
{
	return spread_give(a, sif_copy_folder(a, s, n), sif_copy_name(s), m, act, t);
}

static struct task *
sif_copy_take(struct arena *a, const struct step *s, const struct node *n, const struct manifest *m,
	      const char *act, struct task *t)
{
	return spread_take(a, sif_copy_folder(a, s, n), sif_copy_name(s), s->cluster, m, act, t);
}

static struct task *
sif_copy_unpack(struct arena *a, const struct step *s, const struct node *n, const struct manifest *m,
		const char *act, struct task *t)
{
	const struct cluster *c = s->cluster;

	*t = (struct task){.type = TASK_SCRIPT, .script = script_with(a, "sif-look", "sif-copy")};
	t->aside = strcmp(act, "drop") == 0 || strcmp(act, "pack") == 0;
	t->changes = !t->aside;
	task_arg(a, t, "act", act);
	task_arg(a, t, "sif", c->runtime->file(a, c->sif, c->store));
	task_arg(a, t, "image_id", sif_copy_id(s));
	task_arg(a, t, "dir", sif_copy_folder(a, s, n));
	task_arg(a, t, "copy", sif_copy_name(s));
	t->input = download_list(a, m);
	t->ninput = strlen(t->input);
	return t;
}

static struct task *
sif_copy_pack(struct arena *a, const struct step *s, const struct node *n, struct task *t)
{
	return sif_copy_unpack(a, s, n, NULL, "pack", t);
}

void
sif_up_copy(struct arena *a, const struct step *s, struct tasks *tasks)
{
	const struct cluster *c = s->cluster;
	struct node *from = sif_from(a, c, s->node);
	struct task *t = tasks_add(a, tasks, s->node, NULL, arena_printf(a, "copy %s from %s", c->sif, from->name));

	sif_copy_unpack(a, s, s->node, NULL, "has", t);
	t->type = TASK_SPREAD;
}

static bool
sif_copy_same(const struct step *s, const struct step *other)
{
	return other->kind == s->kind && sif_copy_alike(s->cluster, s->node, other->node);
}

static struct node *
sif_copy_step_from(struct arena *a, const struct step *s, const struct node *n)
{
	return sif_from(a, s->cluster, n);
}

static bool
sif_copy_whole(const struct step *s, const struct node *n)
{
	return sif_copy_there(n, sif_wanted(s->cluster, n));
}

const struct spread_way sif_spread = {
	.same = sif_copy_same,
	.from = sif_copy_step_from,
	.whole = sif_copy_whole,
	.give = sif_copy_give,
	.take = sif_copy_take,
	.pack = sif_copy_pack,
	.unpack = sif_copy_unpack,
};

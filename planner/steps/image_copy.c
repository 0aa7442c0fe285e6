/*
 * The image goes from node to node (spread.h). The source lays it out as files (image-pack.sh):
 * its configuration and its layers, each with the hash that it has anyway. The others take those
 * that they lack, by the scripts that copies of weights use, and load the image (image-copy.sh).
 */
#include "planner/steps/image.h"

#include <string.h>

#include "planner/runtimes/runtime.h"
#include "planner/steps/download.h"
#include "planner/steps/inputs.h"

bool
image_spreads(const struct cluster *c)
{
	return c->image && c->nlayout > 1 && (c->pull_once || c->archive_from);
}

static bool
image_copy_alike(const struct cluster *c, const struct node *n, const struct node *other)
{
	return n == other || node_alike(c, n) == node_alike(c, other);
}

const char *
image_wanted(const struct cluster *c, const struct node *n)
{
	if (c->archive_from)
		return image_of_archive(c, n);
	for (size_t i = 0; i < c->nlayout; i++) {
		const struct node *other = &c->node[i];
		const struct fact_image *there = image_find(other, c->image);

		if (!image_copy_alike(c, n, other) || !node_observed(other))
			continue;
		if (there)
			return there->id;
	}
	return NULL;
}

/* Which of the nodes like n have the image: fills in whole, and the number of each in the cluster.
 * Returns how many there are; *own is n among them. */
static size_t
image_copy_chain(const struct cluster *c, const struct node *n, bool *whole, size_t *at, size_t *own)
{
	const char *id = image_wanted(c, n);
	size_t count = 0;

	*own = 0;
	for (size_t i = 0; i < c->nlayout; i++) {
		const struct node *other = &c->node[i];
		const struct fact_image *there = image_find(other, c->image);

		if (!image_copy_alike(c, n, other))
			continue;
		if (other == n)
			*own = count;
		whole[count] = id && there && strcmp(there->id, id) == 0;
		at[count++] = i;
	}
	return count;
}

static struct node *
image_copy_pick(struct arena *a, const struct cluster *c, const struct node *n, bool source)
{
	bool *whole = ar_array(a, bool, c->nlayout);
	size_t *at = ar_array(a, size_t, c->nlayout), own;
	size_t count = image_copy_chain(c, n, whole, at, &own);

	return &c->node[at[source ? spread_first(whole, count) : spread_from(whole, count, own)]];
}

struct node *
image_from(struct arena *a, const struct cluster *c, const struct node *n)
{
	return image_copy_pick(a, c, n, false);
}

struct node *
image_source(struct arena *a, const struct cluster *c, const struct node *n)
{
	return image_copy_pick(a, c, n, true);
}

/* ---- the tasks of a copy ---- */

/* Where the files are; in a shared directory those of the source are there for all. */
static const char *
image_copy_folder(struct arena *a, const struct step *s, const struct node *n)
{
	const struct cluster *c = s->cluster;

	if (c->store && c->store_shared)
		n = image_source(a, c, s->node);
	return arena_printf(a, "%s/copy", image_folder(a, c, n));
}

/* The fingerprint without "sha256:": the name of the copy. */
static const char *
image_copy_hex(const struct step *s)
{
	struct attrs want = s->want;
	const char *id = attrs_value(&want, "image_id", NULL), *hex = id ? strchr(id, ':') : NULL;

	return hex ? hex + 1 : id ? id : "unknown";
}

static struct task *
image_copy_give(struct arena *a, const struct step *s, const struct node *n, const struct manifest *m,
		const char *act, struct task *t)
{
	return spread_give(a, image_copy_folder(a, s, n), image_copy_hex(s), m, act, t);
}

static struct task *
image_copy_take(struct arena *a, const struct step *s, const struct node *n, const struct manifest *m,
		const char *act, struct task *t)
{
	return spread_take(a, image_copy_folder(a, s, n), image_copy_hex(s), s->cluster, m, act, t);
}

/* What the scripts of both sides ask for. */
static void
image_copy_of(struct arena *a, const struct step *s, const struct node *n, struct task *t)
{
	const struct cluster *c = s->cluster;
	struct attrs want = s->want;

	container_task(a, t, c->runtime);
	task_arg(a, t, "ref", c->image);
	task_arg(a, t, "image_id", attrs_value(&want, "image_id", NULL));
	task_arg(a, t, "image_id_sh", container_text(a, c->runtime, "image-id"));
	task_arg(a, t, "dir", image_copy_folder(a, s, n));
	task_arg(a, t, "copy", image_copy_hex(s));
}

static struct task *
image_copy_pack(struct arena *a, const struct step *s, const struct node *n, struct task *t)
{
	*t = (struct task){.type = TASK_SCRIPT, .script = script_with(a, "image-wait", "image-pack"), .aside = true};
	image_copy_of(a, s, n, t);
	return t;
}

static struct task *
image_copy_unpack(struct arena *a, const struct step *s, const struct node *n, const struct manifest *m,
		  const char *act, struct task *t)
{
	const struct cluster *c = s->cluster;

	*t = (struct task){.type = TASK_SCRIPT,
		.script = script_behind(a, "image-wait", script_with(a, "state", "image-copy"))};
	t->aside = strcmp(act, "drop") == 0;
	t->changes = !t->aside;
	task_arg(a, t, "act", act);
	task_arg(a, t, "cluster", c->name);
	image_copy_of(a, s, n, t);
	task_arg(a, t, "must", c->proof ? c->proof->config : NULL);
	t->input = download_list(a, m);
	t->ninput = strlen(t->input);
	return t;
}

void
image_up_copy(struct arena *a, const struct step *s, struct tasks *tasks)
{
	const struct cluster *c = s->cluster;
	struct node *from = image_from(a, c, s->node);
	struct task *t = tasks_add(a, tasks, s->node, NULL, arena_printf(a, "copy %s from %s", c->image, from->name));

	image_copy_unpack(a, s, s->node, NULL, "has", t);
	t->type = TASK_SPREAD;
}

static bool
image_copy_same(const struct step *s, const struct step *other)
{
	return other->kind == s->kind && image_copy_alike(s->cluster, s->node, other->node);
}

static struct node *
image_copy_step_from(struct arena *a, const struct step *s, const struct node *n)
{
	return image_from(a, s->cluster, n);
}

static bool
image_copy_whole(const struct step *s, const struct node *n)
{
	const struct fact_image *there = image_find(n, s->cluster->image);
	const char *id = image_wanted(s->cluster, n);

	return there && id && strcmp(there->id, id) == 0;
}

/* The configuration is named by its hash, and names the layers by theirs. */
static const char *
image_copy_wrong(struct arena *a, const struct step *s, const struct manifest *m)
{
	const struct image_proof *p = s->cluster->proof;
	const char *blob = "missing";
	size_t n = 0;

	for (size_t i = 0; i < m->n; i++) {
		const char *end = strrchr(m->v[i].path, '.');

		if (!end || strcmp(end, ".json") != 0)
			continue;
		n++;
		blob = m->v[i].blob;
	}
	if (!p || (n == 1 && strcmp(blob, p->config) == 0))
		return NULL;
	return arena_printf(a, "gives another image than %s: its ID is %.12s, not %.12s", s->cluster->archive
			    ? arena_printf(a, "'%s' has", s->cluster->archive) : "engine.image_config names",
			    blob, p->config);
}

const struct spread_way image_spread = {
	.same = image_copy_same,
	.from = image_copy_step_from,
	.whole = image_copy_whole,
	.give = image_copy_give,
	.take = image_copy_take,
	.pack = image_copy_pack,
	.unpack = image_copy_unpack,
	.wrong = image_copy_wrong,
};

/* The tasks of dray prune, and what the nodes answer. */
#include "planner/steps/prune.h"

#include <stdlib.h>
#include <string.h>

#include "planner/base/limits.h"
#include "planner/base/vec.h"
#include "planner/facts/facts.h"
#include "planner/runtimes/runtime.h"

/* Of each node, at most: one that lies cannot fill our memory. */
enum { PRUNE_ITEMS = 10000, PRUNE_NAMED = 20000, COMMIT_SHOWN = 12, ID_SHOWN = 12 };

/* "HUB COMMIT ..."; a commit that is not known is any. */
static const char *
prune_wanted(struct arena *a, const struct cluster *c)
{
	const char *all = "";

	if (c->hub)
		all = arena_printf(a, "%s %s", c->hub, c->commit ? c->commit : "-");
	for (size_t i = 0; i < c->nextra; i++)
		all = arena_printf(a, "%s%s%s %s", all, *all ? " " : "", c->extra[i].hub,
				   c->extra[i].commit ? c->extra[i].commit : "-");
	return all;
}

/* What of .dray in the storage the spec wants: its 12 digits, or "-". */
static const char *
prune_made(struct arena *a, const struct cluster *c)
{
	const char *slash = c->sif && c->venv ? strrchr(c->venv, '/') : NULL, *dash;

	if (slash)
		return slash + 1;
	dash = c->launcher_script && c->script_path ? strrchr(c->script_path, '-') : NULL;
	return dash ? arena_strndup(a, dash + 1, strcspn(dash + 1, ".")) : "-";
}

static const char *
prune_named(struct arena *a, const struct prune *p)
{
	struct str s = {0};
	const char *text;

	for (size_t i = 0; i < p->named.n; i++)
		str_printf(&s, "%s%s", i ? " " : "", p->named.v[i]);
	text = arena_strdup(a, str_text(&s));
	str_release(&s);
	return text;
}

static const char *
prune_chosen(struct arena *a, const struct prune *p, const struct node *n)
{
	struct str s = {0};
	const char *text;

	for (size_t i = 0; i < p->item.n; i++)
		if (p->item.v[i].node == n && !p->item.v[i].kept)
			str_printf(&s, "%s\t%s\n", p->item.v[i].kind, p->item.v[i].name);
	text = arena_strdup(a, str_text(&s));
	str_release(&s);
	return text;
}

void
prune_task(struct arena *a, const struct cluster *c, const struct node *n, enum prune_act act,
	   const struct prune *p, struct task *t)
{
	static const char *const words[] = {"names", "list", "remove"};
	/* One node looks at what all share, unless there are records that nobody can read. */
	bool weights = c->hf_home && (!c->store_shared || (n == &c->node[0] && !p->closed));

	*t = (struct task){.type = TASK_SCRIPT, .script = script_with(a, "state", "prune"),
		.timeout_s = PRUNE_LIMIT, .changes = act == PRUNE_REMOVE};
	if (c->runtime->contained)
		container_task(a, t, c->runtime);
	else
		t->script = script_behind(a, "bounded", t->script);
	task_arg(a, t, "act", words[act]);
	task_arg(a, t, "cluster", c->name);
	if (act == PRUNE_NAMES)
		return;
	task_arg(a, t, "hf_home", weights ? c->hf_home : NULL);
	task_arg(a, t, "store", c->store);
	task_arg(a, t, "wanted", prune_wanted(a, c));
	task_arg(a, t, "named", prune_named(a, p));
	if (c->runtime->contained) {
		task_arg(a, t, "image", c->image);
		task_arg(a, t, "image_id_sh", container_text(a, c->runtime, "image-id"));
	}
	task_arg(a, t, "stamp", c->archive_stamp);
	task_arg(a, t, "made", weights ? prune_made(a, c) : NULL);
	if (act != PRUNE_REMOVE)
		return;
	t->input = prune_chosen(a, p, n);
	t->ninput = strlen(t->input);
}

/* A commit, a SHA-256, or the start of one, as names in .dray of the storage have it. */
static bool
prune_is_hash(const char *s)
{
	size_t n = strlen(s);

	return (n == 12 || n == 40 || n == 64) && strspn(s, "0123456789abcdef") == n;
}

static void
prune_add_name(struct arena *a, struct prune *p, const char *hash)
{
	if (!prune_is_hash(hash))
		return;
	for (size_t i = 0; i < p->named.n; i++)
		if (strcmp(p->named.v[i], hash) == 0)
			return;
	*vec_push(a, &p->named) = hash;
}

static struct prune_item *
prune_find(struct prune *p, const struct node *n, const char *kind, const char *name)
{
	for (size_t i = 0; i < p->item.n; i++) {
		struct prune_item *item = &p->item.v[i];

		if (item->node == n && strcmp(item->kind, kind) == 0 && strcmp(item->name, name) == 0)
			return item;
	}
	return NULL;
}

bool
prune_read(struct arena *a, struct prune *p, const struct node *n, const char *text, size_t len)
{
	char *copy = arena_strndup(a, text, len), *line, *rest = copy;
	size_t items = 0, names = 0;
	bool whole = false;

	while ((line = strsep(&rest, "\n"))) {
		char *field[5] = {0};
		size_t nfield = 0;
		struct prune_item *item;

		while (line && nfield < 5)
			field[nfield++] = strsep(&line, "\t");
		if (strcmp(field[0], "end") == 0)
			whole = true;
		else if (strcmp(field[0], "named") == 0 && nfield == 2 && names++ < PRUNE_NAMED)
			prune_add_name(a, p, field[1]);
		else if (strcmp(field[0], "closed") == 0)
			p->closed = n;
		if (nfield < 5 || items++ > PRUNE_ITEMS)
			continue;
		item = prune_find(p, n, field[1], field[2]);
		if (strcmp(field[0], "gone") == 0 && item) {
			item->gone = true;
		} else if (strcmp(field[0], "item") == 0 || strcmp(field[0], "kept") == 0) {
			item = item ? item : vec_push(a, &p->item);
			*item = (struct prune_item){.node = n, .kind = field[1], .name = field[2],
				.bytes = strtoll(field[3], NULL, 10), .why = field[4], .kept = *field[0] == 'k'};
		}
	}
	return whole;
}

const char *
prune_name(struct arena *a, const struct prune_item *item)
{
	const char *at = strrchr(item->name, '@'), *rest, *id;

	if (strcmp(item->kind, "weights") == 0 && at && strncmp(item->name, "models--", 8) == 0 &&
	    (rest = strstr(item->name + 8, "--")))
		return arena_printf(a, "%.*s/%.*s @ %.*s", (int)(rest - item->name - 8), item->name + 8,
				    (int)(at - rest - 2), rest + 2, COMMIT_SHOWN, at + 1);
	if (strcmp(item->kind, "image") != 0)
		return item->name;
	/* ID NAME */
	id = strncmp(item->name, "sha256:", 7) == 0 ? item->name + 7 : item->name;
	rest = strchr(id, ' ');
	return rest ? rest + 1 : arena_printf(a, "%.*s", ID_SHOWN, id);
}

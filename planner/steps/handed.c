/* How an engine gets the GPUs that it may use: how they are handed to its container, and the names by
 * which it finds them there. Some engines know GPUs by numbers only. */
#include "planner/steps/handed.h"

#include <string.h>

#include "planner/base/vec.h"
#include "planner/cluster/visible.h"
#include "planner/runtimes/runtime.h"

/* Does the user hand over the GPUs by hand, in docker_args? */
static bool
handed_by_user(const struct cluster *c, const struct accelerator *accelerator)
{
	const struct words *more = &c->spec->engine.docker_args;

	for (size_t i = 0; accelerator->device && i < more->n; i++)
		if (strstr(more->v[i].text, accelerator->device))
			return true;
	return false;
}

static bool
handed_user_flag(const struct cluster *c, const char *flag)
{
	const struct words *more = &c->spec->engine.docker_args;

	for (size_t i = 0; i < more->n; i++)
		if (strncmp(more->v[i].text, flag, strlen(flag)) == 0)
			return true;
	return false;
}

/* The slice that the node's env selects, if dray hands over nothing else of the node: as a word of
 * the runtime. */
static const char *
handed_slice(struct arena *a, const struct cluster *c, const struct node *n)
{
	const char *variable, *list = node_observed(n) ? node_selects(c, n, &variable) : NULL;
	struct gpus seen;

	if (!list || strncmp(list + strspn(list, " "), "MIG-", 4) != 0 || c->launcher_script ||
	    !n->facts->gpu.slice.n || !c->runtime->slice || handed_user_flag(c, "--gpus"))
		return NULL;
	seen = gpus_visible(a, &n->facts->gpu, list);
	for (size_t i = 0; seen.n && i < n->facts->gpu.slice.n; i++) {
		const char *uuid = n->facts->gpu.slice.v[i].uuid;

		if (strcmp(uuid, seen.v[0].uuid) == 0 && !uuid[strcspn(uuid, " ,\"'\\\n")])
			return c->runtime->slice(a, &n->facts->gpu.slice.v[i]);
	}
	return NULL;
}

/* NVLink between hosts: its device, where every node has it. */
static const char *
handed_domain(const struct cluster *c, const struct accelerator *accelerator)
{
	const struct words *more = &c->spec->engine.docker_args;
	const char *device = accelerator->domain_device;

	if (!device || c->nlayout < 2 || c->launcher_script)
		return NULL;
	for (size_t i = 0; i < c->nlayout; i++)
		if (!node_observed(&c->node[i]) || strcmp(c->node[i].facts->gpu_domain, device) != 0)
			return NULL;
	for (size_t i = 0; i < more->n; i++)
		if (strstr(more->v[i].text, device) || strstr(more->v[i].text, "--privileged"))
			return NULL;
	return device;
}

const char *
handed_gpus(struct arena *a, const struct cluster *c, const struct node *n)
{
	const struct accelerator *accelerator = node_accelerator(c, n);
	const char *const *word = c->runtime->gpus(c, n);
	const char *all = word ? *word : "", *group = accelerator->docker_group;
	const char *list = node_observed(n) ? n->facts->gpu.groups : "";
	const char *slice = word ? handed_slice(a, c, n) : NULL;
	const char *domain = word ? handed_domain(c, accelerator) : NULL;

	if (slice)
		return slice;
	while (word && *++word)
		all = arena_printf(a, "%s %s", all, *word);
	if (domain)
		all = arena_printf(a, "%s --device %s", all, domain);
	for (; word && group && c->runtime->gpu_groups && *list; list += strcspn(list, " ")) {
		list += strspn(list, " ");
		all = arena_printf(a, "%s %s %.*s", all, group, (int)strcspn(list, " "), list);
	}
	return handed_by_user(c, accelerator) ? "" : all;
}

/* A list with uuids as one of numbers; NULL: it has none, or one that the node does not have. */
static const char *
handed_numbers(struct arena *a, const struct gpus *all, const char *list)
{
	const char *numbers = NULL;
	bool uuids = false;

	for (const char *s = list; *s; s += strcspn(s, ","), s += *s == ',') {
		size_t n = strcspn(s += strspn(s, " "), ", "), k = 0;

		if (n && strspn(s, "0123456789") < n) {
			while (k < all->n && strncmp(all->v[k].uuid, s, n) != 0)
				k++;
			if (k == all->n || all->v[k].index < 0)
				return NULL;
			uuids = true;
			numbers = arena_printf(a, "%s%s%d", numbers ? numbers : "", numbers ? "," : "",
					       all->v[k].index);
		} else if (n) {
			numbers = arena_printf(a, "%s%s%.*s", numbers ? numbers : "", numbers ? "," : "", (int)n, s);
		}
	}
	return uuids ? numbers : NULL;
}

void
handed_select(struct arena *a, const struct cluster *c, const struct node *n, struct attrs *want)
{
	const char *variable, *list, *numbers, *name;
	struct attrs kept = {0};

	if (!node_observed(n) || !(list = node_selects(c, n, &variable)))
		return;
	name = arena_printf(a, "env.%s", variable);
	if (c->runtime->contained && handed_slice(a, c, n)) {
		for (size_t i = 0; i < want->n; i++)
			if (strcmp(want->v[i].name, name) != 0)
				*vec_push(a, &kept) = want->v[i];
		*want = kept;
		return;
	}
	numbers = handed_numbers(a, &n->facts->gpu, list);
	if (!numbers || !node_accelerator(c, n)->order)
		return;
	attrs_add(a, want, name, numbers);
	if (!env_value(c, n, node_accelerator(c, n)->order))
		attrs_add(a, want, arena_printf(a, "env.%s", node_accelerator(c, n)->order), "PCI_BUS_ID");
}

/* engine.runtime: apptainer, and singularity. The engine is a process; its commands run in a SIF file. */
#include <string.h>

#include "planner/base/hash.h"
#include "planner/runtimes/carried.h"
#include "planner/runtimes/process.h"

/*
 * Apptainer, and Singularity, have no daemon, no labels and no namespace for pids: what
 * `apptainer exec` runs is a process of the login, with the environment that it was given. So a
 * step is a process as with runtime none, and a folder with commands that run in the image stands
 * in for the virtual environment (planner/steps/sif.c makes it).
 */
static const char *
apptainer_image(struct arena *a, const char *image)
{
	(void)a, (void)image;
	return NULL;
}

static const char *
apptainer_state(const struct facts *f)
{
	(void)f;
	return "ok";
}

/* One folder for each image, because what runs may still begin processes with the old one. */
static const char *
apptainer_prefix(struct arena *a, const char *image, const char *store)
{
	char digest[HASH_HEX];

	if (!image || !store)
		return NULL;
	hash_sha256(image, strlen(image), digest);
	return arena_printf(a, "%s/.dray/sif/%.12s", store, digest);
}

static const char *
apptainer_file(struct arena *a, const char *image, const char *store)
{
	const char *prefix = apptainer_prefix(a, image, store);

	return !prefix ? NULL : *image == '/' ? image : arena_printf(a, "%s.sif", prefix);
}

static void
apptainer_check(struct arena *a, const struct cluster *c, const struct node *n, struct diags *out)
{
	const struct fact_sif *here = &n->facts->sif, *first;

	if (!here->command)
		diag_node(out, DIAG_ERROR, n,
			  arena_printf(a, "install it (%s), or put it into the PATH that a command over ssh "
				       "has: a module that only a login shell loads is not seen",
				       "apptainer.org"),
			  "there is no %s command", c->runtime->name);
	else if (here->why)
		diag_node(out, DIAG_ERROR, n, "take the file, not a folder or a link to nothing; "
			  "'apptainer pull' makes one", "image '%s' %s", c->sif, here->why);
	if (n == &c->node[0] || !node_observed(&c->node[0]))
		return;
	first = &c->node[0].facts->sif;
	/* (One that dray made goes from node to node.) */
	if (*c->sif != '/' && !c->store_shared)
		return;
	if (first->id && here->id && strcmp(first->id, here->id) != 0 && node_alike(c, n) == &c->node[0])
		diag_node(out, DIAG_ERROR, n, arena_printf(a, "copy it from %s", c->node[0].name),
			  "image '%s' is another file than on %s", c->sif, c->node[0].name);
	else if (first->command && here->command && strcmp(first->command, here->command) != 0)
		diag_node(out, DIAG_WARNING, n, "use one version on all nodes",
			  "%s here, %s on %s", here->command, first->command, c->node[0].name);
}

/* Adds a path that apptainer does not bring into the image by itself. Its option has no way to write
 * a comma or a colon in a path. */
static void
apptainer_add_bind(struct arena *a, const char **list, const char *path, const char *as, const char *how)
{
	if (path && *path == '/' && !strpbrk(path, ",:") && !strpbrk(as, ",:"))
		*list = arena_printf(a, "%s%s%s%s%s%s", *list ? *list : "", *list ? "," : "", path,
				     strcmp(path, as) == 0 && !*how ? "" : ":",
				     strcmp(path, as) == 0 && !*how ? "" : as, how);
}

/* Is the path missing on the node? apptainer refuses to start then, and not every node needs all. */
static bool
apptainer_lacks(const struct facts *f, const char *path)
{
	for (size_t i = 0; i < f->named.n; i++)
		if (strcmp(f->named.v[i].kind, "path") == 0 && strcmp(f->named.v[i].name, path) == 0)
			return strcmp(f->named.v[i].state, "none") == 0;
	return false;
}

static const char *
apptainer_binds(struct arena *a, const struct cluster *c, const struct node *n)
{
	const char *list = NULL, *model = c->source->mount ? c->source->mount(&c->spec->model) : NULL;
	size_t paths;
	const struct spec_path *path = spec_paths(a, c->spec, &paths);
	const struct facts *f = n->facts;

	apptainer_add_bind(a, &list, c->store, c->store ? c->store : "", "");
	apptainer_add_bind(a, &list, model, model ? model : "", ":ro");
	if (c->spec->carried.n) {
		const char *folder = carried_folder(a, c, n);

		apptainer_add_bind(a, &list, folder, folder ? folder : "", ":ro");
	}
	for (size_t i = 0; model && node_observed(n) && i < f->mount.n && i < 64; i++)
		apptainer_add_bind(a, &list, f->mount.v[i].from, f->mount.v[i].to, ":ro");
	for (size_t i = 0; i < paths; i++)
		if (!node_observed(n) || !apptainer_lacks(f, path[i].path))
			apptainer_add_bind(a, &list, path[i].path, path[i].path, ":ro");
	return list;
}

#define APPTAINER(word, text) const struct runtime runtime_##word = { \
	.name = #word, \
	.title = (text), \
	.image = apptainer_image, \
	.state = apptainer_state, \
	.check = apptainer_check, \
	.prefix = apptainer_prefix, \
	.file = apptainer_file, \
	.binds = apptainer_binds, \
	.observe = process_observe, \
	.up = process_up, \
	.down = process_down, \
	.up_beside = process_up_beside, \
	.down_beside = process_down_beside, \
	.trial = process_trial, \
	.guard = process_guard, \
	.diagnose = process_diagnose, \
	.place = process_place, \
}

APPTAINER(apptainer, "Apptainer");
APPTAINER(singularity, "Singularity");

/* Can the engine's image run on a node: on its processors, its GPUs and their driver? What a name
 * tells is checked before a pull of many GB. */
#include <stdlib.h>
#include <string.h>

#include "planner/cluster/cluster.h"
#include "planner/cluster/visible.h"
#include "planner/facts/facts.h"
#include "planner/runtimes/runtime.h"
#include "planner/steps/preflight.h"

/* The words of an image's name that mean an architecture. */
static const struct { const char *word, *arch; } preflight_image_words[] = {
	{"x86_64", "amd64"}, {"amd64", "amd64"}, {"x86-64", "amd64"}, {"aarch64", "arm64"},
	{"arm64", "arm64"}, {"arm64v8", "arm64"},
};

static bool
preflight_image_ends(char c)
{
	return !c || strchr("/:@._-", c);
}

/* The word of a name that means an architecture, as it stands there, and which one it means. */
static const char *
preflight_image_word(const char *image, size_t *n, const char **arch)
{
	size_t end = strcspn(image, "@"), words = sizeof preflight_image_words / sizeof *preflight_image_words;

	for (size_t i = 1; i < end; i++)
		for (size_t k = 0; k < words; k++) {
			const char *word = preflight_image_words[k].word;

			*n = strlen(word);
			*arch = preflight_image_words[k].arch;
			if (strchr("/:._-", image[i - 1]) && strncasecmp(image + i, word, *n) == 0 &&
			    preflight_image_ends(image[i + *n]))
				return image + i;
		}
	return NULL;
}

static void
preflight_image_check_arch(struct arena *a, const struct cluster *c, const struct node *n,
			   struct diags *out)
{
	const char *here = node_arch(c, n), *arch = NULL, *at, *why;
	size_t length = 0;

	if (!c->image || !*here)
		return;
	at = preflight_image_word(c->image, &length, &arch);
	if (at && strcmp(arch, here) != 0) {
		diag_node(out, DIAG_ERROR, n,
			  at[-1] == '-' ? arena_printf(a, "take '%.*s%s' if that has all architectures, or a "
						       "tag for %s", (int)(at - c->image - 1), c->image,
						       at + length, here)
			  : arena_printf(a, "take an image for %s", here),
			  "image '%s' is for %s, but this node is %s (%s)", c->image, arch, here,
			  node_observed(n) ? n->facts->arch : "-");
		return;
	}
	why = at ? NULL : c->engine->image_lacks_arch(c->image, here);
	if (why)
		diag_node(out, DIAG_ERROR, n, why, "image '%s' has none for this node's architecture, %s",
			  c->image, here);
}

/* Is the archive there, and has it the image? */
static void
preflight_image_check_archive(struct arena *a, const struct cluster *c, const struct node *n,
			      struct diags *out)
{
	const struct facts *f = n->facts;
	const char *here = node_arch(c, n);
	bool there = false;

	if (!c->archive || !node_observed(n))
		return;
	if (c->proof && *c->proof->arch && *here && strcmp(c->proof->arch, here) != 0)
		diag_node(out, DIAG_ERROR, n, arena_printf(a, "take an archive for %s", here),
			  "image '%s' in engine.image_archive is for %s, but this node is %s (%s)", c->image,
			  c->proof->arch, here, f->arch);
	if (c->archive_from || !f->archive)
		return;
	for (size_t i = 0; i < f->image.n; i++)
		there |= strcmp(f->image.v[i].ref, c->image) == 0;
	if (strcmp(f->archive, "missing") == 0 && !there)
		diag_node(out, DIAG_ERROR, n, "copy it there; or write a path that is relative to the spec, and dray "
			  "sends the file from here", "there is no engine.image_archive '%s' on it", c->archive);
	else if (strcmp(f->archive, "other") == 0)
		diag_node(out, DIAG_ERROR, n, arena_printf(a, "%s save %s -o FILE writes one", c->runtime->name, c->image),
			  "engine.image_archive '%s' is not an archive of images", c->archive);
	else if (strcmp(f->archive, "read") == 0 && !f->archive_config)
		diag_node(out, DIAG_ERROR, n, f->archive_names ? "set engine.image to the one that is meant"
			  : "save it by its name", "engine.image_archive '%s' has no image '%s', but: %s", c->archive,
			  c->image, f->archive_names ? f->archive_names : "several without names");
	else if (f->archive_arch && *here && strcmp(f->archive_arch, here) != 0)
		diag_node(out, DIAG_ERROR, n, arena_printf(a, "take an archive for %s", here),
			  "image '%s' in engine.image_archive is for %s, but this node is %s (%s)", c->image,
			  f->archive_arch, here, f->arch);
}

/* What tells for which platform the engine there was built: the name of an image, or the version of a
 * wheel, "0.24.0+cu129". NULL: nothing. */
static const char *
preflight_image_build(const struct cluster *c, const struct node *n)
{
	return c->image ? c->image : c->sif ? c->sif : n->facts->venv_engine;
}

/* Does the engine come from somebody's own build? Its version says so ("+g1a2b3c4"), or nothing does,
 * so what it contains is a guess. */
static bool
preflight_image_is_own(const struct cluster *c, const struct node *n)
{
	const char *local = c->image || c->sif || !n->facts->venv_engine ? NULL
			  : strchr(n->facts->venv_engine, '+');

	return local && strncmp(local, "+cu", 3) != 0 && strncmp(local, "+rocm", 5) != 0;
}

/* Of a wheel whose version has no word for it, only what PyPI has is known. */
static bool
preflight_image_is_guess(const struct cluster *c, const struct node *n)
{
	return !c->image && !c->sif && n->facts->venv_engine && !strchr(n->facts->venv_engine, '+');
}

/* An image, or a wheel, contains CUDA or the like, which needs a recent driver. */
static void
preflight_image_check_driver(struct arena *a, const struct cluster *c, const struct node *n,
			     const struct accelerator *accelerator, int platform, struct diags *out)
{
	const struct engine *e = c->engine;
	const char *has = n->facts->gpu.n ? n->facts->gpu.v[0].driver : "";
	struct engine_version v = cluster_engine_version(c);
	long major = strtol(has, NULL, 10);
	int least = accelerator->driver ? accelerator->driver(platform) : 0;
	int most = least && major > 0 ? accelerator->driver_runs((int)major) : 0;
	const char *other = most && c->image ? e->image_with(a, most) : NULL;
	const char *build = preflight_image_build(c, n);
	const char *name = engine_version_known(v) ? arena_printf(a, "%s v%d.%d.%d", e->title, v.major, v.minor,
								   v.patch) : build;
	bool wheel = c->venv && !c->sif;

	if (major > 0 && major < least)
		diag_node(out, DIAG_WARNING, n,
			  wheel ? "update it, or install a build for an older one, with its own torch"
				: arena_printf(a, "update it%s%s%s%s", other ? ", or take " : "", other ? other : "",
					       e->driver_hint ? ", or " : "", e->driver_hint ? e->driver_hint : ""),
			  "driver %s is older than %d, which the %s in %s %s needs",
			  has, least, accelerator->platform, wheel ? "the build of" : "the image of", name);
}

/* Programs are compiled for generations of GPUs. */
static void
preflight_image_check_gpus(struct arena *a, const struct cluster *c, const struct node *n,
			   const struct accelerator *accelerator, int platform, struct diags *out)
{
	const struct facts *f = facts_visible(a, c, n);

	for (size_t i = 0; i < f->gpu.n; i++) {
		const struct gpu *g = &f->gpu.v[i];
		int capability = accelerator->capability ? accelerator->capability(g) : 0;
		const char *number = capability <= 0 ? "" : arena_printf(a, " has compute capability %d.%d",
									 capability / 10, capability % 10);
		struct engine_refusal r = {0}, any = {0};

		c->engine->gpu_refused(a, c, platform, capability, g->capability, &r);
		if (!r.why)
			continue;
		c->engine->gpu_refused(a, c, 0, capability, g->capability, &any);
		diag_node(out, r.surely && (any.why || !preflight_image_is_guess(c, n)) ? DIAG_ERROR
			  : DIAG_WARNING, n, r.hint, "%s%s: %s",
			  *g->name ? g->name : "the GPU", number, r.why);
		return;
	}
}

/* A warning: a plugin may know the model, and vLLM can run some by the classes of transformers. */
static void
preflight_image_check_model(struct arena *a, const struct cluster *c, const struct node *n,
			    struct diags *out)
{
	const char *hint = NULL, *why;

	if (n != &c->node[0] || !c->checkpoint || spec_arg_value(c->spec, "model-impl") ||
	    spec_arg_value(c->spec, "hf-overrides"))
		return;
	why = c->engine->unknown_model(a, cluster_engine_version(c), c->checkpoint->architecture, &hint);
	if (why)
		diag_node(out, DIAG_WARNING, n, hint, "%s", why);
}

void
preflight_image(struct arena *a, const struct cluster *c, const struct node *n, struct diags *out)
{
	const struct accelerator *accelerator = node_accelerator(c, n);
	const char *build = preflight_image_build(c, n), *made = build ? c->engine->image_for(build) : NULL;
	int platform;

	preflight_image_check_arch(a, c, n, out);
	preflight_image_check_archive(a, c, n, out);
	preflight_image_check_model(a, c, n, out);
	if (preflight_image_is_own(c, n))
		return;
	/* That it is built for GPUs of another maker was said. */
	if (made && accelerator_find(made) != accelerator)
		return;
	platform = c->engine->platform(build, c->venv && n->facts->venv_engine
				       ? engine_version_read(n->facts->venv_engine) : cluster_engine_version(c));
	preflight_image_check_driver(a, c, n, accelerator, platform, out);
	preflight_image_check_gpus(a, c, n, accelerator, platform, out);
}

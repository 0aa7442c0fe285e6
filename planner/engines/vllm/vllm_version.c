/* What each version of vLLM can do. */
#include <string.h>

#include "planner/base/vec.h"
#include "planner/engines/vllm/vllm.h"

static const char own_name[] = "vllm/vllm-openai";

/* The tag of an image named vllm/vllm-openai; *n: the length of its registry. */
static const char *
version_own_tag(const char *image, size_t *n)
{
	const char *slash = image ? strrchr(image, '/') : NULL;
	const char *colon = slash ? strchr(slash, ':') : NULL;
	size_t name = sizeof own_name - 1, all = colon ? (size_t)(colon - image) : 0;

	if (all < name || memcmp(colon - name, own_name, name) != 0)
		return NULL;
	*n = all - name;
	return *n && image[*n - 1] != '/' ? NULL : colon + 1;
}

struct engine_version
vllm_version_of_image(const char *image, bool copies)
{
	/* Docker Hub, by all of its names. */
	static const char *const hub[] = {"", "docker.io/", "index.docker.io/",
		"registry-1.docker.io/", "registry.hub.docker.com/"};
	size_t n = 0;
	const char *tag = version_own_tag(image, &n);

	if (tag && copies)
		return engine_version_read(tag);
	for (size_t i = 0; tag && i < countof(hub); i++)
		if (strlen(hub[i]) == n && memcmp(hub[i], image, n) == 0)
			return engine_version_read(tag);
	return (struct engine_version){.major = -1};
}

const char *
vllm_refuses(struct arena *a, struct engine_version v, enum shape shape, const char *instead)
{
	if (shape != SHAPE_RANKS || !engine_version_known(v))
		return NULL;
	if (engine_version_before(v, 0, 11, 1))
		return arena_printf(a, "vLLM v%d.%d.%d has no backend mp over several nodes: take v0.11.1 or "
				    "later%s%s", v.major, v.minor, v.patch, instead ? ", or " : "",
				    instead ? instead : "");
	if (!engine_version_before(v, 0, 17, 0) && engine_version_before(v, 0, 18, 0))
		return arena_printf(a, "vLLM v%d.%d.%d crashes at its start with backend mp over several nodes "
				    "(\"inner dp world group is not initialized\", vLLM issue 36389): take "
				    "v0.18.0 or later%s%s", v.major, v.minor, v.patch,
				    instead ? ", or " : "", instead ? instead : "");
	return NULL;
}

const char *
vllm_image_lacks(const char *image, enum shape shape)
{
	struct engine_version v = vllm_version_of_image(image, false);

	if (shape != SHAPE_COORDINATOR || !engine_version_known(v) || engine_version_before(v, 0, 18, 0))
		return NULL;
	return "vLLM's own images have no Ray since v0.18.0: take v0.17.1, an image with Ray added, "
	       "or backend mp";
}

static const struct {
	const char *option, *since;
} options[] = {
	{"headless", "v0.9.0"},
	{"nnodes", "v0.11.1"}, {"node-rank", "v0.11.1"},
	{"master-addr", "v0.11.1"}, {"master-port", "v0.11.1"},
	{"data-parallel-start-rank", "v0.9.0"},
	{"distributed-timeout-seconds", "v0.18.0"},
};

const char *
vllm_arg_since(struct engine_version v, const char *arg)
{
	for (size_t i = 0; engine_version_known(v) && i < countof(options); i++)
		if (strcmp(options[i].option, arg) == 0 &&
		    engine_version_compare(v, engine_version_read(options[i].since)) < 0)
			return options[i].since;
	return NULL;
}

static const struct {
	const char *name, *since, *last;
} architectures[] = {
#define ARCHITECTURE(name, since, last) {name, since, last},
#include "planner/engines/vllm/architectures.def"
#undef ARCHITECTURE
};

const char *
vllm_unknown_model(struct arena *a, struct engine_version v, const char *architecture, const char **hint)
{
	const char *since, *last;
	size_t i = 0;

	while (i < countof(architectures) && strcmp(architectures[i].name, architecture) != 0)
		i++;
	if (!engine_version_known(v) || i == countof(architectures))
		return NULL;
	since = architectures[i].since;
	last = architectures[i].last;
	if (since && engine_version_compare(v, engine_version_read(since)) < 0) {
		*hint = arena_printf(a, last ? "take %s to %s" : "take %s or later", since, last);
		return arena_printf(a, "vLLM v%d.%d.%d does not know the model's architecture %s, which came "
				    "with %s", v.major, v.minor, v.patch, architecture, since);
	}
	if (!last || engine_version_compare(v, engine_version_read(last)) <= 0)
		return NULL;
	*hint = arena_printf(a, "take %s or older", last);
	return arena_printf(a, "vLLM v%d.%d.%d refuses the model's architecture %s, which was removed after "
			    "%s", v.major, v.minor, v.patch, architecture, last);
}

/* Older scripts name their container "node", or give --head twice. The newest script runs older
 * images too. */
static const struct {
	const char *since, *folder;
} script_folders[] = {
	{"v0.21.0", "ray_serving"},
	{"v0.13.0", "online_serving"},
};
static const char script_last[] = "v0.33.0";    /* the bytes are known up to this release */
static const char script_sha256[] =
	"f37a33e80e231c9c52fa7ca3b93fb75f63f7b15fcd5ec860fcc4537cc5a0aaeb";

const char *
vllm_script_url(struct arena *a, struct engine_version v, const char **sha256)
{
	const char *folder = NULL;

	if (engine_version_known(v) &&
	    engine_version_compare(v, engine_version_read(script_last)) <= 0)
		for (size_t i = 0; i < countof(script_folders) && !folder; i++)
			if (engine_version_compare(
				    v, engine_version_read(script_folders[i].since)) >= 0)
				folder = script_folders[i].folder;
	if (!folder) {
		v = engine_version_read("v0.17.1");
		folder = "online_serving";
	}
	*sha256 = script_sha256;
	return arena_printf(a, "https://raw.githubusercontent.com/vllm-project/vllm/v%d.%d.%d/"
			    "examples/%s/run_cluster.sh", v.major, v.minor, v.patch, folder);
}

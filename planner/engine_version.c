#include "planner/engine_version.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "planner/base/vec.h"

struct engine_version
engine_version_read(const char *text)
{
	struct engine_version v = {.major = -1};
	int number[3] = {0}, n = 0;

	text += *text == 'v';
	while (n < 3 && *text >= '0' && *text <= '9') {
		char *end;
		long x = strtol(text, &end, 10);

		if (x > 99999)
			return v;
		number[n++] = (int)x;
		if (*end != '.')
			break;
		text = end + 1;
	}
	if (n < 2)
		return v;
	return (struct engine_version){number[0], number[1], number[2]};
}

struct engine_version
engine_version_of_image(const char *image)
{
	static const char *const own[] = {"vllm/vllm-openai", "docker.io/vllm/vllm-openai"};
	const char *slash = image ? strrchr(image, '/') : NULL;
	const char *colon = slash ? strchr(slash, ':') : NULL;

	for (size_t i = 0; colon && i < countof(own); i++)
		if (strlen(own[i]) == (size_t)(colon - image) &&
		    memcmp(own[i], image, (size_t)(colon - image)) == 0)
			return engine_version_read(colon + 1);
	return (struct engine_version){.major = -1};
}

bool
engine_version_known(struct engine_version v)
{
	return v.major >= 0;
}

static int
compare(struct engine_version v, struct engine_version w)
{
	return v.major != w.major ? v.major - w.major
	     : v.minor != w.minor ? v.minor - w.minor : v.patch - w.patch;
}

bool
engine_version_before(struct engine_version v, int major, int minor, int patch)
{
	return engine_version_known(v) &&
	       compare(v, (struct engine_version){major, minor, patch}) < 0;
}

/* From `since` on, up to but without `until`. */
static const struct {
	const char *since, *until;
} features[ENGINE_FEATURES] = {
	[ENGINE_HEADLESS] = {"v0.9.0", NULL},
	[ENGINE_NNODES] = {"v0.11.1", NULL},
	[ENGINE_BACKEND_NAMED] = {"v0.11.1", NULL},
	[ENGINE_READY_TIMEOUT] = {"v0.14.0", NULL},
	[ENGINE_CARRIES_ENV] = {"v0.17.0", NULL},
	[ENGINE_RAY_INSIDE] = {NULL, "v0.18.0"},
	[ENGINE_HF_COMMAND] = {"v0.10.1", NULL},
};

enum engine_answer
engine_has(struct engine_version v, enum engine_feature feature)
{
	const char *since = features[feature].since, *until = features[feature].until;

	if (!engine_version_known(v))
		return ENGINE_MAYBE;
	if (since && compare(v, engine_version_read(since)) < 0)
		return ENGINE_NO;
	return until && compare(v, engine_version_read(until)) >= 0 ? ENGINE_NO : ENGINE_YES;
}

const char *
engine_since(enum engine_feature feature)
{
	return features[feature].since;
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
engine_lacks_option(struct engine_version v, const char *option)
{
	for (size_t i = 0; engine_version_known(v) && i < countof(options); i++)
		if (strcmp(options[i].option, option) == 0 &&
		    compare(v, engine_version_read(options[i].since)) < 0)
			return options[i].since;
	return NULL;
}

/* Older scripts name their container "node", or give --head twice; the newest bytes
 * run older images as well. */
static const struct {
	const char *since, *folder;
} script_folders[] = {
	{"v0.21.0", "ray_serving"},
	{"v0.13.0", "online_serving"},
};
static const char script_last[] = "v0.33.0";    /* the bytes are known up to here */
static const char script_sha256[] =
	"f37a33e80e231c9c52fa7ca3b93fb75f63f7b15fcd5ec860fcc4537cc5a0aaeb";

const char *
engine_script_url(struct arena *a, struct engine_version v, const char **sha256)
{
	const char *folder = NULL;

	if (engine_version_known(v) && compare(v, engine_version_read(script_last)) <= 0)
		for (size_t i = 0; i < countof(script_folders) && !folder; i++)
			if (compare(v, engine_version_read(script_folders[i].since)) >= 0)
				folder = script_folders[i].folder;
	if (!folder) {
		v = engine_version_read("v0.17.1");
		folder = "online_serving";
	}
	*sha256 = script_sha256;
	return arena_printf(a, "https://raw.githubusercontent.com/vllm-project/vllm/v%d.%d.%d/"
			    "examples/%s/run_cluster.sh", v.major, v.minor, v.patch, folder);
}

int
engine_driver(struct engine_version v)
{
	if (!engine_version_known(v) || engine_version_before(v, 0, 17, 0))
		return 0;
	return engine_version_before(v, 0, 20, 0) ? 575 : 580;
}

/* What a spec must satisfy where the engine runs in a SIF file. */
#include <string.h>

#include "planner/engines/engine.h"
#include "planner/spec/checks.h"

/* Runtimes that run commands in a SIF file, which the storage has. */
static bool
checks_sif_is_meant(const struct spec_engine *e)
{
	const char *word = e->runtime.text ? e->runtime.text : "";

	return strcmp(word, "apptainer") == 0 || strcmp(word, "singularity") == 0;
}

void
check_runtime_sif(struct checking *c)
{
	const struct spec_engine *e = &c->spec->engine;
	const char *name = e->runtime.text;
	bool file = e->image.text && *e->image.text == '/';

	if (!checks_sif_is_meant(e)) {
		if (file && name && strcmp(name, "none") != 0)
			check_fail(c, e->image.at, "a SIF file is for runtime apptainer: %s takes an image "
				   "reference such as vllm/vllm-openai:v0.17.1", name);
		return;
	}
	if (!spec_store(c->spec))
		check_fail(c, e->runtime.at, "runtime %s keeps its commands in the storage: give shared_dir, or "
			   "storage: {local: /DIR}", name);
	if (e->launcher.text && strcmp(e->launcher.text, "script") == 0)
		check_fail(c, e->launcher.at, "launcher script starts Docker's containers, and runtime %s has none",
			   name);
	if (e->image_archive.text)
		check_fail(c, e->image_archive.at, "make a SIF file from it with '%s build x.sif docker-archive:%s', and "
			   "write its path as 'image'", name, e->image_archive.text);
	if (e->docker_args.n)
		check_fail(c, e->docker_args.v[0].at, "'docker_args' are for Docker and podman: what %s is to "
			   "bring into the image stands in env: {APPTAINER_BIND: '/x,/y:/z'}", name);
}

/* The checks of the image: its name, where it comes from, and SIF files. */
#include <string.h>

#include "planner/engines/engine.h"
#include "planner/spec/checks.h"

/* Does the runtime run commands in a SIF file? */
static bool
checks_image_is_sif(const struct spec_engine *e)
{
	return word_is(&e->runtime, "apptainer") || word_is(&e->runtime, "singularity");
}

void
check_runtime_sif(struct checking *c)
{
	const struct spec_engine *e = &c->spec->engine;
	const char *name = e->runtime.text;
	bool file = e->image.text && *e->image.text == '/';

	if (!checks_image_is_sif(e)) {
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
		check_fail(c, e->docker_args.v[0].at, "'docker_args' are for Docker and podman: with %s, mount "
			   "folders by env: {APPTAINER_BIND: '/x,/y:/z'}", name);
}

void
check_runtime_image(struct checking *c)
{
	const struct spec_engine *e = &c->spec->engine;

	if (word_is(&e->runtime, "none") && was_given(&e->image))
		check_fail(c, e->image.at, "'image' has no effect with runtime none");
}

void
check_image_archive(struct checking *c)
{
	const struct spec_engine *e = &c->spec->engine;

	if (!was_given(&e->image_archive))
		return;
	if (word_is(&e->runtime, "none"))
		check_fail(c, e->image_archive.at, "'image_archive' has no effect with runtime none");
	else if (e->image.text && strchr(e->image.text, '@'))
		check_fail(c, e->image.at, "an archive does not have a registry's digests: name the image by "
			   "the tag that it has in the archive");
}

void
check_image_pull(struct checking *c)
{
	const struct spec_engine *e = &c->spec->engine;

	if (!word_is(&e->pull, "once"))
		return;
	if (word_is(&e->runtime, "none") || checks_image_is_sif(e))
		check_fail(c, e->pull.at, "'pull' is for Docker and podman: with runtime %s, nodes do not pull an image",
			   e->runtime.text);
	else if (e->image.text && strchr(e->image.text, '@'))
		check_fail(c, e->image.at, "an image that is named by a digest comes only from a registry, not from "
			   "another node: name it by its tag, or leave out 'pull: once'");
	else if (e->image_archive.text && *e->image_archive.text == '/')
		check_fail(c, e->pull.at, "each node loads the image from its own 'image_archive': leave out 'pull', or "
			   "give a path relative to the spec, and dray sends the archive to one node for all");
}

void
check_image_engine(struct checking *c)
{
	const struct spec_engine *e = &c->spec->engine;
	const char *other = e->image.text && e->kind->image_other ? e->kind->image_other(e->image.text) : NULL;

	if (other && !word_is(&e->runtime, "none"))
		check_fail(c, e->image.at, "the image is one of %s, in which dray would start '%s': take one with %s, such "
			   "as %s", other, e->kind->server, e->kind->title, e->kind->image);
}

void
check_image_config(struct checking *c)
{
	const struct spec_engine *e = &c->spec->engine;

	if (!was_given(&e->image_config))
		return;
	if (e->image_archive.text)
		check_fail(c, e->image_config.at, "what 'image_archive' has is known without 'image_config'");
	else if (!word_is(&e->pull, "once"))
		check_fail(c, e->image_config.at, "'image_config' has an effect with 'pull: once' only: name the image by "
			   "its digest instead, NAME@sha256:...");
}

void
check_image_pinned(struct checking *c)
{
	const struct word *image = &c->spec->engine.image;
	const char *slash, *tag;

	if (!image->text || strchr(image->text, '@') || *image->text == '/')
		return;
	slash = strrchr(image->text, '/');
	tag = strchr(slash ? slash : image->text, ':');
	if (!tag)
		check_fail(c, image->at, "the image has no tag: nodes may get different images");
	else if (strcmp(tag, ":latest") == 0)
		check_fail(c, image->at, "the tag 'latest' moves: nodes may get different images");
}

/* model.path: a folder or a GGUF file that every node has. dray does not change it. */
#include <string.h>

#include "planner/base/path.h"
#include "planner/base/vec.h"
#include "planner/sources/source.h"

static const char *
folder_name(const struct spec_model *spec)
{
	return spec->path.text;
}

static const char *
folder_served_name(const struct spec_model *spec)
{
	const char *slash = strrchr(spec->path.text, '/');

	return slash && slash[1] ? slash + 1 : spec->path.text;
}

static const char *
folder_itself(struct arena *a, struct attrs *inputs, const char *hf_home)
{
	(void)a;
	(void)hf_home;
	return attrs_value(inputs, "model.path", "");
}

static void
folder_want(struct arena *a, const struct spec_model *spec, const char *commit, struct attrs *want)
{
	(void)commit;
	attrs_add(a, want, "model.path", spec->path.text);
}

/* ---- is it a model ---- */

static const struct fact_file *
folder_file(const struct facts *f, const char *name)
{
	for (size_t i = 0; i < f->file.n; i++)
		if (strcmp(f->file.v[i].path, name) == 0)
			return &f->file.v[i];
	return NULL;
}

/* The format of what model.path names. Engines take neither a file that is not a GGUF file nor a
 * folder with GGUF files. */
static enum checkpoint_format
folder_format(const struct spec_model *spec, const struct facts *f)
{
	enum checkpoint_format format = format_of_facts(f);

	if (f->model_kind && strcmp(f->model_kind, "file") == 0)
		return path_ends(spec->path.text, ".gguf") ? FORMAT_GGUF : FORMAT_NONE;
	return format == FORMAT_GGUF ? FORMAT_NONE : format;
}

/* The names of some files there: "a, b, c and 4 more". */
static const char *
folder_names(struct arena *a, const struct facts *f)
{
	enum { SHOWN = 6 };
	const char *list = "nothing";

	for (size_t i = 0; i < f->file.n && i < SHOWN; i++)
		list = arena_printf(a, "%s%s%.80s", i ? list : "", i ? ", " : "", f->file.v[i].path);
	return f->file.n > SHOWN ? arena_printf(a, "%s and %zu more", list, f->file.n - SHOWN) : list;
}

/* What the user may have meant, by what is there. */
static const char *
folder_hint(struct arena *a, const struct spec_model *spec, const struct facts *f)
{
	const char *path = spec->path.text;

	if (strcmp(f->model_kind, "file") == 0)
		return "name the folder that it is in, or a file that ends in .gguf";
	for (size_t i = 0; i < f->file.n; i++) {
		const char *name = f->file.v[i].path;

		if (strncmp(name, "snapshots/", 10) == 0 && name[10])
			return arena_printf(a, "it is the cache of a repository: name the snapshot, "
					    "'path: %s/%.*s'", path, (int)strlen(name) - 1, name);
		if (path_ends(name, ".gguf"))
			return arena_printf(a, "name the file: 'path: %s/%s'", path, name);
		if (strcmp(name, "adapter_config.json") == 0)
			return "it is a LoRA adapter: name its base model, and the adapter in "
			       "engine.args with 'lora-modules'";
	}
	return "a folder with config.json and weights (Hugging Face's format), or with params.json and "
	       "consolidated*.safetensors (Mistral's), or one file that ends in .gguf";
}

static const char *
folder_missing(struct arena *a, const struct spec_model *spec, const struct facts *f, const char **hint)
{
	const char *path = spec->path.text, *kind = f->model_kind;

	if (!kind) /* a look recorded by an older dray */
		return f->file.n ? NULL : arena_printf(a, "model.path '%s' has no config.json", path);
	if (strcmp(kind, "none") == 0)
		return arena_printf(a, "model.path '%s' does not exist", path);
	if (strcmp(kind, "broken") == 0)
		return arena_printf(a, "model.path '%s' is a link to nothing", path);
	if (strcmp(kind, "dead") == 0) {
		*hint = "mount it again: umount -l, then mount";
		return arena_printf(a, "model.path '%s' cannot be read: its mount is dead", path);
	}
	if (strcmp(kind, "closed") == 0) {
		*hint = arena_printf(a, "let user '%s' read it", f->user);
		return arena_printf(a, "user '%s' may not read model.path '%s'", f->user, path);
	}
	if (folder_format(spec, f) == FORMAT_NONE) {
		*hint = folder_hint(a, spec, f);
		return strcmp(kind, "file") == 0
			? arena_printf(a, "model.path '%s' is a file, but not a GGUF file", path)
			: format_of_facts(f) == FORMAT_GGUF
			? arena_printf(a, "model.path '%s' is a folder with GGUF files, but a model is one such file", path)
			: arena_printf(a, "model.path '%s' is not a model: it has neither config.json nor "
				       "params.json, but %s", path, folder_names(a, f));
	}
	for (size_t i = 0; i < f->file.n; i++)
		if (f->file.v[i].size < 0) {
			*hint = "copy the folder with what its links lead to: cp -rL, or rsync -L";
			return arena_printf(a, "model.path '%s': '%s' is a link to nothing", path,
					    f->file.v[i].path);
		}
	if (f->lacks.n) {
		*hint = "copy the rest of the model there";
		return arena_printf(a, "model.path '%s' lacks '%s'%s, which its index names", path,
				    f->lacks.v[0].file, f->lacks.n == 1 ? ""
				    : arena_printf(a, " and %zu more", f->lacks.n - 1));
	}
	return NULL;
}

/* Is it a file that engines load? Others may differ. */
static bool
folder_counts(const char *name)
{
	static const char *const ends[] = {".json", ".safetensors", ".bin", ".gguf", ".model", ".txt",
		".jinja", ".tiktoken", ".py"};

	for (size_t i = 0; i < countof(ends); i++)
		if (path_ends(name, ends[i]))
			return true;
	return false;
}

static const char *
folder_differs(struct arena *a, const struct spec_model *spec, const struct facts *f,
	       const struct facts *first, const char *name)
{
	const char *path = spec->path.text;

	if (!f->model_kind || !first->model_kind || strcmp(first->model_kind, f->model_kind) != 0)
		return NULL; /* what is missing on one of them is said already */
	for (size_t i = 0; i < first->file.n; i++) {
		const struct fact_file *there = &first->file.v[i], *here = folder_file(f, there->path);

		if (!folder_counts(there->path) || strchr(there->path, '/'))
			continue;
		if (!here)
			return arena_printf(a, "model.path '%s' has no '%s', which %s has", path, there->path,
					    name);
		if (here->size != there->size)
			return arena_printf(a, "model.path '%s': '%s' has %lld bytes, but %lld on %s", path,
					    there->path, here->size, there->size, name);
	}
	for (size_t i = 0; i < f->file.n; i++)
		if (folder_counts(f->file.v[i].path) && !strchr(f->file.v[i].path, '/') &&
		    !folder_file(first, f->file.v[i].path))
			return arena_printf(a, "model.path '%s' has '%s', which %s does not have", path,
					    f->file.v[i].path, name);
	if (f->model_sample && first->model_sample && strcmp(f->model_sample, first->model_sample) != 0)
		return arena_printf(a, "model.path '%s' has files of the same names and sizes as on %s, but "
				    "their contents differ", path, name);
	return NULL;
}

static void
folder_texts(struct arena *a, const struct spec_model *spec, const struct facts *head,
	     const char *commit, struct checkpoint_texts *t)
{
	(void)commit;
	t->format = head ? folder_format(spec, head) : FORMAT_NONE;
	t->file_bytes = head ? (double)head->model_bytes : 0;
	if (!head || !head->model_config) {
		t->why = t->format == FORMAT_GGUF
			? arena_printf(a, "dray does not read GGUF files such as '%s'", spec->path.text)
			: arena_printf(a, "there is no config.json in '%s'", spec->path.text);
		return;
	}
	t->config = head->model_config;
	t->nconfig = strlen(t->config);
	if (head->model_total > 0) {
		t->index = arena_printf(a, "{\"metadata\": {\"total_size\": %lld}}", head->model_total);
		t->nindex = strlen(t->index);
	}
}

static const char *
folder_cache_name(struct arena *a, const struct spec_model *spec, const struct facts *head,
		const char *commit)
{
	(void)spec;
	(void)commit;
	return head && head->model_print ? arena_printf(a, "path@%s", head->model_print) : NULL;
}

const struct weights_source source_folder = {
	.name = folder_name,
	.served_name = folder_served_name,
	.mount = folder_name,
	.want = folder_want,
	.input = "model.path",
	.folder = folder_itself,
	.missing = folder_missing,
	.differs = folder_differs,
	.texts = folder_texts,
	.cache_name = folder_cache_name,
};

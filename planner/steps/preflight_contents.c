/* Is that all of a model, and nothing twice? By the names and sizes of its files, before anything is
 * downloaded or started. */
#include <string.h>

#include "planner/base/bytes.h"
#include "planner/base/path.h"
#include "planner/base/vec.h"
#include "planner/steps/download.h"
#include "planner/steps/preflight.h"

/* The files of the model, as its server lists them or as the first node has them. */
struct contents_file { const char *path; long long size; };
struct contents_files { struct contents_file *v; size_t n, cap; };

static bool
contents_starts(const char *path, const char *start)
{
	return strncmp(path, start, strlen(start)) == 0;
}

static struct contents_files
contents_files_of(struct arena *a, const struct cluster *c, const struct node *head)
{
	struct contents_files list = {0};

	for (size_t i = 0; c->manifest && i < c->manifest->n; i++)
		*vec_push(a, &list) = (struct contents_file){c->manifest->v[i].path, c->manifest->v[i].size};
	/* (A look of an older dray does not say what model.path is.) */
	for (size_t i = 0; !c->source->fetched && head->facts->model_kind && i < head->facts->file.n; i++) {
		const struct fact_file *f = &head->facts->file.v[i];

		if (f->size >= 0)
			*vec_push(a, &list) = (struct contents_file){f->path, f->size};
	}
	return list;
}

/* What engines read weights from, at the top of the folder. */
static bool
contents_is_weight(const char *path)
{
	static const char *const ends[] = {".safetensors", ".bin", ".pt", ".pth", ".gguf"};

	for (size_t i = 0; i < countof(ends); i++)
		if (path_ends(path, ends[i]))
			return true;
	return false;
}

static bool
contents_has(const struct contents_files *list, const char *name)
{
	for (size_t i = 0; i < list->n; i++)
		if (strcmp(list->v[i].path, name) == 0)
			return true;
	return false;
}

static const char *
contents_name(const struct cluster *c)
{
	return c->source->name(&c->spec->model);
}

static enum checkpoint_format
contents_format(const struct cluster *c)
{
	return c->manifest ? format_of_manifest(c->manifest) : c->texts.format;
}

/* ---- what is not there ---- */

static const char *
contents_left_out(const struct cluster *c, const char *hint)
{
	const struct spec_model *m = &c->spec->model;

	return m->include.n ? "let model.include name it, too" : m->exclude.n ? "does model.exclude leave it out?"
								: hint;
}

/* A repository of something else, by its names. */
static void
contents_check_kind(struct arena *a, const struct cluster *c, const struct contents_files *list, struct diags *out)
{
	const char *name = contents_name(c);
	struct node *n = &c->node[0];

	if (contents_format(c) != FORMAT_NONE || c->texts.config || spec_arg_value(c->spec, "hf-config-path"))
		return;
	if (contents_has(list, "adapter_config.json"))
		diag_node(out, DIAG_ERROR, n, arena_printf(a, "name its base model as 'repo', and in engine.args: "
							   "{enable-lora: true, lora-modules: NAME=%s}", name),
			  "'%s' is a LoRA adapter, not a model", name);
	else if (contents_has(list, "model_index.json"))
		diag_node(out, DIAG_ERROR, n, "take a language model, or another engine",
			  "'%s' is a pipeline of Diffusers (model_index.json), which %s does not serve", name,
			  c->engine->title);
	else
		diag_node(out, DIAG_ERROR, n, contents_left_out(c, "is it the right one? A model has config.json and weights"),
			  "'%s' has no config.json", name);
}

static void
contents_check_gguf(struct arena *a, const struct cluster *c, struct diags *out)
{
	size_t n = 0, parts = 0;
	const char *some = gguf_models(a, c->manifest, &n, &parts), *first = gguf_first(c->manifest);

	if (n > 1)
		diag_node(out, DIAG_ERROR, &c->node[0],
			  arena_printf(a, "choose one of them: model: {include: ['%s']}", gguf_pattern(a, first)),
			  "'%s' has %zu models as GGUF files, and %s takes one: %s", contents_name(c), n,
			  c->engine->title, some);
	else if (parts > 1)
		diag_node(out, DIAG_WARNING, &c->node[0],
			  arena_printf(a, "if it refuses them: llama-gguf-split --merge, and the result as model.path"),
			  "the GGUF file is in %zu parts, which older versions of %s do not load", parts,
			  c->engine->title);
}

/* model.path is one of several files, or belongs to one. */
static void
contents_check_gguf_path(struct arena *a, const struct cluster *c, const struct node *n, struct diags *out)
{
	const char *path = contents_name(c), *slash = strrchr(path, '/');
	unsigned of, part = gguf_part(path, &of);

	if (!n->facts->model_kind || strcmp(n->facts->model_kind, "file") != 0)
		return;
	if (part > 1)
		diag_node(out, DIAG_ERROR, &c->node[0],
			  arena_printf(a, "path: %.*s-00001-of-%05u.gguf", (int)(strlen(path) - 20), path, of),
			  "'%s' is part %u of %u: name the first one", path, part, of);
	else if (of > 1)
		diag_node(out, c->image ? DIAG_ERROR : DIAG_WARNING, &c->node[0],
			  arena_printf(a, "merge them: llama-gguf-split --merge %s NEW.gguf, and name that", path),
			  "'%s' is the first of %u parts: %s", path, of, c->image ? "a container gets this file alone"
			  : "older versions of the engine do not load them");
	else if (slash && strncmp(slash + 1, "mmproj", 6) == 0)
		diag_node(out, DIAG_ERROR, &c->node[0], "name the file beside it that has the model",
			  "'%s' is the part of a model that reads images, not the model", path);
}

static void
contents_check_there(struct arena *a, const struct cluster *c, const struct contents_files *list, struct diags *out)
{
	const char *gap = c->manifest ? snapshot_gap(a, c->manifest) : NULL, *subfolder = NULL;
	bool some = false;

	for (size_t i = 0; i < list->n; i++) {
		bool inside = strchr(list->v[i].path, '/');

		some = some || (contents_is_weight(list->v[i].path) && !inside);
		if (inside && path_ends(list->v[i].path, ".safetensors"))
			subfolder = list->v[i].path;
	}
	/* Tensorizer and the like name the weights in other arguments. */
	if (!some && !spec_arg_value(c->spec, "load-format"))
		diag_node(out, DIAG_ERROR, &c->node[0],
			  contents_left_out(c, subfolder ? "copy that folder alone, and name it as model.path"
							: "is it the right one? A model has weights, such as *.safetensors"),
			  "'%s' has no weights%s%s%s", contents_name(c), subfolder ? " but in a folder of it, such as '" : "",
			  subfolder ? subfolder : "", subfolder ? "'" : "");
	else if (gap)
		diag_node(out, DIAG_ERROR, &c->node[0], contents_left_out(c, "wait until its upload is complete, or name an "
									    "older 'revision'"),
			  "'%s' lacks '%s'", contents_name(c), gap);
}

/* The engine reads none of these names by itself; but a tokenizer may have any. */
static void
contents_check_tokenizer(const struct cluster *c, const struct contents_files *list, struct diags *out)
{
	static const char *const parts[] = {"token", "vocab", "tekken", "spiece", "sentencepiece", "merges"};
	const struct spec_model *m = &c->spec->model;
	bool some = spec_arg_value(c->spec, "tokenizer") || spec_arg_flag(c->spec, "skip-tokenizer-init");

	for (size_t i = 0; i < list->n && !some; i++) {
		some = path_ends(list->v[i].path, ".model") || path_ends(list->v[i].path, ".tiktoken");
		for (size_t k = 0; k < countof(parts); k++)
			some = some || strstr(list->v[i].path, parts[k]);
	}
	/* A model of two files is for a trial: it is asked in tokens and not in words. */
	if (some || list->n < 3)
		return;
	diag_node(out, DIAG_WARNING, &c->node[0],
		  m->include.n || m->exclude.n ? "'include' and 'exclude' must let tokenizer* pass"
			: "copy tokenizer.json and tokenizer_config.json there, or add to engine.args: {tokenizer: ORG/NAME}",
		  "'%s' has no tokenizer, without which most models do not start", contents_name(c));
}

/* "version https://git-lfs...", "oid sha256:..." and "size ..." are 120 to 140 bytes. */
static void
contents_check_pointers(struct arena *a, const struct cluster *c, const struct contents_files *list,
		       struct diags *out)
{
	const char *first = NULL, *hint;
	long long bytes = 0;
	size_t n = 0;

	for (size_t i = 0; i < list->n; i++)
		if (contents_is_weight(list->v[i].path) && list->v[i].size >= 120 && list->v[i].size < 200 && !n++) {
			first = list->v[i].path;
			bytes = list->v[i].size;
		}
	if (!first)
		return;
	hint = c->source->fetched ? "upload the files themselves: 'git lfs pull' fetches them into the clone"
		: arena_printf(a, "fetch the files: git -C %s lfs pull, on every node", contents_name(c));
	diag_node(out, DIAG_ERROR, &c->node[0], hint,
		  "'%s' is a clone without its large files: '%s' has %lld bytes, as a pointer of Git LFS does%s",
		  contents_name(c), first, bytes, n > 1 ? arena_printf(a, ", and so has %zu more", n - 1) : "");
}

/* ---- what is there twice ---- */

/* Files that no engine loads which loads the others, and the pattern that leaves them out. */
static const struct contents_other {
	const char *start, *end, *pattern;
	bool beside;            /* only if there are safetensors beside them */
} contents_others[] = {
	{"original/", "", "original/*", false}, {"metal/", "", "metal/*", false},
	{"onnx/", "", "onnx/*", false}, {"openvino/", "", "openvino/*", false}, {"coreml/", "", "coreml/*", false},
	{"", ".h5", "*.h5", false}, {"", ".msgpack", "*.msgpack", false}, {"", ".ot", "*.ot", false},
	{"", ".onnx", "*.onnx", false}, {"", ".onnx_data", "*.onnx_data", false}, {"", ".tflite", "*.tflite", false},
	{"consolidated", "", "consolidated*", true}, {"", ".bin", "*.bin", true}, {"", ".pth", "*.pth", true},
	{"", ".pt", "*.pt", true}, {"", ".gguf", "*.gguf", true},
};

static const struct contents_other *
contents_other_of(const char *path, bool safetensors)
{
	for (size_t i = 0; i < countof(contents_others); i++) {
		const struct contents_other *o = &contents_others[i];

		if ((safetensors || !o->beside) && contents_starts(path, o->start) &&
		    (!*o->end || path_ends(path, o->end)))
			return o;
	}
	return NULL;
}

/* Does an argument ask for weights of another kind? Then these are the ones. */
static bool
contents_asked_otherwise(const struct cluster *c)
{
	const char *format = spec_arg_value(c->spec, "load-format");

	return contents_format(c) != FORMAT_HF || (format && strcmp(format, "auto") != 0 &&
						strcmp(format, "safetensors") != 0);
}

static void
contents_check_twice(struct arena *a, const struct cluster *c, struct diags *out)
{
	const struct manifest *m = c->manifest;
	bool used[countof(contents_others)] = {0}, safetensors = false;
	long long bytes = 0, lacking = 0;
	const char *patterns = "", *first;

	if (!m || contents_asked_otherwise(c) ||
	    !download_lacks(c, NULL, &c->node[0], &first, &lacking))
		return;
	for (size_t i = 0; i < m->n; i++)
		safetensors = safetensors || (path_ends(m->v[i].path, ".safetensors") &&
					      !strchr(m->v[i].path, '/') && !contents_starts(m->v[i].path, "consolidated"));
	for (size_t i = 0; i < m->n; i++) {
		const struct contents_other *o = contents_other_of(m->v[i].path, safetensors);

		if (!o || m->v[i].size < 1000000)
			continue;
		bytes += m->v[i].size;
		if (!used[o - contents_others])
			patterns = arena_printf(a, "%s%s'%s'", patterns, *patterns ? ", " : "", o->pattern);
		used[o - contents_others] = true;
	}
	if (bytes < 1000000000 || bytes < m->bytes / 10)
		return;
	diag_node(out, DIAG_WARNING, &c->node[0], arena_printf(a, "leave them out: model: {exclude: [%s]}", patterns),
		  "%s of the %s to download are copies in other formats, which %s does not load",
		  bytes_text(a, bytes), bytes_text(a, m->bytes), c->engine->title);
}

/* Code that comes with a model, or from another repository, which the engine may not fetch. */
static void
contents_check_code(struct arena *a, const struct cluster *c, struct diags *out)
{
	const struct checkpoint *f = c->checkpoint;
	bool trusted = spec_arg_flag(c->spec, "trust-remote-code"), there = !f || !f->code_repo;

	if (!f || !f->own_code)
		return;
	for (size_t i = 0; i < c->nextra && !there; i++)
		there = strcmp(c->extra[i].from.repo.text, f->code_repo) == 0;
	if (trusted && !there)
		diag_node(out, DIAG_WARNING, &c->node[0],
			  arena_printf(a, "have it downloaded, too: model: {extra: [{repo: %s}]}", f->code_repo),
			  "'%s' takes code from the repository '%s' (auto_map in its config.json), which %s may not fetch",
			  contents_name(c), f->code_repo, c->engine->title);
	else if (!trusted && f->code_needed)
		diag_node(out, DIAG_WARNING, &c->node[0],
			  "if it does not: engine.args: {trust-remote-code: true}, after a look at that code",
			  "'%s' brings code of its own (auto_map in its config.json): does %s know '%s' without it?",
			  contents_name(c), c->engine->title, *f->architecture ? f->architecture : f->type);
}

void
preflight_contents(struct arena *a, const struct cluster *c, const struct node *n, struct diags *out)
{
	struct contents_files list;

	if (n != &c->node[0])
		return;
	if (!c->source->fetched)
		contents_check_gguf_path(a, c, n, out);
	list = contents_files_of(a, c, n);
	if (!list.n)
		return;
	if (c->manifest && contents_format(c) == FORMAT_GGUF) {
		contents_check_gguf(a, c, out);
		return;
	}
	contents_check_pointers(a, c, &list, out);
	if (c->manifest)
		contents_check_kind(a, c, &list, out);
	if (contents_format(c) == FORMAT_NONE || contents_format(c) == FORMAT_GGUF)
		return;
	contents_check_there(a, c, &list, out);
	contents_check_code(a, c, out);
	contents_check_tokenizer(c, &list, out);
	contents_check_twice(a, c, out);
}

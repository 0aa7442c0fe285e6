/* What a cache of the Hub has of a model, judged without the Hub. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "planner/base/path.h"
#include "planner/base/vec.h"
#include "planner/sources/source.h"

enum { COMMIT = 40 };

/* The path of the node's file within the commit, or NULL: facts name files COMMIT/PATH. */
static const char *
snapshot_path(const struct fact_file *f, const char *commit)
{
	return strncmp(f->path, commit, COMMIT) == 0 && f->path[COMMIT] == '/'
		       ? f->path + COMMIT + 1 : NULL;
}

bool
snapshot_has(const struct facts *f, const struct manifest *list)
{
	for (size_t i = 0; i < list->n; i++) {
		bool there = false;

		for (size_t k = 0; f && k < f->file.n && !there; k++) {
			const char *path = snapshot_path(&f->file.v[k], list->commit);

			there = path && strcmp(path, list->v[i].path) == 0 &&
				f->file.v[k].size == list->v[i].size;
		}
		if (!there)
			return false;
	}
	return f && list->n;
}

const char *
snapshot_gap(struct arena *a, const struct manifest *list)
{
	for (size_t i = 0; i < list->n; i++) {
		const char *path = list->v[i].path, *of = strstr(path, "-of-");
		unsigned part = 0, all = 0;
		int end = 0;

		if (!of || of - path < 6 || sscanf(of - 6, "-%5u-of-%5u%n", &part, &all, &end) != 2 || !end)
			continue;
		for (unsigned k = 1; k <= all; k++) {
			const char *name = arena_printf(a, "%.*s-%05u-of-%05u%s", (int)(of - 6 - path),
							path, k, all, of - 6 + end);
			bool there = false;

			for (size_t m = 0; m < list->n && !there; m++)
				there = strcmp(list->v[m].path, name) == 0;
			if (!there)
				return name;
		}
	}
	return NULL;
}

/* What is wrong with a file that is there, or NULL. */
static const char *
snapshot_bad(struct arena *a, const struct manifest *list)
{
	for (size_t i = 0; i < list->n; i++) {
		const struct manifest_file *file = &list->v[i];

		if (file->size < 0)
			return arena_printf(a, "'%s' is a link to nothing", file->path);
		if (file->blob && strcmp(file->blob, "changed") == 0)
			return arena_printf(a, "'%s' has changed since it was verified", file->path);
	}
	return NULL;
}

/* What of the model is certainly not there, or NULL. */
static const char *
snapshot_lack(struct arena *a, const struct spec_model *spec, const struct facts *f,
	      const struct manifest *list)
{
	static const char *const weights[] = {".safetensors", ".bin", ".gguf", ".pt", ".pth"};
	bool judged = f->model_commit && strcmp(f->model_commit, list->commit) == 0;
	const char *gap = snapshot_gap(a, list);
	const char *bad = snapshot_bad(a, list);
	bool some = false;

	if (bad)
		return bad;
	for (size_t i = 0; i < list->n; i++)
		for (size_t k = 0; k < countof(weights); k++)
			some = some || path_ends(list->v[i].path, weights[k]);
	for (size_t i = 0; judged && i < f->lacks.n; i++)
		if (hub_wants(a, spec, f->lacks.v[i].file))
			return arena_printf(a, "'%s' is missing, which the index names", f->lacks.v[i].file);
	if (gap)
		return arena_printf(a, "'%s' is missing", gap);
	if (!some)
		return "there are no weights";
	if (format_of_manifest(list) == FORMAT_NONE && !spec->include.n)
		return "there is no config.json";
	return NULL;
}

/* Why what is there may not be all of the model, or NULL. */
static const char *
snapshot_trouble(struct arena *a, const struct spec_model *spec, const struct facts *f,
		 const struct manifest *list)
{
	bool judged = f->model_commit && strcmp(f->model_commit, list->commit) == 0;
	const char *lack = snapshot_lack(a, spec, f, list);

	if (lack)
		return lack;
	for (size_t i = 0; i < list->n && !judged; i++)
		if (path_ends(list->v[i].path, ".index.json"))
			return "the look does not say which files its index names";
	return f->model_partial ? arena_printf(a, "a download of 'blobs/%s' did not end", f->model_partial)
				: NULL;
}

static int
snapshot_by_path(const void *x, const void *y)
{
	return strcmp(((const struct manifest_file *)x)->path,
		      ((const struct manifest_file *)y)->path);
}

/* The files of the commit that the node has and the spec wants; NULL: none. */
static struct manifest *
snapshot_files(struct arena *a, const struct spec_model *spec, const struct facts *f, const char *commit)
{
	struct manifest *list = ar_new(a, struct manifest);

	if (!f || !hub_is_commit(commit))
		return NULL;
	for (size_t i = 0; i < f->file.n; i++) {
		const struct fact_file *file = &f->file.v[i];
		const char *path = snapshot_path(file, commit);

		if (!path || !hub_wants(a, spec, path))
			continue;
		*vec_push(a, list) = (struct manifest_file){path, file->size,
			file->blob && strcmp(file->blob, "-") != 0 ? file->blob : NULL};
		list->bytes += file->size > 0 ? file->size : 0;
	}
	if (!list->n)
		return NULL;
	list->commit = arena_strdup(a, commit);
	qsort(list->v, list->n, sizeof *list->v, snapshot_by_path);
	return list;
}

struct manifest *
snapshot_read(struct arena *a, const struct spec_model *spec, const struct facts *f,
	      const char *commit, const char **why)
{
	struct manifest *list = snapshot_files(a, spec, f, commit);

	*why = list ? snapshot_trouble(a, spec, f, list) : NULL;
	return *why ? NULL : list;
}

static bool
snapshot_lists(const struct manifest *list, const char *start, const char *end)
{
	for (size_t i = 0; i < list->n; i++)
		if (strncmp(list->v[i].path, start, strlen(start)) == 0 &&
		    (!*end || path_ends(list->v[i].path, end)))
			return true;
	return false;
}

/* What of another repository is certainly not there, or NULL. */
static const char *
snapshot_extra_lack(struct arena *a, const char *use, const struct manifest *list)
{
	static const struct { const char *use, *start, *end; } needs[] = {
		{"lora", "adapter_config.json", ""}, {"lora", "adapter_model", ""},
		{"draft", "config.json", ""}, {"config", "config.json", ""}, {"tokenizer", "t", ""},
	};
	const char *gap = snapshot_gap(a, list), *bad = snapshot_bad(a, list);

	if (gap || bad)
		return gap ? arena_printf(a, "'%s' is missing", gap) : bad;
	for (size_t i = 0; use && i < countof(needs); i++)
		if (strcmp(needs[i].use, use) == 0 && !snapshot_lists(list, needs[i].start, needs[i].end))
			return arena_printf(a, "there is no '%s'", needs[i].start);
	return NULL;
}

struct manifest *
snapshot_extra(struct arena *a, const struct spec_model *spec, const char *use, const char *folder,
	       const struct facts *f, const char *commit, const char **why)
{
	struct manifest *list = snapshot_files(a, spec, f, commit);

	*why = list ? snapshot_extra_lack(a, use, list) : NULL;
	/* The look names it only if no download into it is unfinished. */
	for (size_t i = 0; list && !*why && i <= f->repo.n; i++) {
		if (i == f->repo.n)
			*why = "a download into it did not end";
		else if (strcmp(f->repo.v[i].folder, folder) == 0 &&
			 strcmp(f->repo.v[i].commit, commit) == 0)
			break;
	}
	return *why ? NULL : list;
}

const char *
snapshot_lost(struct arena *a, const struct spec_model *spec, bool extra, const char *use,
	      const struct facts *f, const char *commit)
{
	const struct manifest *list = snapshot_files(a, spec, f, commit);

	if (!list)
		return "there are no files of it";
	return extra ? snapshot_extra_lack(a, use, list) : snapshot_lack(a, spec, f, list);
}

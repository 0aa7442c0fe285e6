/* What a cache of the Hub has of a model, judged without the Hub. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "planner/base/vec.h"
#include "planner/sources/source.h"

enum { COMMIT = 40 };

static bool
snapshot_ends_with(const char *path, const char *end)
{
	size_t n = strlen(path), m = strlen(end);

	return n > m && strcmp(path + n - m, end) == 0;
}

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

/* NAME-00002-of-00005.END: the first of its brothers that is not there, or NULL. */
static const char *
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

/* Why what is there is not all of the model, or NULL. */
static const char *
snapshot_trouble(struct arena *a, const struct spec_model *spec, const struct facts *f,
		 const struct manifest *list)
{
	static const char *const weights[] = {".safetensors", ".bin", ".gguf", ".pt", ".pth"};
	bool judged = f->model_commit && strcmp(f->model_commit, list->commit) == 0;
	const char *gap = snapshot_gap(a, list);
	bool some = false;

	for (size_t i = 0; i < list->n; i++) {
		const char *path = list->v[i].path;

		if (list->v[i].size < 0)
			return arena_printf(a, "'%s' is a link to nothing", path);
		for (size_t k = 0; k < countof(weights); k++)
			some = some || snapshot_ends_with(path, weights[k]);
		if (!judged && snapshot_ends_with(path, ".index.json"))
			return "the look does not say which files its index names";
	}
	for (size_t i = 0; judged && i < f->lacks.n; i++)
		if (hub_wants(a, spec, f->lacks.v[i].file))
			return arena_printf(a, "'%s' is missing, which the index names", f->lacks.v[i].file);
	if (gap)
		return arena_printf(a, "'%s' is missing", gap);
	if (!some)
		return "there are no weights";
	if (format_of_manifest(list) == FORMAT_NONE && !spec->include.n)
		return "there is no config.json";
	if (f->model_partial)
		return arena_printf(a, "a download of 'blobs/%s' did not end", f->model_partial);
	return NULL;
}

static int
snapshot_by_path(const void *x, const void *y)
{
	return strcmp(((const struct manifest_file *)x)->path,
		      ((const struct manifest_file *)y)->path);
}

struct manifest *
snapshot_read(struct arena *a, const struct spec_model *spec, const struct facts *f,
	      const char *commit, const char **why)
{
	struct manifest *list = ar_new(a, struct manifest);

	*why = NULL;
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
	*why = snapshot_trouble(a, spec, f, list);
	return *why ? NULL : list;
}

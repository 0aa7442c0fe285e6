/* The Hub's description of one revision -> the commit and the files to have. */
#include <fnmatch.h>
#include <jansson.h>
#include <string.h>

#include "planner/base/vec.h"
#include "planner/model.h"

enum { MAX_ANSWER = 32 * 1024 * 1024, MAX_FILES = 100000 };
static const long long MAX_FILE = 1LL << 46;    /* bytes: so many files of it can be added up */

static bool
is_commit(const char *sha)
{
	return sha && strlen(sha) == 40 && strspn(sha, "0123456789abcdef") == 40;
}

/* The name becomes a path on a node and a line of a list: nothing may leave the
 * snapshot or break the line. */
static bool
is_safe(const char *path)
{
	if (!*path || *path == '/')
		return false;
	for (const char *p = path; *p;) {
		size_t n = strcspn(p, "/");

		if (n == 0 || (n == 1 && p[0] == '.') || (n == 2 && p[0] == '.' && p[1] == '.'))
			return false;
		p += n;
		if (*p == '/' && !*++p)
			return false;
	}
	for (const char *p = path; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			return false;
	return true;
}

/* As huggingface_hub matches: a star crosses slashes, and "dir/" means "dir/" and all
 * below. */
static bool
matches(struct arena *a, const struct words *patterns, const char *path)
{
	for (size_t i = 0; i < patterns->n; i++) {
		const char *pattern = patterns->v[i].text;
		size_t n = strlen(pattern);

		if (n && pattern[n - 1] == '/')
			pattern = arena_printf(a, "%s*", pattern);
		if (fnmatch(pattern, path, FNM_NOESCAPE) == 0)
			return true;
	}
	return false;
}

static bool
read_file(struct arena *a, const struct model *m, const json_t *json, struct manifest *list,
	  const char **why)
{
	const char *path = json_string_value(json_object_get(json, "rfilename"));
	const json_t *lfs = json_object_get(json, "lfs");
	const json_t *size = json_object_get(lfs, "size");
	const char *blob = json_string_value(json_object_get(lfs, "sha256"));
	const struct spec_model *spec = &m->spec->model;
	struct manifest_file *file;

	if (!path || !is_safe(path)) {
		*why = "its list of files has a name that cannot be a file's";
		return false;
	}
	if (spec->include.n && !matches(a, &spec->include, path))
		return true;
	if (matches(a, &spec->exclude, path))
		return true;
	if (!json_is_integer(size))
		size = json_object_get(json, "size");
	if (!json_is_integer(size) || json_integer_value(size) < 0 ||
	    json_integer_value(size) > MAX_FILE) {
		*why = arena_printf(a, "it does not tell the size of '%s'", path);
		return false;
	}
	if (!blob)
		blob = json_string_value(json_object_get(json, "blobId"));
	if (blob && strspn(blob, "0123456789abcdef") != strlen(blob))
		blob = NULL;
	file = vec_push(a, list);
	*file = (struct manifest_file){arena_strdup(a, path), json_integer_value(size),
		blob ? arena_strdup(a, blob) : NULL};
	list->bytes += file->size;
	return true;
}

static int
by_path(const void *x, const void *y)
{
	return strcmp(((const struct manifest_file *)x)->path,
		      ((const struct manifest_file *)y)->path);
}

bool
model_read_hub(struct arena *a, struct model *m, const char *text, size_t n, const char **why)
{
	json_t *root = n > MAX_ANSWER ? NULL : json_loadb(text, n, 0, NULL);
	json_t *files = json_object_get(root, "siblings"), *file;
	const char *sha = json_string_value(json_object_get(root, "sha"));
	const char *error = json_string_value(json_object_get(root, "error"));
	struct manifest *list = ar_new(a, struct manifest);
	bool ok = false;
	size_t i;

	if (error)
		*why = arena_printf(a, "it says: %.200s", error);
	else if (!is_commit(sha))
		*why = "its answer names no commit";
	else if (!json_is_array(files) || json_array_size(files) > MAX_FILES)
		*why = "its answer has no list of files";
	else
		ok = true;
	json_array_foreach(files, i, file)
		if (!ok || !read_file(a, m, file, list, why)) {
			ok = false;
			break;
		}
	if (ok && !list->n) {
		*why = json_array_size(files) ? "include and exclude leave no file" : "it has no files";
		ok = false;
	}
	if (ok) {
		qsort(list->v, list->n, sizeof *list->v, by_path);
		m->commit = arena_strdup(a, sha);
		m->commit_why = NULL;
		m->manifest = list;
	}
	json_decref(root);
	return ok;
}

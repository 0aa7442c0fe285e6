/* model.repo: a repository on the Hub, at a pinned commit in HF_HOME. Reads the Hub's
 * description of a revision: the commit and its files. */
#include <fnmatch.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "planner/base/hash.h"
#include "planner/base/str.h"
#include "planner/base/vec.h"
#include "planner/sources/source.h"

enum { MAX_ANSWER = 32 * 1024 * 1024, MAX_FILES = 100000, HUB_MAX_NAME = 120 };
#define HUB_LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-"
static const long long MAX_FILE = 1LL << 46;    /* bytes: sums of many do not overflow */

bool
hub_is_commit(const char *sha)
{
	return sha && strlen(sha) == 40 && strspn(sha, "0123456789abcdef") == 40;
}

bool
hub_is_safe(const char *path)
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

/* Matches like huggingface_hub: a star crosses slashes, and "dir/" means "dir/" and all below
 * it. */
static bool
hub_matches(struct arena *a, const struct words *patterns, const char *path)
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

bool
hub_wants(struct arena *a, const struct spec_model *spec, const char *path)
{
	return hub_is_safe(path) && (!spec->include.n || hub_matches(a, &spec->include, path)) &&
	       !hub_matches(a, &spec->exclude, path);
}

static bool
hub_read_file(struct arena *a, const struct spec_model *spec, const json_t *json,
	      struct manifest *list, struct err *e)
{
	const char *path = json_string_value(json_object_get(json, "rfilename"));
	const json_t *lfs = json_object_get(json, "lfs");
	const json_t *size = json_object_get(lfs, "size");
	const char *blob = json_string_value(json_object_get(lfs, "sha256"));
	struct manifest_file *file;

	if (!path || !hub_is_safe(path))
		return err_set(e, "its list of files has an invalid name");
	if (!hub_wants(a, spec, path))
		return true;
	if (!json_is_integer(size))
		size = json_object_get(json, "size");
	if (!json_is_integer(size) || json_integer_value(size) < 0 ||
	    json_integer_value(size) > MAX_FILE)
		return err_set(e, "it does not give the size of '%s'", path);
	if (!blob)
		blob = json_string_value(json_object_get(json, "blobId"));
	if (blob && strspn(blob, "0123456789abcdef") != strlen(blob))
		blob = NULL;
	file = vec_push(a, list);
	*file = (struct manifest_file){arena_strdup(a, path), json_integer_value(size),
		blob ? arena_strdup(a, blob) : NULL, NULL};
	list->bytes += file->size;
	return true;
}

static int
hub_by_path(const void *x, const void *y)
{
	return strcmp(((const struct manifest_file *)x)->path,
		      ((const struct manifest_file *)y)->path);
}

void
manifest_sort(struct manifest *list)
{
	if (list->n)
		qsort(list->v, list->n, sizeof *list->v, hub_by_path);
}

struct manifest_file *
manifest_find(struct manifest *list, const char *path)
{
	struct manifest_file key = {.path = path};

	return list->n ? bsearch(&key, list->v, list->n, sizeof key, hub_by_path) : NULL;
}

struct manifest *
hub_read(struct arena *a, const struct spec_model *spec, const char *text, size_t n, struct err *e)
{
	json_t *root = n > MAX_ANSWER ? NULL : json_loadb(text, n, 0, NULL);
	json_t *files = json_object_get(root, "siblings"), *file;
	const char *sha = json_string_value(json_object_get(root, "sha"));
	const char *error = json_string_value(json_object_get(root, "error"));
	struct manifest *list = ar_new(a, struct manifest);
	bool ok = false;
	size_t i;

	if (error)
		err_set(e, "it says: %.200s", error);
	else if (!hub_is_commit(sha))
		err_set(e, "its answer names no commit");
	else if (!json_is_array(files) || json_array_size(files) > MAX_FILES)
		err_set(e, "its answer has no list of files");
	else
		ok = true;
	json_array_foreach(files, i, file)
		if (!ok || !hub_read_file(a, spec, file, list, e)) {
			ok = false;
			break;
		}
	if (ok && !list->n)
		ok = err_set(e, json_array_size(files) ? "include and exclude leave no files"
						       : "it has no files");
	if (ok) {
		manifest_sort(list);
		list->commit = arena_strdup(a, sha);
	}
	json_decref(root);
	return ok ? list : NULL;
}

const char *
hub_folder_name(struct arena *a, const char *repo)
{
	const char *slash = strchr(repo, '/');
	char hash[HASH_HEX];
	struct str s = {0};

	if (strncmp(repo, "modelscope:", 11) == 0 && slash)
		return arena_printf(a, "models--modelscope--%.*s--%s", (int)(slash - repo - 11), repo + 11,
				    slash + 1);
	if (slash && !strchr(repo, ':'))
		return arena_printf(a, "models--%.*s--%s", (int)(slash - repo), repo, slash + 1);
	for (const char *p = repo; *p && s.len < HUB_MAX_NAME; p++)
		if (strchr(HUB_LETTERS, *p))
			str_putc(&s, *p);
		else if (s.len && s.buf[s.len - 1] != '-')
			str_puts(&s, "--");
	hash_sha256(repo, strlen(repo), hash);
	repo = arena_printf(a, "models--%s--%.8s", str_text(&s), hash);
	str_release(&s);
	return repo;
}

/* ---- as a source ---- */

static const char *
hub_name(const struct spec_model *spec)
{
	return spec->repo.text;
}

/* The commit and the file may come from a node and become parts of a path, so they are checked. */
const char *
hub_folder(struct arena *a, struct attrs *inputs, const char *hf_home)
{
	const char *commit = attrs_value(inputs, "model.commit", NULL);
	const char *file = attrs_value(inputs, "model.file", NULL);

	return arena_printf(a, "%s/hub/%s/snapshots/%s%s%s", hf_home,
			    hub_folder_name(a, attrs_value(inputs, "model.repo", "/")),
			    hub_is_commit(commit) ? commit : "unknown", file && hub_is_safe(file) ? "/" : "",
			    file && hub_is_safe(file) ? file : "");
}

void
hub_want(struct arena *a, const struct spec_model *spec, const char *commit, struct attrs *want)
{
	attrs_add(a, want, "model.repo", spec->repo.text);
	attrs_add(a, want, "model.commit", commit);
}

const char *
hub_missing(struct arena *a, const struct spec_model *spec, const struct facts *f, const char **hint)
{
	(void)hint;
	(void)a;
	(void)spec;
	(void)f;
	return NULL;
}

/* The Hub's answer has them already. If it was not asked, the snapshot in the cache has them. */
void
hub_texts(struct arena *a, const struct spec_model *spec, const struct facts *head,
	  const char *commit, struct checkpoint_texts *t)
{
	(void)spec;
	if (!head || !head->model_config || !head->model_commit || !commit ||
	    strcmp(head->model_commit, commit) != 0)
		return;
	t->config = head->model_config;
	t->nconfig = strlen(t->config);
	t->where = "the cache";
	if (head->model_total > 0) {
		t->index = arena_printf(a, "{\"metadata\": {\"total_size\": %lld}}", head->model_total);
		t->nindex = strlen(t->index);
	}
}

const char *
hub_cache_name(struct arena *a, const struct spec_model *spec, const struct facts *head,
	       const char *commit)
{
	(void)head;
	return commit ? arena_printf(a, "%s@%s", hub_folder_name(a, spec->repo.text), commit) : NULL;
}

const struct weights_source source_hub = {
	.name = hub_name,
	.served_name = hub_name,
	SOURCE_IN_HUB_CACHE,
};

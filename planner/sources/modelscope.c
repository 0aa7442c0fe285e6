/* model.repo with source: modelscope. The API is that of modelscope's own client (hub/api.py,
 * get_model_files; hub/file_download.py): one answer with all files, each with its size and SHA-256. A
 * branch's commit is not in it, so the list's own hash stands in for that. */
#include <jansson.h>
#include <string.h>

#include "planner/base/str.h"
#include "planner/sources/listing.h"

#define MODELSCOPE_PREFIX "modelscope:"

static const char *
modelscope_name(const struct spec_model *spec)
{
	return spec->repo.text && strncmp(spec->repo.text, MODELSCOPE_PREFIX, sizeof MODELSCOPE_PREFIX - 1) == 0
		       ? spec->repo.text : NULL;
}

static const char *
modelscope_served_name(const struct spec_model *spec)
{
	return spec->repo.text + sizeof MODELSCOPE_PREFIX - 1;
}

static const char *
modelscope_api(struct arena *a, const struct spec_model *spec, const char *what)
{
	return arena_printf(a, "%s/api/v1/models/%s/repo%s?Revision=%s&", spec->endpoint.text,
			    modelscope_served_name(spec), what, url_escaped(a, spec->revision.text, "._-"));
}

static const char *
modelscope_start(struct arena *a, const struct spec_model *spec)
{
	return arena_printf(a, "%sRecursive=True", modelscope_api(a, spec, "/files"));
}

static const char *
modelscope_url(struct arena *a, const struct spec_model *spec, const char *path)
{
	return arena_printf(a, "%sFilePath=%s", modelscope_api(a, spec, ""), url_escaped(a, path, "._-"));
}

static bool
modelscope_take(struct listing *l, const json_t *json, struct err *e)
{
	const char *path = json_string_value(json_object_get(json, "Path"));
	const char *type = json_string_value(json_object_get(json, "Type"));
	const char *sha256 = json_string_value(json_object_get(json, "Sha256"));
	const json_t *size = json_object_get(json, "Size");

	if (type && strcmp(type, "tree") == 0)
		return true;
	if (!path)
		return err_set(e, "its list has a file without a name");
	if (!json_is_integer(size) || json_integer_value(size) < 0)
		return err_set(e, "its list does not give the size of '%.200s'", path);
	if (sha256 && (strlen(sha256) != 64 || strspn(sha256, "0123456789abcdef") != 64))
		sha256 = NULL;
	return listing_add(l, path, strlen(path), json_integer_value(size),
			   sha256 ? arena_strdup(l->arena, sha256) : NULL, NULL, e);
}

static bool
modelscope_list(struct listing *l, const json_t *root, struct err *e)
{
	const char *said = json_string_value(json_object_get(root, "Message"));
	const json_t *code = json_object_get(root, "Code"), *data = json_object_get(root, "Data");
	const json_t *files = json_object_get(data, "Files"), *file;
	const json_t *total = json_object_get(data, "TotalCount");
	size_t i;

	if (json_is_integer(code) && json_integer_value(code) != 200)
		return err_set(e, "it says: %.200s", said ? said : "no");
	if (!json_is_array(files))
		return err_set(e, "its answer has no list of files");
	if (json_is_integer(total) && json_integer_value(total) > (json_int_t)json_array_size(files))
		return err_set(e, "its list has %zu of %lld files", json_array_size(files),
			       (long long)json_integer_value(total));
	json_array_foreach(files, i, file)
		if (!modelscope_take(l, file, e))
			return false;
	return true;
}

static bool
modelscope_page(struct listing *l, const char *text, size_t n, struct err *e)
{
	json_t *root = n > LISTING_MAX_ANSWER ? NULL : json_loadb(text, n, 0, NULL);
	bool ok = modelscope_list(l, root, e);

	l->next = NULL;
	/* What a commit is does not change. */
	if (hub_is_commit(l->from->revision.text))
		l->list->commit = l->from->revision.text;
	json_decref(root);
	return ok;
}

static bool
modelscope_asks(const struct manifest_file *f)
{
	(void)f;
	return false;
}

static const char *
modelscope_said(struct arena *a, const char *text, size_t n)
{
	json_t *root = json_loadb(text, n, 0, NULL);
	const char *said = json_string_value(json_object_get(root, "Message"));

	said = said ? arena_strdup(a, said) : NULL;
	json_decref(root);
	return said;
}

static const struct listing_way modelscope_way = {
	.server = "ModelScope",
	.start = modelscope_start,
	.page = modelscope_page,
	.url = modelscope_url,
	.asks = modelscope_asks,
	.said = modelscope_said,
	.auth = "cookie",
};

const struct weights_source source_modelscope = {
	.name = modelscope_name,
	.served_name = modelscope_served_name,
	SOURCE_IN_HUB_CACHE,
	.list = &modelscope_way,
};

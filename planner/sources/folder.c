/* model.path: a folder that every node has. dray does not change it. */
#include <string.h>

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

static const char *
folder_missing(struct arena *a, const struct spec_model *spec, const struct facts *f)
{
	return f->file.n ? NULL : arena_printf(a, "model.path '%s' has no config.json", spec->path.text);
}

static void
folder_texts(struct arena *a, const struct spec_model *spec, const struct facts *head,
	   struct checkpoint_texts *t)
{
	if (!head || !head->model_config) {
		t->why = arena_printf(a, "there is no config.json in '%s'", spec->path.text);
		return;
	}
	t->config = head->model_config;
	t->nconfig = strlen(t->config);
	if (head->model_total > 0) {
		t->index = arena_printf(a, "{\"metadata\": {\"total_size\": %lld}}", head->model_total);
		t->nindex = strlen(t->index);
	}
	t->file_bytes = (double)head->model_bytes;
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
	.texts = folder_texts,
	.cache_name = folder_cache_name,
};

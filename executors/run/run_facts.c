/* Recorded observations: a folder with a file for each answer, or the document that
 * `dray discover -o` wrote. */
#include "executors/run/run_looks.h"

#include <fcntl.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "executors/io/file.h"
#include "planner/layout/tensors.h"

enum { MAX_FACTS = 64 * 1024 * 1024 };

bool
record_file(const char *dir, const char *name, const char *suffix, const void *bytes, size_t n,
	    struct err *e)
{
	/* The folder is private: the key that compares secrets is in it. */
	int folder = folder_open(dir, e);
	struct str file = {0};
	bool ok;

	str_printf(&file, "%s%s", name, suffix);
	ok = folder >= 0 && folder_write(folder, file.buf, bytes, n, e);
	if (!ok)
		err_wrap(e, "-record %s", dir);
	if (folder >= 0)
		close(folder);
	str_release(&file);
	return ok;
}

/* Read from the document of `dray discover -o`: the node's "facts" for .txt, its "reach" for
 * .reach.txt. It contains nothing else. */
static bool
facts_from_document(struct run *r, const char *name, const char *suffix, struct str *to,
		    struct err *e)
{
	const char *path = r->opt.facts_dir, *text = NULL;
	const char *key = strcmp(suffix, ".txt") == 0 ? "facts"
			: strcmp(suffix, ".reach.txt") == 0 ? "reach" : NULL;
	json_error_t why;
	const json_t *nodes;
	bool known = false;

	if (!key)
		return err_set(e, "'%s' is a discovery: it has no %s%s", path, name, suffix);
	if (!r->document && !(r->document = json_load_file(path, 0, &why)))
		return err_set(e, "read '%s': line %d: %s", path, why.line, why.text);
	nodes = json_object_get(r->document, "nodes");
	for (size_t i = 0; i < json_array_size(nodes); i++) {
		const json_t *node = json_array_get(nodes, i);
		const char *own = json_string_value(json_object_get(node, "name"));

		if (!own || strcmp(own, name) != 0)
			continue;
		known = true;
		text = json_string_value(json_object_get(node, key));
	}
	if (text)
		str_puts(to, text);
	else
		err_set(e, known ? "'%s' has no %s of node '%s'" : "'%s' has no node for the %s of '%s'",
			path, key, name);
	return text != NULL;
}

void
recorded_release(struct run *r)
{
	json_decref(r->document);
}

bool
recorded_file(struct run *r, const char *name, const char *suffix, struct str *to, struct err *e)
{
	const char *dir = r->opt.facts_dir;
	struct str path = {0};
	struct stat st;
	bool ok;

	if (stat(dir, &st) == 0 && S_ISREG(st.st_mode))
		return facts_from_document(r, name, suffix, to, e);
	str_printf(&path, "%s/%s%s", dir, name, suffix);
	ok = file_read(open(path.buf, O_RDONLY | O_CLOEXEC), path.buf, MAX_FACTS, to, e);
	str_release(&path);
	return ok;
}

/* ---- what the Hub said about the model ---- */

/* Read the recorded config.json or index, unless there is one already. */
static void
facts_recorded_text(struct run *r, struct arena *a, const char *name, const char **to, size_t *n)
{
	struct str text = {0};
	struct err e = {0};

	if (!*to && recorded_file(r, name, ".json", &text, &e)) {
		*to = arena_strndup(a, str_text(&text), text.len);
		*n = text.len;
	}
	str_release(&text);
}

void
record_model(struct run *r, struct arena *a, struct err *e)
{
	const struct checkpoint_texts *t = &r->cluster->texts;
	const char *dir = r->opt.record_dir;
	const char *tensors = t->tensors ? tensors_write(a, t->tensors) : NULL;

	if (t->hub && !e->text[0])
		record_file(dir, "hub", ".json", t->hub, t->nhub, e);
	for (size_t i = 0; i < r->cluster->nextra; i++) {
		const struct cluster_extra *x = &r->cluster->extra[i];

		if (x->said && !e->text[0])
			record_file(dir, arena_printf(a, "hub-%s", x->hub), ".json", x->said, x->nsaid, e);
	}
	if (t->config && !e->text[0])
		record_file(dir, "config", ".json", t->config, t->nconfig, e);
	if (t->index && !e->text[0])
		record_file(dir, "index", ".json", t->index, t->nindex, e);
	if (tensors && !e->text[0])
		record_file(dir, "tensors", ".tsv", tensors, strlen(tensors), e);
}

static void
facts_recorded_tensors(struct run *r, struct arena *a)
{
	struct checkpoint_texts *t = &r->cluster->texts;
	struct str text = {.max = TENSORS_MAX_TEXT};
	struct err e = {0}, wrong = {0};

	if (!t->tensors && recorded_file(r, "tensors", ".tsv", &text, &e))
		t->tensors = tensors_read(a, str_text(&text), text.len, &wrong);
	if (*wrong.text)
		t->tensors_why = arena_strdup(a, wrong.text);
	str_release(&text);
}

static void
facts_recorded_extra(struct run *r, struct arena *a, struct cluster_extra *x)
{
	struct manifest *list = NULL;
	struct str text = {0};
	struct err e = {0};

	if (recorded_file(r, arena_printf(a, "hub-%s", x->hub), ".json", &text, &e))
		list = hub_read(a, &x->from, str_text(&text), text.len, &e);
	cluster_extra_set(x, list, list ? NULL : arena_strdup(a, e.text));
	str_release(&text);
}

void
recorded_model(struct run *r, struct arena *a)
{
	struct cluster *c = r->cluster;
	struct manifest *list = NULL;
	struct str text = {0};
	struct err e = {0};

	facts_recorded_text(r, a, "config", &c->texts.config, &c->texts.nconfig);
	facts_recorded_text(r, a, "index", &c->texts.index, &c->texts.nindex);
	facts_recorded_tensors(r, a);
	for (size_t i = 0; i < c->nextra; i++)
		facts_recorded_extra(r, a, &c->extra[i]);
	if (!c->spec->model.at.line || !c->source->fetched)
		return;
	if (recorded_file(r, "hub", ".json", &text, &e)) {
		c->texts.hub = arena_strndup(a, str_text(&text), text.len);
		c->texts.nhub = text.len;
		list = hub_read(a, &c->spec->model, c->texts.hub, text.len, &e);
	}
	cluster_take_manifest(c, list, list ? NULL : arena_strdup(a, e.text));
	str_release(&text);
}

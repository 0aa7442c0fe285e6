/* Lists of files of models that are not on the Hub. */
#include "planner/sources/listing.h"

#include <string.h>

#include "planner/base/hash.h"
#include "planner/base/json.h"
#include "planner/base/str.h"
#include "planner/base/vec.h"

static const long long MAX_FILE = 1LL << 46;    /* bytes: sums of many do not overflow */

const char *
url_escaped(struct arena *a, const char *text, const char *keep)
{
	struct str s = {0};
	const char *copy;

	for (; *text; text++) {
		if ((*text >= 'a' && *text <= 'z') || (*text >= 'A' && *text <= 'Z') ||
		    (*text >= '0' && *text <= '9') || strchr(keep, *text))
			str_putc(&s, *text);
		else
			str_printf(&s, "%%%02X", (unsigned char)*text);
	}
	copy = arena_strdup(a, str_text(&s));
	str_release(&s);
	return copy;
}

bool
listing_add(struct listing *l, const char *path, size_t n, long long size, const char *blob,
	    const char *etag, struct err *e)
{
	const char *name = arena_strndup(l->arena, path, n);

	if (strlen(name) != n || n > LISTING_MAX_NAME || !hub_is_safe(name))
		return err_set(e, "its list has a file with an invalid name, '%.80s'", name);
	if (size > MAX_FILE)
		return err_set(e, "its list has no valid size of '%.200s'", name);
	if (!hub_wants(l->arena, l->from, name))
		return true;
	if (l->list->n >= LISTING_MAX_FILES)
		return err_set(e, "its list has more than %d files", LISTING_MAX_FILES);
	*vec_push(l->arena, l->list) = (struct manifest_file){name, size, blob, etag};
	return true;
}

/* A path that is listed twice, or is a folder of another one; NULL: there is none. */
static const char *
listing_twice(struct arena *a, struct manifest *list)
{
	for (size_t i = 0; i < list->n; i++) {
		const char *path = list->v[i].path;

		if (i && strcmp(list->v[i - 1].path, path) == 0)
			return path;
		for (const char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
			const char *folder = arena_strndup(a, path, (size_t)(slash - path));

			if (manifest_find(list, folder))
				return folder;
		}
	}
	return NULL;
}

/* The same files have the same identity, wherever they come from. */
static const char *
listing_identity(struct arena *a, const struct manifest *list)
{
	char hex[HASH_HEX];
	struct str s = {0};

	for (size_t i = 0; i < list->n; i++) {
		const struct manifest_file *f = &list->v[i];

		str_printf(&s, "%lld\t%s%s\t%s\n", f->size, f->blob ? "" : "etag ",
			   f->blob ? f->blob : f->etag ? f->etag : "-", f->path);
	}
	hash_sha256(str_text(&s), s.len, hex);
	str_release(&s);
	return arena_strndup(a, hex, 40);
}

struct manifest *
listing_done(struct listing *l, struct err *e)
{
	struct manifest *list = l->list;
	const char *pinned = l->from->revision.text, *twice;

	manifest_sort(list);
	twice = listing_twice(l->arena, list);
	list->bytes = 0;
	for (size_t i = 0; i < list->n; i++) {
		if (list->v[i].size < 0)
			return err_set(e, "the size of '%.200s' is not known", list->v[i].path), NULL;
		list->bytes += list->v[i].size;
	}
	if (twice)
		return err_set(e, "its list has '%.200s' twice", twice), NULL;
	if (!list->n)
		return err_set(e, l->from->include.n || l->from->exclude.n
					? "include and exclude leave no files" : "it has no files"), NULL;
	if (!list->commit)
		list->commit = listing_identity(l->arena, list);
	if (hub_is_commit(pinned) && strcmp(pinned, list->commit) != 0)
		return err_set(e, "what is there now is %s, not what 'revision' pins", list->commit), NULL;
	return list;
}

const char *
listing_as_hub(struct arena *a, const struct manifest *list)
{
	json_t *root = json_object(), *files = json_array();

	json_set_text(root, "sha", list->commit);
	for (size_t i = 0; i < list->n; i++) {
		const struct manifest_file *f = &list->v[i];
		json_t *file = json_object();

		json_set_text(file, "rfilename", f->path);
		json_object_set_new(file, "size", json_integer(f->size));
		json_set_text(file, "blobId", f->blob);
		json_array_append_new(files, file);
	}
	json_object_set_new(root, "siblings", files);
	return json_line(a, root);
}

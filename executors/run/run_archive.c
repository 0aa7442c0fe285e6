/* Reads the configuration of the engine's image in an archive of this machine (archive-here.sh). */
#include "executors/run/run_archive.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "executors/io/child.h"
#include "executors/run/run_looks.h"
#include "planner/base/hash.h"
#include "planner/base/limits.h"
#include "planner/base/vec.h"

enum { ARCHIVE_CONFIG_MAX = 1 << 20 };

/* Its name in the cache: the file as it is now, and the image that is meant. NULL: it has no path. */
static const char *
archive_cached(struct arena *a, const char *path, const struct stat *st, const char *image)
{
	char *full = realpath(path, NULL), hex[HASH_HEX];
	const char *key;

	if (!full)
		return NULL;
	key = arena_printf(a, "%s\n%lld\n%lld.%09ld\n%s", full, (long long)st->st_size, (long long)st->st_mtim.tv_sec,
			   st->st_mtim.tv_nsec, image);
	free(full);
	hash_sha256(key, strlen(key), hex);
	return arena_strdup(a, hex);
}

static bool
archive_ask(struct arena *a, const char *path, const char *image, bool unpack, struct str *told, struct err *e)
{
	const char *text = script_behind(a, "archive", script_get("archive-here"))->text;
	const char *said[] = {"sh", "-c", text, "archive-here", arena_printf(a, "archive=%s", path),
		arena_printf(a, "ref=%s", image), unpack ? "unpack=yes" : NULL};
	char *argv[countof(said) + 1] = {0};
	const struct capture c = {.argv = argv, .env = environ, .alone = true, .ms = 1000L * VERIFY_LIMIT,
		.max = ARCHIVE_CONFIG_MAX};
	int status = 0;

	for (size_t i = 0; i < countof(said); i++)
		argv[i] = said[i] ? arena_strdup(a, said[i]) : NULL;
	if (!child_capture(&c, told, &status, e))
		return err_wrap(e, "read '%s'", path);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0 || told->len > c.max)
		return err_set(e, "cannot read '%s': its reader failed", path);
	return true;
}

/* What archive-here.sh printed: *packed, nothing was read; else `told` is the configuration then. */
static bool
archive_take(const char *path, const char *image, struct str *told, bool *packed, struct err *e)
{
	const char *line = str_text(told);
	int n = (int)strcspn(line, "\n");

	*packed = n == 9 && strncmp(line, "is packed", 9) == 0;
	if (*packed)
		return true;
	if (strncmp(line, "needs ", 6) == 0)
		return err_set(e, "there is no %.*s on this machine to unpack '%s': install it, or unpack the archive",
			       n - 6, line + 6, path);
	if (strncmp(line, "lacks ", 6) == 0)
		return err_set(e, "'%s' has no image '%s', but: %.*s", path, image, n - 6, line + 6);
	if (n != 7 || strncmp(line, "is read", 7) != 0)
		return err_set(e, "'%s' is not an archive of images as docker save writes it, or it is damaged", path);
	str_drop(told, (size_t)n + 1);
	return true;
}

bool
run_archive(struct arena *a, const char *path, const struct stat *st, const char *image,
	    void (*unpacks)(const char *path), const struct image_proof **proof, struct err *e)
{
	const char *cached = archive_cached(a, path, st, image);
	struct str told = {.max = ARCHIVE_CONFIG_MAX + 4096};
	bool kept = cached && cache_read("archives", cached, &told), packed = false, ok = true;

	if (!kept) {
		str_reset(&told);
		ok = archive_ask(a, path, image, false, &told, e) && archive_take(path, image, &told, &packed, e);
	}
	if (ok && packed && unpacks) {
		unpacks(path);
		str_reset(&told);
		ok = archive_ask(a, path, image, true, &told, e) && archive_take(path, image, &told, &packed, e);
	}
	*proof = NULL;
	if (ok && !packed) {
		*proof = image_proof_read(a, str_text(&told), told.len);
		ok = *proof || err_set(e, "'%s' has an image '%s' whose configuration cannot be read", path, image);
	}
	if (ok && !kept && !packed && cached)
		cache_write("archives", cached, told.buf, told.len);
	str_release(&told);
	return ok;
}

/* The files of this machine that every node gets. */
#include "executors/io/carry.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "executors/io/file.h"
#include "executors/io/secrets.h"
#include "planner/base/hash.h"
#include "planner/base/limits.h"
#include "planner/base/path.h"
#include "planner/base/str.h"
#include "planner/base/vec.h"

/* What is wrong with the open file, or NULL. */
static const char *
carry_refuses(struct arena *a, int fd, struct stat *st)
{
	if (fstat(fd, st) < 0)
		return strerror(errno);
	if (S_ISDIR(st->st_mode))
		return "it is a folder: list its files one by one";
	if (!S_ISREG(st->st_mode))
		return "it is not a regular file";
	if (st->st_size == 0)
		return "it is empty";
	if (st->st_size > CARRIED_BYTES)
		return arena_printf(a, "it has %lld bytes, and at most %d are carried: put it into the image, the "
				    "storage or a repository", (long long)st->st_size, CARRIED_BYTES);
	return NULL;
}

static void
carry_take(struct arena *a, struct spec *s, struct spec_carried *f, const char *bytes, size_t n)
{
	char hex[HASH_HEX];

	hash_sha256(bytes, n, hex);
	f->bytes = bytes;
	f->n = n;
	f->sha256 = arena_printf(a, "sha256:%s", hex);
	*vec_push(a, &s->files) = (struct spec_file){f->from.text, bytes, n};
}

static void
carry_read(struct arena *a, struct spec *s, struct spec_carried *f, const char *path, struct diags *d)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	const char *why = fd < 0 ? strerror(errno) : NULL;
	struct str text = {0};
	struct err e = {0};
	struct stat st;

	if (!why)
		why = carry_refuses(a, fd, &st);
	if (!why && f->mode.text && f->mode.text[2] == '0')     /* for its owner alone */
		secrets_keep_memory();
	if (!why && !file_read(dup(fd), path, CARRIED_BYTES, &text, &e))
		why = strerror(errno);
	if (!why && text.len == 0)
		why = "it is empty";
	if (why && errno == ENOENT && fd < 0)
		diag_error(d, f->from.at, "there is no file '%s'", path);
	else if (why)
		diag_error(d, f->from.at, "cannot carry '%s': %s", path, why);
	else
		carry_take(a, s, f, arena_strndup(a, text.buf, text.len), text.len);
	str_release(&text);
	if (fd >= 0)
		close(fd);
}

void
carry_load(struct arena *a, struct spec *s, struct diags *d)
{
	const char *folder = path_folder(a, s->src ? s->src->name : "");

	for (size_t i = 0; i < s->carried.n && i < CARRIED_FILES; i++) {
		struct spec_carried *f = &s->carried.v[i];
		bool plain = f->from.text && (*f->from.text == '/' || strcmp(folder, ".") == 0);

		if (f->from.text)
			carry_read(a, s, f, plain ? f->from.text :
				     arena_printf(a, "%s/%s", folder, f->from.text), d);
	}
}

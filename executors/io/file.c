/* Files that dray reads and writes on this machine. */
#include "executors/io/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "planner/base/hash.h"
#include "planner/base/str.h"

bool
file_read(int fd, const char *path, size_t max, struct str *to, struct err *e)
{
	char block[16 * 1024];
	ssize_t n = -1;
	int code = errno;

	for (size_t total = 0; fd >= 0; total += (size_t)n) {
		while ((n = read(fd, block, sizeof block)) < 0 && errno == EINTR)
			;
		code = n < 0 ? errno : total + (size_t)n > max ? EFBIG : 0;
		if (code || n == 0)
			break;
		str_add(to, block, (size_t)n);
	}
	explicit_bzero(block, sizeof block);    /* it may be a secret */
	if (fd >= 0)
		close(fd);
	errno = code;
	return !code || err_sys(e, "read '%s'", path);
}

static bool
file_write_all(int fd, const char *bytes, size_t n)
{
	while (n > 0) {
		ssize_t put = write(fd, bytes, n);

		if (put < 0 && errno == EINTR)
			continue;
		if (put <= 0)
			return false;
		bytes += put;
		n -= (size_t)put;
	}
	return true;
}

/* A new file with a name that nobody can guess. */
static int
file_temporary(int folder, const char *path, unsigned mode, struct str *name)
{
	char random[HASH_HEX];

	hash_random(random);
	str_printf(name, "%s.%.12s.tmp", path, random);
	return openat(folder, name->buf, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
}

/* False with errno set. */
static bool
file_replace(int folder, const char *path, const void *bytes, size_t n, unsigned mode)
{
	struct str name = {0};
	int fd = file_temporary(folder, path, mode, &name), code;
	bool ok = fd >= 0 && file_write_all(fd, bytes, n) && fsync(fd) == 0;

	code = errno;
	if (fd >= 0 && close(fd) != 0 && ok) {
		ok = false;
		code = errno;
	}
	if (ok && renameat(folder, name.buf, folder, path) != 0) {
		ok = false;
		code = errno;
	}
	if (!ok && fd >= 0)
		unlinkat(folder, name.buf, 0);
	str_release(&name);
	errno = code;
	return ok;
}

/* Opening a pipe waits for its reader. */
static bool
file_write_into(const char *path, const void *bytes, size_t n)
{
	int fd = open(path, O_WRONLY | O_NOCTTY | O_CLOEXEC), code;
	bool ok = fd >= 0 && file_write_all(fd, bytes, n);

	code = errno;
	if (fd >= 0 && close(fd) != 0 && ok) {
		ok = false;
		code = errno;
	}
	errno = code;
	return ok;
}

bool
file_write(const char *path, const void *bytes, size_t n, unsigned mode, struct err *e)
{
	struct stat st;
	bool other = stat(path, &st) == 0 && !S_ISREG(st.st_mode);

	if (other ? file_write_into(path, bytes, n) : file_replace(AT_FDCWD, path, bytes, n, mode))
		return true;
	return err_sys(e, "cannot write '%s'", path);
}

/* With a slash at the end, open() would follow a link. */
static void
file_without_slashes(struct str *path)
{
	while (path->len > 1 && path->buf[path->len - 1] == '/')
		path->buf[--path->len] = '\0';
}

static bool
file_is_private(const char *path, const struct stat *st, struct err *e)
{
	bool group = st->st_mode & S_IWGRP && st->st_gid != getegid();

	if (st->st_uid == geteuid() && !(st->st_mode & S_IWOTH) && !group)
		return true;
	err_set(e, st->st_uid == geteuid() ? "others may write to the folder '%s' (its mode is %03o)"
		: "the folder '%s' belongs to another user", path, (unsigned)(st->st_mode & 07777));
	err_hint(e, "name a folder that does not exist yet, or one of yours that nobody else may "
		 "write to");
	return false;
}

int
folder_open(const char *path, struct err *e)
{
	struct str s = {0};
	struct stat st;
	int fd = -1;

	str_puts(&s, path);
	file_without_slashes(&s);
	if (mkdir(s.buf, 0700) < 0 && errno != EEXIST) {
		err_sys(e, "make '%s'", path);
		goto out;
	}
	fd = open(s.buf, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0 && lstat(s.buf, &st) == 0 && S_ISLNK(st.st_mode)) {
		err_set(e, "'%s' is a symbolic link, which is not followed: name the folder "
			   "itself", path);
	} else if (fd < 0) {
		err_sys(e, "open the folder '%s'", path);
	} else if (fstat(fd, &st) < 0 || !file_is_private(path, &st, e)) {
		close(fd);
		fd = -1;
	}
out:
	str_release(&s);
	return fd;
}

bool
folder_write(int folder, const char *name, const void *bytes, size_t n, struct err *e)
{
	if (strchr(name, '/') || !*name || *name == '.')
		return err_set(e, "cannot write '%s': that is not the name of a file", name);
	if (file_replace(folder, name, bytes, n, 0600))
		return true;
	return err_sys(e, "cannot write '%s'", name);
}

/* What was fetched once and cannot change: files named by a hash or a commit. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "executors/run_private.h"

/* The path of the file; the folders are made. False: there is no home. */
static bool
cache_path(struct str *path, const char *folder, const char *name)
{
	const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");

	if (cache && *cache == '/')
		str_puts(path, cache);
	else if (home && *home)
		str_printf(path, "%s/.cache", home);
	else
		return false;
	mkdir(path->buf, 0700);
	str_puts(path, "/dray");
	mkdir(path->buf, 0700);
	str_printf(path, "/%s", folder);
	mkdir(path->buf, 0700);
	str_printf(path, "/%s", name);
	return true;
}

bool
cache_read(const char *folder, const char *name, struct str *to)
{
	struct str path = {0};
	char buf[16 * 1024];
	ssize_t n = -1;
	int fd = -1;

	if (cache_path(&path, folder, name))
		fd = open(path.buf, O_RDONLY | O_CLOEXEC);
	while (fd >= 0 && (n = read(fd, buf, sizeof buf)) > 0 && !to->cut)
		str_add(to, buf, (size_t)n);
	if (fd >= 0)
		close(fd);
	str_release(&path);
	return fd >= 0 && n == 0 && to->len > 0;
}

void
cache_write(const char *folder, const char *name, const void *bytes, size_t n)
{
	struct str path = {0}, tmp = {0};
	int fd;

	if (cache_path(&path, folder, name)) {
		str_printf(&tmp, "%s.%ld", path.buf, (long)getpid());
		fd = open(tmp.buf, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
		if (fd >= 0) {
			bool ok = write(fd, bytes, n) == (ssize_t)n;

			if (close(fd) < 0 || !ok || rename(tmp.buf, path.buf) < 0)
				unlink(tmp.buf);
		}
	}
	str_release(&path);
	str_release(&tmp);
}

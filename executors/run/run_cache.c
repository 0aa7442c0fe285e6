/* Keeps downloads that cannot change: files that are named by a hash or a commit. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "executors/io/file.h"
#include "executors/run/run_looks.h"

enum { CACHED_MAX = 64 << 20 };

/* Open the folder, or create it. -1: there is no home, or others may write to the folder. */
static int
cache_folder(const char *name)
{
	const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
	struct str path = {0};
	struct err ignored = {0};
	int folder = -1;

	if (cache && *cache == '/')
		str_puts(&path, cache);
	else if (home && *home)
		str_printf(&path, "%s/.cache", home);
	if (path.len) {
		mkdir(path.buf, 0700);
		str_puts(&path, "/dray");
		mkdir(path.buf, 0700);
		str_printf(&path, "/%s", name);
		folder = folder_open(path.buf, &ignored);
	}
	str_release(&path);
	return folder;
}

bool
cache_read(const char *folder, const char *name, struct str *to)
{
	struct err ignored = {0};
	int in = strchr(name, '/') ? -1 : cache_folder(folder);
	int fd = in >= 0 ? openat(in, name, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC) : -1;

	if (in >= 0)
		close(in);
	return file_read(fd, name, to->max ? to->max : CACHED_MAX, to, &ignored) && to->len > 0;
}

void
cache_write(const char *folder, const char *name, const void *bytes, size_t n)
{
	struct err ignored = {0};
	int in = cache_folder(folder);

	if (in < 0)
		return;
	folder_write(in, name, bytes, n, &ignored);
	close(in);
}

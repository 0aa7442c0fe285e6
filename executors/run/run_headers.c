/* Reads the tensors of local files: of one safetensors file, of a folder of them, or of a
 * recorded list. */
#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "executors/run/run.h"
#include "planner/layout/tensors.h"

enum { MAX_FILES = 2000 };

/* Read exactly n more bytes. */
static bool
headers_read_more(int fd, struct str *to, size_t n)
{
	char buf[64 * 1024];

	while (n) {
		ssize_t got = read(fd, buf, n < sizeof buf ? n : sizeof buf);

		if (got <= 0)
			return false;
		str_add(to, buf, (size_t)got);
		n -= (size_t)got;
	}
	return true;
}

static bool
headers_read_header(struct arena *a, struct tensors *t, int fd, double size, struct err *e)
{
	struct str s = {0};
	size_t n = headers_read_more(fd, &s, TENSORS_LENGTH) ? tensors_header_length(s.buf) : 0;
	bool ok = n && headers_read_more(fd, &s, n)
		? tensors_add(a, t, s.buf + TENSORS_LENGTH, n, size, e)
		: err_set(e, "it has no safetensors header");

	str_release(&s);
	return ok;
}

/* A recorded list is read whole; of a safetensors file only the header is read. */
static bool
headers_read_file(struct arena *a, struct tensors *t, int fd, double size, struct err *e)
{
	char start[16];
	ssize_t n = pread(fd, start, sizeof start, 0);
	struct tensors *list = NULL;
	struct str s = {0};

	if (n < 0 || !tensors_is_text(start, (size_t)n))
		return headers_read_header(a, t, fd, size, e);
	if (size > TENSORS_MAX_TEXT || !headers_read_more(fd, &s, (size_t)size))
		err_set(e, "it cannot be read");
	else
		list = tensors_read(a, s.buf, s.len, e);
	str_release(&s);
	if (list)
		*t = *list;
	return list;
}

static bool
headers_read_folder(struct arena *a, struct tensors *t, const char *path, struct err *e)
{
	DIR *dir = opendir(path);
	struct dirent *d;
	bool ok = true;

	while (ok && dir && (d = readdir(dir))) {
		struct stat st;
		int fd;

		if (!tensors_is_file(d->d_name))
			continue;
		fd = openat(dirfd(dir), d->d_name, O_RDONLY | O_CLOEXEC);
		ok = fd >= 0 && fstat(fd, &st) == 0;
		if (!ok)
			err_sys(e, "read '%s/%s'", path, d->d_name);
		else if (t->files >= MAX_FILES)
			ok = err_set(e, "'%s' has more than %d weight files", path, MAX_FILES);
		else if (!headers_read_header(a, t, fd, (double)st.st_size, e))
			ok = err_wrap(e, "'%s/%s'", path, d->d_name);
		if (fd >= 0)
			close(fd);
	}
	if (!dir)
		return err_sys(e, "read '%s'", path);
	closedir(dir);
	return ok && (t->files || err_set(e, "'%s' has no safetensors files", path));
}

struct tensors *
headers_read(struct arena *a, const char *path, struct err *e)
{
	struct tensors *t = ar_new(a, struct tensors);
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;
	bool ok = fd >= 0 && fstat(fd, &st) == 0;

	if (!ok)
		err_sys(e, "read '%s'", path);
	else if (S_ISDIR(st.st_mode))
		ok = headers_read_folder(a, t, path, e);
	else if (!headers_read_file(a, t, fd, (double)st.st_size, e))
		ok = err_wrap(e, "'%s'", path);
	if (fd >= 0)
		close(fd);
	tensors_settle(t);
	return ok ? t : NULL;
}

/* The sockets of ssh's shared connections: their folder, and the end of a connection. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "executors/program/openssh.h"

enum {
	BASE_MAX = 60,          /* bytes of a base folder's name, so that a socket's name fits */
	GOODBYE_MS = 500,       /* for ssh to take the word that ends it */
	MUX_HELLO = 1, MUX_VERSION = 4, MUX_TERMINATE = 0x10000005,
};

/* One folder for the process, as long as it has sockets. */
static char *folder;
static unsigned sockets, serial;

static bool
socket_is_base(const char *path)
{
	static const char fine[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./";
	struct stat st;

	return path && *path == '/' && strlen(path) <= BASE_MAX && !path[strspn(path, fine)] &&
	       stat(path, &st) == 0 && S_ISDIR(st.st_mode) && st.st_uid == getuid() &&
	       !(st.st_mode & 022) && access(path, W_OK) == 0;
}

/* Remove the folders of dray processes that were killed. rmdir() leaves those alone in which a
 * connection has not ended yet, and those of others. */
static void
socket_tidy(const char *base)
{
	DIR *d = opendir(base);

	for (struct dirent *f; d && (f = readdir(d));) {
		long pid = 0;
		int n = 0;

		if (sscanf(f->d_name, "dray-%ld-%*6[A-Za-z0-9]%n", &pid, &n) == 1 && n && !f->d_name[n] &&
		    pid > 0 && kill((pid_t)pid, 0) != 0 && errno == ESRCH)
			unlinkat(dirfd(d), f->d_name, AT_REMOVEDIR);
	}
	if (d)
		closedir(d);
}

static bool
socket_folder(struct err *e)
{
	const char *base = getenv("XDG_RUNTIME_DIR");
	struct str path = {0};

	if (folder)
		return true;
	base = socket_is_base(base) ? base : "/tmp";
	socket_tidy(base);
	str_printf(&path, "%s/dray-%ld-XXXXXX", base, (long)getpid());
	if (!mkdtemp(path.buf)) {
		err_sys(e, "make a folder in '%s' for the sockets of ssh", base);
		str_release(&path);
		return false;
	}
	folder = path.buf;
	return true;
}

char *
openssh_socket(struct err *e)
{
	struct str path = {0};

	if (!socket_folder(e))
		return NULL;
	str_printf(&path, "%s/%u", folder, ++serial);
	sockets++;
	return path.buf;
}

static int
socket_connect(const char *path)
{
	struct sockaddr_un name = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	snprintf(name.sun_path, sizeof name.sun_path, "%s", path);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&name, sizeof name) == 0)
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

bool
openssh_socket_lives(const char *path)
{
	int fd = socket_connect(path);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

static void
socket_put(unsigned char **to, uint32_t v)
{
	for (int shift = 24; shift >= 0; shift -= 8)
		*(*to)++ = (unsigned char)(v >> shift);
}

/* What `ssh -O exit` says, without the process. ssh answers when it has read it. */
static void
socket_end(int fd)
{
	unsigned char words[24], *to = words;
	struct pollfd p = {.fd = fd, .events = POLLIN};
	char answer[256];
	size_t got = 0;

	socket_put(&to, 8);
	socket_put(&to, MUX_HELLO);
	socket_put(&to, MUX_VERSION);
	socket_put(&to, 8);
	socket_put(&to, MUX_TERMINATE);
	socket_put(&to, 0);
	if (send(fd, words, sizeof words, MSG_NOSIGNAL) != (ssize_t)sizeof words)
		return;
	/* Its own hello has 12 bytes, its yes follows. */
	while (got <= 12 && poll(&p, 1, GOODBYE_MS) > 0) {
		ssize_t n = read(fd, answer, sizeof answer);

		if (n <= 0)
			return;
		got += (size_t)n;
	}
}

void
openssh_socket_free(char *path)
{
	int fd;

	if (!path)
		return;
	fd = socket_connect(path);
	if (fd >= 0) {
		socket_end(fd);
		close(fd);
	}
	unlink(path);
	free(path);
	if (--sockets == 0) {
		rmdir(folder);
		free(folder);
		folder = NULL;
	}
}

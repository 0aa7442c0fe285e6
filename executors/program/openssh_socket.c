/* The sockets of ssh's shared connections: their folder, and the end of a connection. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "executors/program/openssh.h"

enum {
	BASE_MAX = 60,          /* bytes of a base folder's name, so that a socket's name fits */
	FOLDER_TRIES = 5,
	GOODBYE_MS = 500,       /* for ssh to answer the request that ends it */
	MUX_HELLO = 1, MUX_VERSION = 4, MUX_TERMINATE = 0x10000005,
};

/* One folder for the process, as long as it has sockets. */
#define FOLDER "dray-ssh-"
static char *folder;
static int held = -1;
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

/* Remove the folders of dray processes that were killed: nobody holds a lock on them. rmdir()
 * leaves those alone in which a connection has not ended yet. */
static void
socket_tidy(const char *base)
{
	DIR *d = opendir(base);

	for (struct dirent *f; d && (f = readdir(d));) {
		int fd;

		if (strncmp(f->d_name, FOLDER, strlen(FOLDER)) != 0)
			continue;
		fd = openat(dirfd(d), f->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0)
			unlinkat(dirfd(d), f->d_name, AT_REMOVEDIR);
		if (fd >= 0)
			close(fd);
	}
	if (d)
		closedir(d);
}

/* A new folder with our lock on it; NULL: it could not be made, or another dray tidied it away before
 * it had the lock. */
static char *
socket_make_folder(const char *base)
{
	struct str path = {0};
	struct stat st;

	str_printf(&path, "%s/%sXXXXXX", base, FOLDER);
	held = mkdtemp(path.buf) ? open(path.buf, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	if (held >= 0 && flock(held, LOCK_EX | LOCK_NB) == 0 && fstat(held, &st) == 0 && st.st_nlink)
		return path.buf;
	if (held >= 0)
		close(held);
	str_release(&path);
	return NULL;
}

static bool
socket_folder(struct err *e)
{
	const char *base = getenv("XDG_RUNTIME_DIR");

	if (folder)
		return true;
	base = socket_is_base(base) ? base : "/tmp";
	socket_tidy(base);
	for (int tries = 0; tries < FOLDER_TRIES && !folder; tries++)
		folder = socket_make_folder(base);
	return folder || err_sys(e, "make a folder in '%s' for the sockets of ssh", base);
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

/* Ask ssh to end, as `ssh -O exit` does, without starting a process. ssh answers when it has read
 * the request. */
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
	/* ssh's hello has 12 bytes; its answer follows. */
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
		close(held);
		free(folder);
		folder = NULL;
	}
}

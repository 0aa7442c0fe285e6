/* ssh_floor.c - the floor that dray's observation is compared with: libssh2 and poll(),
 * one thread, for each host a login and one command, nothing else. No host key is looked
 * at, no output kept, no error explained.
 *
 *	ssh_floor [-j AT_ONCE] USER KEY COMMAND HOST:PORT...
 *
 * KEY is an ed25519 or ecdsa file that libssh2 can read. HOST is an address. With -j at
 * most that many logins are under way at once (for many sessions on one sshd). Prints
 * "hosts N ok N wall_ms N cpu_ms N rss_kib N bytes N".
 */
#include <arpa/inet.h>
#include <errno.h>
#include <libssh2.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum state { WAIT, CONNECT, HANDSHAKE, LOGIN, OPEN, EXEC, READ, DONE, FAILED };

struct host {
	enum state state;
	int fd;
	struct sockaddr_in to;
	LIBSSH2_SESSION *session;
	LIBSSH2_CHANNEL *channel;
};

static const char *user, *key_file, *command;
static unsigned long long bytes;

static double
now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* Without this every login waits 42 ms for a delayed ACK, which would be unfair. */
static
LIBSSH2_RECV_FUNC(receive)
{
	ssize_t n = recv(socket, buffer, length, flags);

	(void)abstract;
	setsockopt(socket, IPPROTO_TCP, TCP_QUICKACK, &(int){1}, sizeof(int));
	return n < 0 ? -errno : n;
}

typedef void function(void);

static bool
start(struct host *h)
{
	function *f = (function *)receive;
	void *p;

	memcpy(&p, &f, sizeof p);
	h->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	setsockopt(h->fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
	h->session = libssh2_session_init();
	libssh2_session_set_blocking(h->session, 0);
	libssh2_session_callback_set(h->session, LIBSSH2_CALLBACK_RECV, p);
	return connect(h->fd, (const struct sockaddr *)&h->to, sizeof h->to) == 0 ||
	       errno == EINPROGRESS;
}

static int
connected(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLOUT};
	int code = 0;
	socklen_t n = sizeof code;

	if (poll(&p, 1, 0) <= 0)
		return LIBSSH2_ERROR_EAGAIN;
	getsockopt(fd, SOL_SOCKET, SO_ERROR, &code, &n);
	return code ? -1 : 0;
}

/* Read all output of both streams; 0 at its end. */
static int
read_all(struct host *h)
{
	char buf[16384];
	ssize_t n;

	for (int id = 0; id < 2; id++) {
		while ((n = libssh2_channel_read_ex(h->channel, id, buf, sizeof buf)) > 0)
			bytes += (unsigned long long)n;
		if (n < 0 && n != LIBSSH2_ERROR_EAGAIN)
			return (int)n;
	}
	return libssh2_channel_eof(h->channel) ? 0 : LIBSSH2_ERROR_EAGAIN;
}

/* One step: 0 continues with the next state, EAGAIN waits. */
static int
step(struct host *h)
{
	switch (h->state) {
	case WAIT:
		return start(h) ? 0 : -1;
	case CONNECT:
		return connected(h->fd);
	case HANDSHAKE:
		return libssh2_session_handshake(h->session, h->fd);
	case LOGIN:
		return libssh2_userauth_publickey_fromfile(h->session, user, NULL, key_file, NULL);
	case OPEN:
		h->channel = libssh2_channel_open_session(h->session);
		return h->channel ? 0 : libssh2_session_last_errno(h->session);
	case EXEC:
		return libssh2_channel_exec(h->channel, command);
	case READ:
		return read_all(h);
	default:
		return LIBSSH2_ERROR_EAGAIN;
	}
}

static void
drive(struct host *h)
{
	while (h->state < DONE) {
		int rc = step(h);

		if (rc == LIBSSH2_ERROR_EAGAIN)
			return;
		h->state = rc == 0 ? h->state + 1 : FAILED;
	}
	close(h->fd);
	h->fd = -1;
}

static bool
parse(struct host *h, char *at)
{
	char *colon = strrchr(at, ':');

	if (!colon)
		return false;
	*colon = '\0';
	h->fd = -1;
	h->to.sin_family = AF_INET;
	h->to.sin_port = htons((uint16_t)atoi(colon + 1));
	return inet_pton(AF_INET, at, &h->to.sin_addr) == 1;
}

/* One turn: let new ones start, wait, drive those that are ready; false at the end. */
static bool
turn(struct host *host, struct pollfd *p, size_t n, size_t at_once)
{
	size_t starting = 0, left = 0;

	for (size_t i = 0; i < n; i++)
		starting += host[i].state > WAIT && host[i].state <= LOGIN;
	for (size_t i = 0; i < n; i++) {
		struct host *h = &host[i];

		if (h->state == WAIT && starting < at_once) {
			starting++;
			drive(h);
		}
		left += h->state < DONE;
		p[i] = (struct pollfd){.fd = h->fd};
		if (h->state == CONNECT)
			p[i].events = POLLOUT;
		else if (h->session && h->fd >= 0)
			p[i].events = (short)(POLLIN | (libssh2_session_block_directions(h->session) &
							LIBSSH2_SESSION_BLOCK_OUTBOUND ? POLLOUT : 0));
	}
	if (!left)
		return false;
	poll(p, n, 10000);
	for (size_t i = 0; i < n; i++) {
		if (p[i].fd >= 0 && p[i].revents)
			drive(&host[i]);
	}
	return true;
}

int
main(int argc, char **argv)
{
	size_t at_once = 1000000, n, ok = 0;
	struct rusage u;
	double begin;

	if (argc > 2 && strcmp(argv[1], "-j") == 0) {
		at_once = (size_t)atoi(argv[2]);
		argc -= 2;
		argv += 2;
	}
	if (argc < 5)
		return 2;
	user = argv[1];
	key_file = argv[2];
	command = argv[3];
	n = (size_t)argc - 4;
	struct host *host = calloc(n, sizeof *host);
	struct pollfd *p = calloc(n, sizeof *p);

	for (size_t i = 0; i < n; i++) {
		if (!parse(&host[i], argv[4 + i]))
			return 2;
	}
	begin = now_ms();
	libssh2_init(0);
	while (turn(host, p, n, at_once))
		continue;
	for (size_t i = 0; i < n; i++)
		ok += host[i].state == DONE;
	getrusage(RUSAGE_SELF, &u);
	printf("hosts %zu ok %zu wall_ms %.0f cpu_ms %.1f rss_kib %ld bytes %llu\n", n, ok,
	       now_ms() - begin,
	       (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1e3 +
		       (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e3,
	       u.ru_maxrss, bytes);
	free(p);
	free(host);
	return ok == n ? 0 : 1;
}

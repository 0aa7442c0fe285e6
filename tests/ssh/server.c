/* server.c - servers that misbehave, for the tests in this folder.
 *
 *	server MODE PORT|PATH
 *
 * silent: accepts and says nothing.  close: accepts and hangs up.  banner: an SSH banner,
 * then nothing.  http: another protocol.  full: listens with a full backlog, so that
 * nobody gets through.  lines, noise: without end, and no banner.  ignore: a banner, then
 * packets without end that mean nothing.  echo: sends back what comes.  agent: a unix socket that accepts
 * and says nothing. Prints "listening" once it does.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int
listen_at(const char *mode, const char *where)
{
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(where)),
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	bool local = strcmp(mode, "agent") == 0;
	int fd = socket(local ? AF_UNIX : AF_INET, SOCK_STREAM, 0);

	snprintf(un.sun_path, sizeof un.sun_path, "%s", where);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int));
	if ((local ? bind(fd, (struct sockaddr *)&un, sizeof un)
		   : bind(fd, (struct sockaddr *)&in, sizeof in)) < 0 ||
	    listen(fd, strcmp(mode, "full") == 0 ? 0 : 64) < 0) {
		perror(where);
		exit(1);
	}
	/* The kernel accepts one or two more than it was told. */
	for (int i = 0; i < 4 && strcmp(mode, "full") == 0; i++) {
		int c = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

		(void)!connect(c, (struct sockaddr *)&in, sizeof in);
	}
	return fd;
}

static void
flood(int fd, const char *say, size_t n)
{
	static char buf[65536];
	size_t len = 0;

	for (; len + n <= sizeof buf; len += n)
		memcpy(buf + len, say, n);
	while (write(fd, buf, len) > 0)
		;
	exit(0);
}

static void
echo(int fd)
{
	static char buf[65536];
	ssize_t n;

	while ((n = read(fd, buf, sizeof buf)) > 0) {
		for (ssize_t done = 0, w; done < n; done += w) {
			w = write(fd, buf + done, (size_t)(n - done));
			if (w <= 0)
				exit(1);
		}
	}
	exit(0);
}

int
main(int argc, char **argv)
{
	int fd;

	if (argc != 3)
		return 2;
	fd = listen_at(argv[1], argv[2]);
	puts("listening");
	fflush(stdout);
	if (strcmp(argv[1], "full") == 0)
		pause();
	for (;;) {
		int c = accept(fd, NULL, NULL);
		bool ignore = strcmp(argv[1], "ignore") == 0;
		const char *say = strcmp(argv[1], "banner") == 0 || ignore ? "SSH-2.0-quiet\r\n"
				  : strcmp(argv[1], "http") == 0 ? "HTTP/1.1 400 What?\r\n\r\n"
								 : "";

		if (c < 0)
			return 1;
		(void)!write(c, say, strlen(say));
		if (strcmp(argv[1], "close") == 0 || strcmp(argv[1], "http") == 0)
			close(c);
		if (ignore && fork() == 0)
			flood(c, "\0\0\0\014\006\002\0\0\0\0\0\0\0\0\0", 16);
		if (strcmp(argv[1], "lines") == 0 && fork() == 0)
			flood(c, "Welcome\r\n", 9);
		if (strcmp(argv[1], "noise") == 0 && fork() == 0)
			flood(c, "noise", 5);
		if (strcmp(argv[1], "echo") == 0) {
			if (fork() == 0)
				echo(c);
			close(c);
		}
	}
}

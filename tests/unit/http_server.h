/* Two small servers with prepared answers for http_test.c. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "executors/http/http.h"

static struct loop *loop;
static pid_t server[2];
static int port[2];

/* One request, one prepared answer chosen by its path; /echo returns the whole request. */
static void
answer(int fd, const char *request, int other_port)
{
	char head[2048], body[8192] = "";
	const char *status = "200 OK", *more = "";
	char location[256];

	if (strncmp(request + strcspn(request, " "), " /echo", 6) == 0) {
		snprintf(body, sizeof body, "%s", request);
	} else if (strstr(request, " /far ")) {
		status = "307 Temporary Redirect";
		snprintf(location, sizeof location, "Location: http://127.0.0.1:%d/echo\r\n", other_port);
		more = location;
	} else if (strstr(request, " /near ")) {
		status = "302 Found";
		more = "Location: /echo\r\n";
	} else if (strstr(request, " /round ")) {
		status = "302 Found";
		more = "Location: /round\r\n";
	} else if (strstr(request, " /file ")) {
		status = "302 Found";
		more = "Location: file:///etc/passwd\r\n";
	} else if (strstr(request, " /heads ")) {
		more = "X-One: 1\r\nx-two:  2 and  a half \r\nX-Empty:\r\nX-Odd: a\x01" "b\r\n"
		       "Set-Cookie: a=1\r\nSet-Cookie: b=2\r\n";
	} else if (strstr(request, " /many ")) {
		static char many[1800 * 40];
		char *to = many;
		static const char first[] = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n";

		for (int i = 0; i < 1700; i++)
			to += sprintf(to, "X-%04d: %025d\r\n", i, i);
		strcpy(to, "\r\n");
		if (write(fd, first, sizeof first - 1) < 0 || write(fd, many, strlen(many)) < 0)
			return;
		return;
	} else if (strstr(request, " /gated ")) {
		status = "403 Forbidden";
		more = "X-Error-Code: GatedRepo\r\n";
	} else if (strstr(request, " /big ")) {
		memset(body, 'x', 8000);
	} else if (strstr(request, " /late ")) {
		usleep(500000);
	} else if (strstr(request, " /slow ")) {
		sleep(20);
	} else if (strstr(request, " /cut ")) {
		static const char cut[] = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf";

		if (write(fd, cut, sizeof cut - 1) < 0)
			return;
		return;
	} else {
		status = "404 Not Found";
	}
	int n = snprintf(head, sizeof head, "HTTP/1.1 %s\r\n%sContent-Length: %zu\r\n"
			 "Connection: close\r\n\r\n", status, more, strlen(body));

	if (write(fd, head, (size_t)n) < 0 || write(fd, body, strlen(body)) < 0)
		return;
}

static void
serve(int listener, int other_port)
{
	for (;;) {
		char buf[8192] = "";
		size_t n = 0;
		ssize_t r;
		int fd = accept(listener, NULL, NULL);

		while (fd >= 0 && (r = read(fd, buf + n, sizeof buf - 1 - n)) > 0) {
			const char *end, *length;

			n += (size_t)r;
			buf[n] = '\0';
			end = strstr(buf, "\r\n\r\n");
			length = strcasestr(buf, "content-length: ");
			if (end && n >= (size_t)(end + 4 - buf) + (length ? (size_t)atol(length + 16) : 0))
				break;
		}
		answer(fd, buf, other_port);
		close(fd);
	}
}

static int
group_setup(void **state)
{
	int fd[2];
	struct err e;

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct sockaddr_in addr = {.sin_family = AF_INET,
					   .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
		socklen_t n = sizeof addr;

		fd[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		assert_int_equal(bind(fd[i], (struct sockaddr *)&addr, n), 0);
		assert_int_equal(listen(fd[i], 16), 0);
		getsockname(fd[i], (struct sockaddr *)&addr, &n);
		port[i] = ntohs(addr.sin_port);
	}
	for (int i = 0; i < 2; i++) {
		server[i] = fork();
		if (server[i] == 0)
			serve(fd[i], port[!i]);
		close(fd[i]);
	}
	loop = loop_new(&e);
	return 0;
}

static int
group_teardown(void **state)
{
	(void)state;
	loop_free(loop);
	for (int i = 0; i < 2; i++) {
		kill(server[i], SIGKILL);
		waitpid(server[i], NULL, 0);
	}
	return 0;
}

static bool finished;

static void
on_done(struct http *h)
{
	(void)h;
	finished = true;
}

static void
fetch(struct http *h, int which, const char *path)
{
	static char url[256];

	snprintf(url, sizeof url, "http://127.0.0.1:%d%s", port[which], path);
	h->url = url;
	h->done = on_done;
	finished = false;
	http_start(loop, h);
	loop_run(loop, &finished);
}

#include "standin.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <arpa/inet.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* Looks for word, word=VALUE, each with or without @ADDRESS, in a list of words. */
static const char *
find_word(char *list, const char *word)
{
	static char value[64];
	const char *me = getenv("VLLM_HOST_IP");
	char *save = NULL;
	size_t n = strlen(word);

	for (char *w = strtok_r(list, " ,\n", &save); w; w = strtok_r(NULL, " ,\n", &save)) {
		char *at = strchr(w, '@');
		if (at) {
			*at++ = '\0';
			if (!me || strcmp(at, me) != 0)
				continue;
		}
		if (strncmp(w, word, n) != 0 || (w[n] != '=' && w[n] != '\0'))
			continue;
		snprintf(value, sizeof value, "%s", w[n] ? w + n + 1 : "");
		return value;
	}
	return NULL;
}

const char *
demand(const char *word)
{
	const char *home = getenv("HF_HOME"), *env = getenv("STANDIN"), *found = NULL;
	char path[512], list[1024];
	char *text;

	if (env) {
		snprintf(list, sizeof list, "%s", env);
		found = find_word(list, word);
	}
	if (found)
		return found;
	snprintf(path, sizeof path, "%s/standin", home ? home : "/root/.cache/huggingface");
	text = read_file(path);
	if (!text && home)
		text = read_file("/root/.cache/huggingface/standin");
	if (text)
		found = find_word(text, word);
	free(text);
	return found;
}

long
demand_ms(const char *word, long dflt)
{
	const char *value = demand(word);

	return value ? (long)(strtod(value, NULL) * 1000) : dflt;
}

static void
be(const char *title)
{
	execle("/proc/self/exe", title, (char *)NULL, (char *const[]){NULL});
	_exit(1);
}

int
titled(const char *title, int n, const char *theirs)
{
	char name[64];
	int pid = fork();

	if (pid)
		return pid;
	signal(SIGTERM, SIG_DFL);
	signal(SIGINT, SIG_DFL);
	signal(SIGUSR1, SIG_DFL);
	signal(SIGCHLD, SIG_IGN);
	if (strncmp(title, "ray::", 5) == 0)    /* Ray's end with the node's Ray */
		prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (int i = 0; i < n; i++) {
		snprintf(name, sizeof name, "%s%d", theirs, i);
		if (fork() == 0) {
			prctl(PR_SET_PDEATHSIG, SIGTERM);
			be(name);
		}
	}
	be(title);
	return 0;
}

void
sleep_ms(long ms)
{
	struct timespec t = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 };

	while (nanosleep(&t, &t) < 0 && errno == EINTR)
		;
}

long long
now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

const char *
stamp(const char *fmt, char sep, int digits)
{
	static char buf[64];
	struct timespec t;
	struct tm tm;
	size_t n;

	clock_gettime(CLOCK_REALTIME, &t);
	gmtime_r(&t.tv_sec, &tm);
	n = strftime(buf, sizeof buf, fmt, &tm);
	if (digits == 3)
		snprintf(buf + n, sizeof buf - n, "%c%03ld", sep, t.tv_nsec / 1000000);
	else if (digits == 6)
		snprintf(buf + n, sizeof buf - n, "%c%06ld", sep, t.tv_nsec / 1000);
	return buf;
}

/* Names come from /etc/hosts alone: a static program has no resolver to load. */
static bool
lookup(const char *host, struct in_addr *out)
{
	bool found = false;
	char line[256];
	FILE *f;

	if (inet_pton(AF_INET, host, out) == 1)
		return true;
	f = fopen("/etc/hosts", "r");
	while (f && !found && fgets(line, sizeof line, f)) {
		char *save = NULL;
		const char *address = strtok_r(line, " \t\n", &save), *name;
		while (address && (name = strtok_r(NULL, " \t\n", &save)))
			if (strcmp(name, host) == 0 && inet_pton(AF_INET, address, out) == 1)
				found = true;
	}
	if (f)
		fclose(f);
	if (!found)
		errno = EHOSTUNREACH;
	return found;
}

int
tcp_dial(const char *address, int timeout_ms)
{
	struct sockaddr_in sin = { .sin_family = AF_INET };
	struct pollfd p = { .events = POLLOUT };
	const char *colon = strrchr(address, ':');
	int err = 0, one = 1;
	socklen_t n = sizeof err;
	char host[128];

	snprintf(host, sizeof host, "%.*s",
		 colon ? (int)(colon - address) : (int)strlen(address), address);
	if (!lookup(host, &sin.sin_addr))
		return -1;
	sin.sin_port = htons((unsigned short)(colon ? atoi(colon + 1) : 80));
	p.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (p.fd < 0)
		return -1;
	if (connect(p.fd, (struct sockaddr *)&sin, sizeof sin) < 0 && errno != EINPROGRESS)
		err = errno;
	else if (poll(&p, 1, timeout_ms) <= 0)
		err = ETIMEDOUT;
	else
		getsockopt(p.fd, SOL_SOCKET, SO_ERROR, &err, &n);
	if (err) {
		close(p.fd);
		errno = err;
		return -1;
	}
	fcntl(p.fd, F_SETFL, 0);
	setsockopt(p.fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	return p.fd;
}

int
tcp_listen(const char *host, int port)
{
	struct sockaddr_in sin = { .sin_family = AF_INET,
				   .sin_port = htons((unsigned short)port) };
	int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	if (!lookup(host, &sin.sin_addr) ||
	    bind(fd, (struct sockaddr *)&sin, sizeof sin) < 0 || listen(fd, 64) < 0) {
		int err = errno;
		close(fd);
		errno = err;
		return -1;
	}
	return fd;
}

bool
send_all(int fd, const char *s, size_t n)
{
	while (n) {
		ssize_t k = write(fd, s, n);
		if (k < 0 && errno == EINTR)
			continue;
		if (k <= 0)
			return false;
		s += k;
		n -= (size_t)k;
	}
	return true;
}

bool
send_text(int fd, const char *fmt, ...)
{
	char buf[8192];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(buf, sizeof buf, fmt, ap);
	va_end(ap);
	return n > 0 && send_all(fd, buf, (size_t)n < sizeof buf ? (size_t)n : sizeof buf - 1);
}

bool
recv_line(int fd, char *buf, size_t cap, int timeout_ms)
{
	long long end = now_ms() + timeout_ms;
	size_t n = 0;
	char c;

	for (;;) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		long long left = end - now_ms();
		if (timeout_ms >= 0 && (left < 0 || poll(&p, 1, (int)left) <= 0))
			return false;
		ssize_t k = read(fd, &c, 1);
		if (k < 0 && errno == EINTR)
			continue;
		if (k <= 0)
			return false;
		if (c == '\n')
			break;
		if (n + 1 < cap)
			buf[n++] = c;
	}
	if (n && buf[n - 1] == '\r')
		n--;
	buf[n] = '\0';
	return true;
}

const char *
json_text(const char *p, const char *key, char *out, size_t cap)
{
	char quoted[64];
	size_t n = 0;

	snprintf(quoted, sizeof quoted, "\"%s\"", key);
	while ((p = strstr(p, quoted))) {
		p += strlen(quoted);
		p += strspn(p, " \t\n");
		if (*p != ':')
			continue;
		p++;
		p += strspn(p, " \t\n");
		if (*p != '"')
			continue;
		for (p++; *p && *p != '"'; p++) {
			if (*p == '\\' && p[1])
				p++;
			if (n + 1 < cap)
				out[n++] = *p;
		}
		out[n] = '\0';
		return *p ? p + 1 : p;
	}
	return NULL;
}

char *
read_file(const char *path)
{
	FILE *f = fopen(path, "r");
	size_t n = 0, cap = 4096;
	char *text;

	if (!f)
		return NULL;
	text = malloc(cap);
	for (size_t k; text && (k = fread(text + n, 1, cap - n - 1, f)) > 0;) {
		n += k;
		if (cap - n < 2)
			text = realloc(text, cap *= 2);
	}
	fclose(f);
	if (text)
		text[n] = '\0';
	return text;
}

bool
make_dirs(const char *path)
{
	char part[1024];

	for (const char *p = path + 1; (p = strchr(p, '/')); p++) {
		snprintf(part, sizeof part, "%.*s", (int)(p - path), path);
		if (mkdir(part, 0777) < 0 && errno != EEXIST)
			return false;
	}
	return true;
}

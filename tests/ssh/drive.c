/* drive.c - the executors without the rest of dray, for the tests in this folder.
 *
 *	drive [options] HOST [COMMAND]
 *	  -e NAME   executor (ssh; auto says which one it takes)
 *	  -L KEY=VALUE a label of the node
 *	  -P SECONDS that a shared connection of openssh outlives its last stream
 *	  -u USER  -p PORT  -i IDENTITY  -k KNOWN_HOSTS
 *	  -c CONFIG "none" for no file   -t SECONDS to connect
 *	  -K A,B,C  keepalive every A s, dead after B s, C s for a login
 *	  -s TEXT   written to the command, then end of file
 *	  -l LINKS  that many connections, each with its streams
 *	  -n N -b BYTES   N streams of COMMAND at once; each gets BYTES and must send the
 *	            same BYTES back (COMMAND is something like cat)
 *	  -T H:P    a tunnel instead of a command
 *	  -x EVENT  shut the link in `ready`, `opened`, `data`, or after `N` ms
 *
 * Prints the command's output, then lines that start with "drive:" for the tests to
 * look at. Exit 0: the link got ready and all streams ended cleanly.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "executors/executor.h"
#include "executors/io/patience.h"
#include "executors/ssh/ssh.h"
#include "planner/base/arena.h"

enum { LINKS = 300, STREAMS = 32 };

struct one {
	struct conn *conn;
	struct stream *stream;
	size_t got, errors;
};

static struct conn {
	struct link *link;
	unsigned left;
	bool over;
	struct one one[STREAMS];
} conn[LINKS];

static struct {
	struct loop *loop;
	const struct executor *executor;
	struct spec_node spec;
	const char *name, *command, *text, *tunnel, *shut;
	unsigned links, streams;
	size_t bytes;
	unsigned running, wrong;
	bool finished, failed, first;
	long long start;
} it = {.streams = 1, .links = 1};

static void
over(struct conn *c)
{
	if (c->over)
		return;
	c->over = true;
	if (--it.running == 0)
		it.finished = true;
}

static void
shut(struct conn *c)
{
	printf("drive: shut\n");
	it.executor->shut(c->link);
	c->link = NULL;
	over(c);
}

static void
shut_late(void *arg)
{
	(void)arg;
	for (unsigned i = 0; i < it.links; i++) {
		if (conn[i].link)
			shut(&conn[i]);
	}
}

static bool
shut_at(struct conn *c, const char *event)
{
	if (!it.shut || strcmp(it.shut, event) != 0)
		return false;
	if (c->link)
		shut(c);
	return true;
}

/* Byte n of the stream that is sent and must come back. */
static char pattern(size_t n) { return (char)(n * 2654435761u >> 13); }

static void
opened(void *arg)
{
	struct one *o = arg;

	shut_at(o->conn, "opened");
}

static void
data(void *arg, const char *p, size_t n, bool is_stderr)
{
	struct one *o = arg;

	if (!it.first && it.executor->turns)
		printf("drive: first output after %u turns, %lld ms\n",
		       it.executor->turns(o->conn->link), loop_clock() - it.start);
	it.first = true;
	if (!it.bytes || is_stderr) {
		fwrite(p, 1, n, is_stderr ? stderr : stdout);
	} else {
		for (size_t i = 0; i < n; i++)
			o->errors += p[i] != pattern(o->got + i);
		o->got += n;
	}
	/* A peer that only sends back does not end by itself. */
	if (it.tunnel && it.bytes && o->got == it.bytes)
		it.executor->eof(o->stream);
	shut_at(o->conn, "data");
}

static void
closed(void *arg, const struct err *e)
{
	struct one *o = arg;
	struct conn *c = o->conn;

	if (e)
		printf("drive: stream %d: %s\n", (int)(o - c->one), e->text);
	else if (it.links == 1)
		printf("drive: stream %d ended\n", (int)(o - c->one));
	if (e || (it.bytes && (o->got != it.bytes || o->errors))) {
		it.wrong++;
		printf("drive: %zu bytes back, %zu of them wrong\n", o->got, o->errors);
	}
	if (shut_at(c, "closed"))
		return;
	it.executor->close(o->stream);
	if (--c->left == 0 && !(e && strstr(e->text, "lost")))
		over(c);
}

static const struct stream_events events = {opened, data, closed};

static void
begin(struct one *o)
{
	const struct executor *x = it.executor;
	struct link *k = o->conn->link;

	if (it.tunnel) {
		char *host = xstrdup(it.tunnel), *colon = strrchr(host, ':');

		*colon = '\0';
		o->stream = x->tunnel(k, host, atoi(colon + 1), &events, o);
		free(host);
	} else {
		o->stream = x->exec(k, it.command, &events, o);
	}
	if (it.text)
		x->write(o->stream, it.text, strlen(it.text));
	if (it.bytes) {
		char *buf = xmalloc(it.bytes);

		for (size_t i = 0; i < it.bytes; i++)
			buf[i] = pattern(i);
		x->write(o->stream, buf, it.bytes);
		free(buf);
	}
	if (!it.tunnel)
		x->eof(o->stream);
}

static void
ready(void *arg)
{
	struct conn *c = arg;

	if (it.links == 1)
		printf("drive: ready after %u turns, %lld ms\n",
		       it.executor->turns ? it.executor->turns(c->link) : 0,
		       loop_clock() - it.start);
	if (shut_at(c, "ready"))
		return;
	c->left = it.streams;
	for (unsigned i = 0; i < it.streams; i++) {
		c->one[i].conn = c;
		begin(&c->one[i]);
	}
}

static void
failed(void *arg, const struct err *e)
{
	struct conn *c = arg;

	printf("drive: failed after %lld ms: %s\n", loop_clock() - it.start, e->text);
	if (e->hint[0])
		printf("drive: hint: %s\n", e->hint);
	it.failed = true;
	if (!shut_at(c, "failed"))
		over(c);
}

static struct number
number(const char *s)
{
	return (struct number){.value = atoll(s), .set = true};
}

static void
label(const char *v)
{
	static struct pair labels[8];
	struct pairs *all = &it.spec.labels;
	char *key = xstrdup(v), *equals = strchr(key, '=');

	if (!equals || all->n == 8)
		exit(2);
	*equals = '\0';
	all->v = labels;
	labels[all->n++] = (struct pair){.key.text = key, .value.text = equals + 1};
}

static void
option(int c, const char *v)
{
	struct spec_ssh *s = &it.spec.ssh;

	switch (c) {
	case 'e': it.executor = executor_find(it.name = v); break;
	case 'L': label(v); break;
	case 'u': s->user.text = v; break;
	case 'p': s->port = number(v); break;
	case 'i': s->identity.text = v; break;
	case 'k': s->known_hosts.text = v; break;
	case 'c': s->config.text = v; break;
	case 'P': patience.persist = (unsigned)atoi(v); break;
	case 't': s->connect_timeout = number(v); break;
	case 'K': sscanf(v, "%u,%u,%u", &patience.keepalive, &patience.dead, &patience.login); break;
	case 'l': it.links = (unsigned)atoi(v); break;
	case 's': it.text = v; break;
	case 'n': it.streams = (unsigned)atoi(v); break;
	case 'b': it.bytes = (size_t)atoll(v); break;
	case 'T': it.tunnel = v; break;
	case 'x': it.shut = v; break;
	default: exit(2);
	}
}

int
main(int argc, char **argv)
{
	struct err e = {0};
	struct node node = {.spec = &it.spec};
	struct rusage use;

	it.executor = executor_find("ssh");
	for (int c; (c = getopt(argc, argv, "+e:L:P:u:p:i:k:c:t:K:s:l:n:b:T:x:")) != -1;)
		option(c, optarg);
	if (optind == argc || !it.executor || it.streams > STREAMS || it.links > LINKS)
		return 2;
	setvbuf(stdout, NULL, _IOLBF, 0);
	node.name = node.host = argv[optind];
	node.executor = it.name;
	node.gpus = -1;
	if (it.executor->choose) {
		it.executor = executor_for(&node, &e);
		printf("drive: %s takes %s: %s\n", it.name, it.executor->name, e.text);
	}
	it.command = argv[optind + 1] ? argv[optind + 1] : "true";
	it.loop = loop_new(&e);
	if (!it.loop)
		return 2;
	it.start = loop_clock();
	it.running = it.links;
	for (unsigned i = 0; i < it.links; i++)
		conn[i].link = it.executor->open(
			it.loop, &node, &(struct link_events){ready, failed}, &conn[i]);
	if (it.shut && atoi(it.shut))
		loop_after(it.loop, atoi(it.shut), shut_late, NULL);
	loop_run(it.loop, &it.finished);
	getrusage(RUSAGE_SELF, &use);
	unsigned turns = 0;

	for (unsigned i = 0; i < it.links; i++)
		turns += conn[i].link && it.executor->turns ? it.executor->turns(conn[i].link) : 0;
	printf("drive: %lld ms, %.2f ms CPU, %ld KiB, %u turns\n", loop_clock() - it.start,
	       (double)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) * 1e3 +
		       (double)(use.ru_utime.tv_usec + use.ru_stime.tv_usec) / 1e3,
	       use.ru_maxrss, turns);
	for (unsigned i = 0; i < it.links; i++) {
		if (conn[i].link)
			it.executor->shut(conn[i].link);
	}
	loop_free(it.loop);
	return it.failed || it.wrong;
}

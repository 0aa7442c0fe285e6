/* drive.c - the executors without the rest of dray, for the tests in this folder.
 *
 *	drive [options] HOST [COMMAND]
 *	  -e NAME   executor (ssh)       -u USER  -p PORT  -i IDENTITY  -k KNOWN_HOSTS
 *	  -c CONFIG "none" for no file   -t SECONDS to connect
 *	  -K A,B    keepalive every A s, dead after B s
 *	  -s TEXT   written to the command, then end of file
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
#include "executors/ssh.h"
#include "planner/base/arena.h"

static struct {
	struct loop *loop;
	const struct executor *executor;
	struct link *link;
	struct spec_node spec;
	const char *command, *text, *tunnel, *shut;
	unsigned streams;
	size_t bytes;
	unsigned left, wrong;
	bool finished, failed, first;
	long long start;
} it = {.streams = 1};

static struct one {
	struct stream *stream;
	size_t got, errors;
	unsigned char at;
} one[64];

static void
shut(void)
{
	printf("drive: shut\n");
	it.executor->shut(it.link);
	it.link = NULL;
	it.finished = true;
}

static void
shut_late(void *arg)
{
	(void)arg;
	if (it.link)
		shut();
}

static bool
shut_at(const char *event)
{
	if (!it.shut || strcmp(it.shut, event) != 0)
		return false;
	shut();
	return true;
}

/* Byte n of the stream that goes out and has to come back. */
static char pattern(size_t n) { return (char)(n * 2654435761u >> 13); }

static void
opened(void *arg)
{
	(void)arg;
	shut_at("opened");
}

static void
data(void *arg, const char *p, size_t n, bool is_stderr)
{
	struct one *o = arg;

	if (!it.first && it.executor->turns)
		printf("drive: first output after %u turns, %lld ms\n",
		       it.executor->turns(it.link), loop_now() - it.start);
	it.first = true;
	if (!it.bytes || is_stderr) {
		fwrite(p, 1, n, is_stderr ? stderr : stdout);
	} else {
		for (size_t i = 0; i < n; i++)
			o->errors += p[i] != pattern(o->got + i);
		o->got += n;
	}
	shut_at("data");
}

static void
closed(void *arg, const struct err *e)
{
	struct one *o = arg;

	if (e)
		printf("drive: stream %d: %s\n", (int)(o - one), e->text);
	else
		printf("drive: stream %d ended\n", (int)(o - one));
	if (e || (it.bytes && (o->got != it.bytes || o->errors))) {
		it.wrong++;
		printf("drive: %zu bytes back, %zu of them wrong\n", o->got, o->errors);
	}
	if (it.link)
		it.executor->close(o->stream);
	if (--it.left == 0)
		it.finished = true;
}

static const struct stream_events events = {opened, data, closed};

static void
begin(struct one *o)
{
	if (it.tunnel) {
		char *host = xstrdup(it.tunnel), *colon = strrchr(host, ':');

		*colon = '\0';
		o->stream = it.executor->tunnel(it.link, host, atoi(colon + 1), &events, o);
		free(host);
	} else {
		o->stream = it.executor->exec(it.link, it.command, &events, o);
	}
	if (it.text)
		it.executor->write(o->stream, it.text, strlen(it.text));
	if (it.bytes) {
		char *buf = xmalloc(it.bytes);

		for (size_t i = 0; i < it.bytes; i++)
			buf[i] = pattern(i);
		it.executor->write(o->stream, buf, it.bytes);
		free(buf);
	}
	if (!it.tunnel || it.bytes)
		it.executor->eof(o->stream);
}

static void
ready(void *arg)
{
	(void)arg;
	printf("drive: ready after %u turns, %lld ms\n",
	       it.executor->turns ? it.executor->turns(it.link) : 0, loop_now() - it.start);
	if (shut_at("ready"))
		return;
	it.left = it.streams;
	for (unsigned i = 0; i < it.streams; i++)
		begin(&one[i]);
}

static void
failed(void *arg, const struct err *e)
{
	(void)arg;
	printf("drive: failed after %lld ms: %s\n", loop_now() - it.start, e->text);
	if (e->hint[0])
		printf("drive: hint: %s\n", e->hint);
	it.failed = it.finished = true;
}

static struct number
number(const char *s)
{
	return (struct number){.value = atoll(s), .set = true};
}

static void
option(int c, const char *v)
{
	struct spec_ssh *s = &it.spec.ssh;

	switch (c) {
	case 'e': it.executor = executor_find(v); break;
	case 'u': s->user.text = v; break;
	case 'p': s->port = number(v); break;
	case 'i': s->identity.text = v; break;
	case 'k': s->known_hosts.text = v; break;
	case 'c': s->config.text = v; break;
	case 't': s->connect_timeout = number(v); break;
	case 'K': sscanf(v, "%u,%u", &ssh_keepalive_s, &ssh_dead_s); break;
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
	for (int c; (c = getopt(argc, argv, "+e:u:p:i:k:c:t:K:s:n:b:T:x:")) != -1;)
		option(c, optarg);
	if (optind == argc || !it.executor || it.streams > sizeof one / sizeof *one)
		return 2;
	setvbuf(stdout, NULL, _IOLBF, 0);
	node.name = node.host = argv[optind];
	it.command = argv[optind + 1] ? argv[optind + 1] : "true";
	it.loop = loop_new(&e);
	if (!it.loop)
		return 2;
	it.start = loop_now();
	it.link = it.executor->open(it.loop, &node,
				    &(struct link_events){ready, failed}, NULL);
	if (it.shut && atoi(it.shut))
		loop_after(it.loop, atoi(it.shut), shut_late, NULL);
	loop_run(it.loop, &it.finished);
	getrusage(RUSAGE_SELF, &use);
	printf("drive: %lld ms, %.2f ms CPU, %u turns\n", loop_now() - it.start,
	       (double)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) * 1e3 +
		       (double)(use.ru_utime.tv_usec + use.ru_stime.tv_usec) / 1e3,
	       it.link && it.executor->turns ? it.executor->turns(it.link) : 0);
	if (it.link)
		it.executor->shut(it.link);
	loop_free(it.loop);
	return it.failed || it.wrong;
}

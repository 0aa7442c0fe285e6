/* The executor for the machine dray runs on. A stream is a child process, `sh -c` in the
 * home directory; a tunnel is a plain TCP connection. */
#include "executors/program/local_stream.h"

static struct link *
local_open(struct loop *l, const struct node *node, const struct link_events *events, void *arg)
{
	struct link *k = local_stream_link(l, events, arg, NULL, NULL);

	(void)node;
	local_stream_tell(k, NULL);
	return k;
}

static struct stream *
local_exec(struct link *k, const char *command, const struct stream_events *events, void *arg)
{
	const char *const argv[] = {"/bin/sh", "-c", command, NULL};

	return local_stream_start(k, &(struct child_how){.argv = argv}, events, arg);
}

const struct executor executor_local = {
	.name = "local",
	.doc = "the machine dray runs on, through a child process",
	.open = local_open,
	.exec = local_exec,
	.tunnel = local_stream_dial,
	.write = local_stream_write,
	.eof = local_stream_eof,
	.close = local_stream_close,
	.shut = local_stream_shut,
};

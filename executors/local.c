/* The executor for the machine dray runs on: streams are children of ours, `sh -c` in
 * the home directory, and a tunnel is a plain TCP connection. */
#include "executors/near.h"

static struct link *
local_open(struct loop *l, const struct node *node, const struct link_events *events,
	   void *arg)
{
	struct link *k = near_link(l, events, arg, NULL, NULL);

	(void)node;
	near_tell(k, NULL);
	return k;
}

static struct stream *
local_exec(struct link *k, const char *command, const struct stream_events *events, void *arg)
{
	const char *const argv[] = {"/bin/sh", "-c", command, NULL};

	return near_start(k, &(struct child_how){.argv = argv}, events, arg);
}

const struct executor executor_local = {
	.name = "local",
	.doc = "the machine dray runs on, through a child process",
	.open = local_open,
	.exec = local_exec,
	.tunnel = near_dial,
	.write = near_write,
	.eof = near_eof,
	.close = near_close,
	.shut = near_shut,
};

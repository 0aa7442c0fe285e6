/* A session and a loop for each case, and what came of its requests. */
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "executors/session.h"

/* The way to the node that every case begins with. */
static struct node bed_node = {.name = "here", .host = "localhost", .executor = "local"};

struct bed {
	struct loop *loop;
	struct session *session;
	struct node node;
	size_t left;
	bool finished, failed;
	struct str said;
	struct err err;
};

static void
on_failed(void *arg, const struct err *e)
{
	struct bed *b = arg;

	b->failed = true;
	b->err = *e;
}

static void
on_done(struct request *q)
{
	struct bed *b = q->owner;

	if (--b->left == 0)
		b->finished = true;
}

static void
on_progress(struct request *q, const char *text)
{
	struct bed *b = q->owner;

	str_printf(&b->said, "%s\n", text);
}

static int
setup(void **state)
{
	struct bed *b = xcalloc(1, sizeof *b);
	struct err e;

	b->loop = loop_new(&e);
	b->node = bed_node;
	b->session = session_open(b->loop, &b->node, on_failed, b);
	*state = b;
	return 0;
}

static int
teardown(void **state)
{
	struct bed *b = *state;

	session_close(b->session);
	loop_free(b->loop);
	str_release(&b->said);
	free(b);
	return 0;
}

static void
request_init(struct bed *b, struct request *q, struct script *script, const char *text)
{
	*script = (struct script){.name = "test", .text = text};
	*q = (struct request){.task = {.script = script}, .done = on_done,
			      .progress = on_progress, .owner = b};
	b->left++;
}

static void
run(struct bed *b)
{
	b->finished = false;
	loop_run(b->loop, &b->finished);
}

static void
one(struct bed *b, struct request *q, const char *text)
{
	struct script script;

	request_init(b, q, &script, text);
	session_send(b->session, q);
	run(b);
}

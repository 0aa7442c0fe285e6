/* A session and a loop for each case, and the results of its requests. */
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "executors/session/session.h"
#include "tests/unit/clock_by_hand.h"

/* The node of every case; a file of cases can set another executor. */
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

/* A script that prints "(pass 2)" lets two seconds pass once this is read. */
static void
on_progress(struct request *q, const char *text)
{
	struct bed *b = q->owner;

	str_printf(&b->said, "%s\n", text);
	text = strstr(text, "(pass ");
	if (text)
		clock_pass(atol(text + strlen("(pass ")));
}

static int
setup(void **state)
{
	struct bed *b = xcalloc(1, sizeof *b);
	struct err e;

	b->loop = loop_new(&e);
	clock_start(b->loop);
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
	clock_stop();
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

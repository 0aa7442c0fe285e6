/* The connection to one node, and the reports to those who sent requests. */
#include "executors/session/session_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* done() is called from its own turn of the loop, never from the link's callbacks, because
 * it may close the session. */
static void
session_deliver(void *arg)
{
	struct session *s = arg;
	bool gone = false;

	s->deliver = 0;
	s->gone = &gone;
	while (s->ndead)
		shell_close(s->dead[--s->ndead]);
	while (s->over) {
		struct pending *p = s->over;
		struct request *q = p->request;

		s->over = p->next;
		free(p);
		q->done(q);
		if (gone)
			return;
	}
	s->gone = NULL;
	if (s->lost && !s->told) {
		s->told = true;
		s->failed(s->arg, &s->err);
	}
}

void
deliver_soon(struct session *s)
{
	if (!s->deliver)
		s->deliver = loop_after(s->loop, 0, session_deliver, s);
}

void
session_lose(struct session *s, const char *why)
{
	if (s->lost)
		return;
	s->lost = true;
	err_set(&s->err, "%s", why);
	for (size_t i = 0; i < SHELL_QUEUES; i++) {
		loop_cancel(s->loop, &s->queue[i].timer);
		while (s->queue[i].first)
			pending_lose(s, s->queue[i].first, why);
	}
	deliver_soon(s);
}

static void
session_on_ready(void *arg)
{
	struct session *s = arg;

	s->ready = true;
	s->stats.connect_ms = loop_clock() - s->opened;
	if (shell_queue_open(&s->queue[0]))
		shell_queue_refill(s, &s->queue[0]);
	else
		session_lose(s, "the node did not start a shell");
}

static void session_on_link_failed(void *arg, const struct err *);

static const struct link_events session_events = {.ready = session_on_ready,
						  .failed = session_on_link_failed};

/* The node leaves the choice to dray, and the first choice cannot: take the other one. */
static bool
session_choose_again(struct session *s, const struct err *e)
{
	const struct executor *asked = executor_find(s->node->executor);
	const struct executor *other = asked && asked->choose && !s->ready && !*s->chosen.text
		? asked->choose(s->node, e, &s->chosen) : NULL;
	struct link *first = s->link;

	if (!other || other == s->ex)
		return false;
	s->link = other->open(s->loop, s->node, &session_events, s);
	s->ex->shut(first);
	s->ex = other;
	return true;
}

static void
session_on_link_failed(void *arg, const struct err *e)
{
	struct session *s = arg;

	if (!s->lost && session_choose_again(s, e))
		return;
	if (!s->lost) {
		err_hint(&s->err, "%s", e->hint);
		s->err.new_key = e->new_key;
	}
	session_lose(s, e->text);
	if (!s->told)
		s->err = *e;
}

struct session *
session_open(struct loop *loop, const struct node *node,
	     void (*failed)(void *arg, const struct err *), void *arg)
{
	struct session *s = xcalloc(1, sizeof *s);

	*s = (struct session){.loop = loop, .node = node, .failed = failed, .arg = arg,
			      .nqueue = SHELL_QUEUES, .opened = loop_clock()};
	for (size_t i = 0; i < SHELL_QUEUES; i++)
		s->queue[i].session = s;
	s->ex = executor_for(node, &s->chosen);
	if (s->ex)
		s->link = s->ex->open(loop, node, &session_events, s);
	if (!s->link)
		session_lose(s, s->ex ? "cannot connect" : "there is no such executor");
	return s;
}

void
session_send(struct session *s, struct request *q)
{
	shell_queue_add(s, shell_queue_for(s, q), q);
}

void
session_cancel(struct session *s, struct request *q)
{
	for (size_t i = 0; i < SHELL_QUEUES; i++) {
		for (struct pending *p = s->queue[i].first; p; p = p->next) {
			if (p->request == q) {
				pending_unwanted(s, p, "cancelled");
				return;
			}
		}
	}
}

struct stream *
session_tunnel(struct session *s, const char *host, int port,
	       const struct stream_events *events, void *arg)
{
	if (!s->ready || s->lost || !s->ex->tunnel)
		return NULL;
	return s->ex->tunnel(s->link, host, port, events, arg);
}

struct stream *
session_exec(struct session *s, const char *command, const struct stream_events *events, void *arg)
{
	return s->ready && !s->lost ? s->ex->exec(s->link, command, events, arg) : NULL;
}

const struct executor *session_executor(const struct session *s) { return s->ex; }

const char *session_chosen(const struct session *s) { return *s->chosen.text ? s->chosen.text : NULL; }

bool session_lost(const struct session *s) { return s->lost; }

struct session_stats
session_stats(const struct session *s)
{
	struct session_stats stats = s->stats;

	if (s->link && s->ex->turns)
		stats.turns = s->ex->turns(s->link);
	return stats;
}

void
session_close(struct session *s)
{
	if (!s)
		return;
	if (s->gone)
		*s->gone = true;
	loop_cancel(s->loop, &s->deliver);
	for (size_t i = 0; i < SHELL_QUEUES; i++) {
		loop_cancel(s->loop, &s->queue[i].timer);
		pending_forget(s, s->queue[i].first);
		if (s->queue[i].shell)
			shell_close(s->queue[i].shell);
	}
	pending_forget(s, s->over);
	while (s->ndead)
		shell_close(s->dead[--s->ndead]);
	free(s->dead);
	if (s->link)
		s->ex->shut(s->link);
	free(s);
}

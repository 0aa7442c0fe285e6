/* Watches connections that do not notice a dead peer (the program of an executor's Lua file).
 * If a script runs and stays silent, its node is asked through another shell. */
#include "executors/session/session_private.h"

#include <stdio.h>
#include <stdlib.h>

#include "executors/io/patience.h"

enum {
	ENDED = 4,                      /* the script has ended: wait a quarter for its answer */
	ALONE = 20,                     /* wait 20 times as long without another shell */
};

struct probe {
	struct request request;
	struct pending *of;             /* NULL: that request is over */
	const char *argv[1];
	char pid[32];
	long long began;
};

static void alive_watch(void *arg);

static void
alive_watch_in(struct pending *p, long long ms)
{
	p->watch = loop_after(p->queue->session->loop, ms > 1 ? (long)ms : 1, alive_watch, p);
}

static void
alive_probe_done(struct request *q)
{
	struct probe *probe = q->owner;
	struct pending *p = probe->of;
	bool ran = q->result.ran, lives = ran && q->result.status == 0;

	probe_free(q);
	if (!p)
		return;
	p->probe = NULL;
	loop_cancel(p->queue->session->loop, &p->watch);
	if (lives) {
		p->heard = loop_now();
		p->missing = false;
		alive_watch_in(p, patience.quiet * 1000LL);
	} else if (!ran) {
		shell_queue_lose(p->queue, "the connection hangs: the node does not answer any more");
	} else if (p->missing) {
		shell_queue_lose(p->queue, "the connection hangs: the script there has ended, "
					   "but its answer does not arrive");
	} else {
		/* The script has ended. Its answer may be on the way. */
		p->missing = true;
		alive_watch_in(p, patience.quiet * 1000LL / ENDED);
	}
}

static void
alive_probe_start(struct pending *p, struct shell_queue *queue)
{
	struct probe *probe = xcalloc(1, sizeof *probe);
	struct request *q = &probe->request;

	*probe = (struct probe){.of = p, .began = loop_now()};
	snprintf(probe->pid, sizeof probe->pid, "pid=%ld", p->pid);
	probe->argv[0] = probe->pid;
	q->task.script = script_get("alive");
	q->task.argv = probe->argv;
	q->task.argc = 1;
	q->done = alive_probe_done;
	q->owner = probe;
	p->probe = probe;
	shell_queue_add(p->queue->session, queue, q);
}

static void
alive_watch(void *arg)
{
	struct pending *p = arg;
	struct session *s = p->queue->session;
	long long now = loop_now(), bound = patience.quiet * 1000LL;
	long long answer = patience.answer * 1000LL;
	struct shell_queue *queue;
	char why[160];

	p->watch = 0;
	if (p->probe && now - p->probe->began >= answer) {
		snprintf(why, sizeof why, "the connection hangs: nothing was heard for %lld s, and another "
			 "shell does not answer either", (now - p->heard) / 1000);
		shell_queue_lose(p->queue, why);
		return;
	}
	if (!p->probe && (p->missing || now - p->heard >= bound)) {
		queue = shell_queue_pick(s, p->queue);
		if (queue) {
			alive_probe_start(p, queue);
			bound = answer;
		} else if (now - p->heard >= ALONE * bound) {
			snprintf(why, sizeof why, "nothing was heard for %lld s: the connection hangs",
				 (now - p->heard) / 1000);
			shell_queue_lose(p->queue, why);
			return;
		}
		alive_watch_in(p, bound);
		return;
	}
	alive_watch_in(p, p->probe ? p->probe->began + answer - now : p->heard + bound - now);
}

void
watch_start(struct pending *p)
{
	p->heard = loop_now();
	/* A probe has its own limit. */
	if (p->queue->session->ex->unwatched && !p->watch && !is_probe(p->request))
		alive_watch_in(p, patience.quiet * 1000LL);
}

void
watch_stop(struct session *s, struct pending *p)
{
	loop_cancel(s->loop, &p->watch);
	if (p->probe)
		p->probe->of = NULL;
	p->probe = NULL;
}

bool is_probe(const struct request *q) { return q->done == alive_probe_done; }

void
probe_free(struct request *q)
{
	struct probe *probe = q->owner;

	if (probe->of)
		probe->of->probe = NULL;
	result_release(&q->result);
	free(probe);
}

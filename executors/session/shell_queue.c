/* The shells of a session: which one takes a request, how long the request may take, and
 * what happens to it when its shell is lost. */
#include "executors/session/session_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "executors/io/patience.h"

enum { MAX_FACTS = 64 * 1024 };
/* When a queue is chosen, a request that lasts counts like so many others. */
enum { QUEUE_LASTS = 1000 };

/* The loop shell itself takes the lock. */
static bool
shell_queue_runs_here(const struct request *q)
{
	return strcmp(q->task.script->name, "lock") == 0;
}

static void
shell_queue_pending_end(struct session *s, struct pending *p)
{
	struct pending **at = p->queue ? &p->queue->first : NULL;

	while (at && *at != p)
		at = &(*at)->next;
	if (at)
		*at = p->next;
	loop_cancel(s->loop, &p->timer);
	watch_stop(s, p);
	p->queue = NULL;
	p->next = NULL;
	for (at = &s->over; *at; at = &(*at)->next)
		;
	*at = p;
	deliver_soon(s);
}

/* End a request of which we don't know whether it ran. */
void
pending_lose(struct session *s, struct pending *p, const char *why)
{
	struct result *r = &p->request->result;

	r->ran = false;
	err_set(&r->why, "%s", p->unwanted ? p->why.text : why);
	err_hint(&r->why, "%s", p->unwanted ? "" : s->err.hint);
	r->why.new_key = !p->unwanted && s->err.new_key;
	shell_queue_pending_end(s, p);
}

static void
shell_queue_kill_late(void *arg)
{
	struct pending *p = arg;
	struct session *s = p->queue->session;

	p->timer = 0;
	err_set(&p->why, "%s; it could not be stopped", p->why.text);
	/* Its shell waits for it and cannot be used any more. */
	shell_queue_lose(p->queue, s->err.text[0] ? s->err.text : p->why.text);
}

static void
shell_queue_kill_done(struct request *q)
{
	free(q->task.argv);
	result_release(&q->result);
	free(q->owner);
	free(q);
}

/* Kill it through another shell, because its own shell waits for its end. */
static void
shell_queue_pending_kill(struct session *s, struct pending *p)
{
	struct shell_queue *queue = shell_queue_pick(s, p->queue);
	struct request *q;
	char *pid;

	loop_cancel(s->loop, &p->timer);
	p->timer = loop_after(s->loop, queue ? patience.killed * 1000L : 1, shell_queue_kill_late, p);
	if (!queue)
		return;
	q = xcalloc(1, sizeof *q);
	q->owner = pid = xmalloc(32);
	snprintf(pid, 32, "pid=%ld", p->pid);
	q->task.script = script_get("kill");
	q->task.argv = xcalloc(1, sizeof *q->task.argv);
	q->task.argv[0] = pid;
	q->task.argc = 1;
	q->done = shell_queue_kill_done;
	shell_queue_add(s, queue, q);
}

void
pending_unwanted(struct session *s, struct pending *p, const char *why)
{
	if (p->unwanted)
		return;
	p->unwanted = true;
	err_set(&p->why, "%s", why);
	if (!p->sent)
		pending_lose(s, p, why);
	else if (p->pid)
		shell_queue_pending_kill(s, p);
	/* If it was sent and has not started, it is killed as soon as it starts. */
}

static void
shell_queue_timed_out(void *arg)
{
	struct pending *p = arg;
	char why[256];

	p->timer = 0;
	snprintf(why, sizeof why, "timed out after %d s%s%s", p->request->task.timeout_s,
		 p->doing[0] ? " while: " : "", p->doing);
	/* What runs in the loop shell itself can only be stopped together with it. */
	if (shell_queue_runs_here(p->request))
		shell_queue_lose(p->queue, why);
	else
		pending_unwanted(p->queue->session, p, why);
}

/* A script starts when all its input has arrived; we assume 16 KiB a second or more. */
static long
shell_queue_start_ms(const struct request *q)
{
	return patience.start * 1000L + (long)((q->nsecret + q->task.ninput) / 16);
}

/* The connection may be fine: a node whose disk is gone cannot start processes. */
static void
shell_queue_start_late(void *arg)
{
	struct pending *p = arg;
	char why[128];

	p->timer = 0;
	snprintf(why, sizeof why, "the shell on the node did not start the script within %ld s",
		 shell_queue_start_ms(p->request) / 1000);
	shell_queue_lose(p->queue, why);
}

bool
changes_something(const struct request *q)
{
	return q->task.changes || shell_queue_runs_here(q);
}

/* Send all requests that may be sent. One that changes something waits for those before it. */
static void
shell_queue_pump(struct shell_queue *queue)
{
	struct loop *loop = queue->session->loop;
	struct pending *p = queue->first;

	for (; p && queue->shell; p = p->next) {
		if (p->sent)
			continue;
		if (p != queue->first && changes_something(p->request))
			break;
		p->sent = true;
		p->began = loop_now();
		shell_send(queue->shell, p->id, p->request);
		/* It sends no start frame. */
		if (shell_queue_runs_here(p->request) && p->request->task.timeout_s)
			p->timer = loop_after(loop, p->request->task.timeout_s * 1000L,
					      shell_queue_timed_out, p);
	}
	/* The shell starts the first one now. */
	p = queue->first;
	if (p && p->sent && !p->pid && !p->timer && !shell_queue_runs_here(p->request))
		p->timer = loop_after(loop, shell_queue_start_ms(p->request),
				      shell_queue_start_late, p);
}

static void
shell_queue_say(struct pending *p, const char *text)
{
	struct request *q = p->request;

	if (strncmp(text, "set ", 4) == 0 && strchr(text + 4, ' ')) {
		q->result.facts.max = MAX_FACTS;
		str_puts(&q->result.facts, text + 4);
		str_putc(&q->result.facts, '\n');
	} else if (strncmp(text, "progress ", 9) == 0) {
		str_cut(p->doing, sizeof p->doing, text + 9);
		if (q->progress)
			q->progress(q, text + 9);
	}
}

static void
shell_queue_ended(struct session *s, struct pending *p, const struct frame *f)
{
	struct result *r = &p->request->result;

	str_add(&r->out, f->out, f->nout);
	str_add(&r->err, f->err, f->nerr);
	r->out.cut |= f->out_cut;
	r->err.cut |= f->err_cut;
	r->status = f->status;
	r->ran = !p->unwanted;
	if (p->unwanted)
		r->why = p->why;
	shell_queue_pending_end(s, p);
}

static void
shell_queue_on_frame(void *arg, const struct frame *f)
{
	struct shell_queue *queue = arg;
	struct session *s = queue->session;
	struct pending *p = queue->first;

	if (f->type == FRAME_HELLO) {
		loop_cancel(s->loop, &queue->timer);
		return;
	}
	/* Answers come in the order of the requests; any other id is ignored. */
	if (!p || !p->sent || p->id != f->id)
		return;
	p->heard = loop_now();
	switch (f->type) {
	case FRAME_START:
		p->pid = f->pid;
		watch_start(p);
		p->began = loop_now();
		loop_cancel(s->loop, &p->timer);
		if (p->unwanted)
			shell_queue_pending_kill(s, p);
		else if (p->request->task.timeout_s)
			p->timer = loop_after(s->loop, p->request->task.timeout_s * 1000L,
					      shell_queue_timed_out, p);
		break;
	case FRAME_SAY:
		shell_queue_say(p, f->text);
		break;
	case FRAME_LOST:
		err_set(&p->why, "the node could not start the script: "
				 "%s", *shell_noise(queue->shell)
			   ? shell_noise(queue->shell) : "its 'sh' gave no reason; is it a POSIX "
			   "shell? dash, bash, busybox, yash and mksh work, posh does not");
		p->unwanted = true;
		break;
	case FRAME_END:
		shell_queue_ended(s, p, f);
		shell_queue_pump(queue);
		break;
	case FRAME_HELLO:
		break;
	}
}

static void
shell_queue_on_shell_closed(void *arg, const char *why)
{
	struct shell_queue *queue = arg;

	shell_queue_lose(queue, why);
}

static void
shell_queue_hello_late(void *arg)
{
	struct shell_queue *queue = arg;
	char why[80];

	queue->timer = 0;
	snprintf(why, sizeof why, "the login shell did not start dray's loop within %u s", patience.hello);
	shell_queue_lose(queue, why);
}

bool
shell_queue_open(struct shell_queue *queue)
{
	static const struct shell_events events = {.frame = shell_queue_on_frame,
						   .closed = shell_queue_on_shell_closed};
	struct session *s = queue->session;

	queue->shell = shell_open(s->ex, s->link, &events, queue);
	if (!queue->shell)
		return false;
	queue->timer = loop_after(s->loop, patience.hello * 1000L, shell_queue_hello_late, queue);
	return true;
}

/* The first shell holds the lock, so without it the session is lost. A further shell that
 * never said hello was refused by the node (MaxSessions): its requests go to the others. */
void
shell_queue_lose(struct shell_queue *queue, const char *why)
{
	struct session *s = queue->session;
	struct shell *shell = queue->shell;
	bool refused = shell && !shell_ready(shell);

	if (!shell)
		return;
	if (queue == &s->queue[0]) {
		session_lose(s, why);
		return;
	}
	queue->shell = NULL;
	loop_cancel(s->loop, &queue->timer);
	s->dead = xrealloc(s->dead, (s->ndead + 1) * sizeof(struct shell *));
	s->dead[s->ndead++] = shell;
	deliver_soon(s);
	if (refused) {
		s->nqueue = (size_t)(queue - s->queue);
		shell_queue_refill(s, queue);
	}
	while (queue->first)
		pending_lose(s, queue->first, why);
}

/* The queue for a request that changes nothing: never behind a change, and not behind a slow
 * request while another shell can be opened. NULL: there is none but `avoid`. */
struct shell_queue *
shell_queue_pick(struct session *s, const struct shell_queue *avoid)
{
	struct shell_queue *best = NULL, *closed = NULL;
	size_t fewest = 0;
	bool slow = false;

	for (size_t i = 0; i < s->nqueue; i++) {
		struct shell_queue *queue = &s->queue[i];
		size_t n = 0;
		bool busy = false, lasts = false;

		if (queue == avoid)
			continue;
		if (i > 0 && !queue->shell) {
			closed = closed ? closed : queue;
			continue;
		}
		for (struct pending *p = queue->first; p; p = p->next, n++) {
			busy |= changes_something(p->request);
			lasts |= p->request->task.aside;
		}
		n += lasts ? QUEUE_LASTS : 0;
		if (busy || (best && n >= fewest))
			continue;
		best = queue;
		fewest = n;
		slow = lasts || (n && queue->first->sent &&
				 loop_now() - queue->first->began > patience.busy * 1000LL);
	}
	if ((!best || slow) && closed && s->ready && !s->lost && shell_queue_open(closed))
		return closed;
	return best || avoid ? best : &s->queue[0];
}

/* The queue for a request; NULL: the node grants us no shell besides the first, which it needs. */
struct shell_queue *
shell_queue_for(struct session *s, const struct request *q)
{
	if (changes_something(q))
		return &s->queue[0];
	return shell_queue_pick(s, q->task.aside ? &s->queue[0] : NULL);
}

static const char one_session[] = "the node allows only one session in a connection (MaxSessions of its sshd)";

static void
shell_queue_push(struct shell_queue *queue, struct pending *p)
{
	struct pending **at = &queue->first;

	while (*at)
		at = &(*at)->next;
	*at = p;
	loop_cancel(queue->session->loop, &p->timer);
	p->next = NULL;
	p->queue = queue;
	p->sent = false;
}

void
shell_queue_add(struct session *s, struct shell_queue *queue, struct request *q)
{
	struct pending *p = xcalloc(1, sizeof *p);

	*p = (struct pending){.request = q, .id = ++s->id};
	s->stats.requests++;
	if (queue)
		shell_queue_push(queue, p);
	if (s->lost)
		pending_lose(s, p, s->err.text);
	else if (!queue)
		pending_lose(s, p, one_session);
	else
		shell_queue_pump(queue);
}

/* Distribute the requests of a queue again; none of them has started. */
void
shell_queue_refill(struct session *s, struct shell_queue *from)
{
	struct pending *p, *list = from->first;

	from->first = NULL;
	while ((p = list)) {
		struct shell_queue *to = shell_queue_for(s, p->request);

		list = p->next;
		if (!to) {
			p->queue = NULL;
			pending_lose(s, p, one_session);
			continue;
		}
		shell_queue_push(to, p);
		shell_queue_pump(to);
	}
}

void
pending_forget(struct session *s, struct pending *p)
{
	while (p) {
		struct pending *next = p->next;

		loop_cancel(s->loop, &p->timer);
		watch_stop(s, p);
		if (is_probe(p->request))
			probe_free(p->request);
		else if (p->request->task.script->name == script_get("kill")->name)
			shell_queue_kill_done(p->request);
		free(p);
		p = next;
	}
}

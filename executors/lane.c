/* The shells of a session: which one takes a request, how long it may take, and what
 * becomes of it when its shell is lost. */
#include "executors/session_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	HELLO_MS = 30000,       /* for the login shell and its rc files */
	PATIENCE_MS = 1000,     /* a lane that is busy for longer is passed by */
	KILL_MS = 12000,        /* from the signal to giving up: kill.sh waits 5 s */
	MAX_FACTS = 64 * 1024,
};

unsigned session_start_s = 120;

static void lane_closed(struct lane *, const char *why);

/* The lock is taken by the loop shell itself. */
static bool
runs_here(const struct request *q)
{
	return strcmp(q->task.script->name, "lock") == 0;
}

static void
pending_end(struct session *s, struct pending *p)
{
	struct pending **at = p->lane ? &p->lane->first : NULL;

	while (at && *at != p)
		at = &(*at)->next;
	if (at)
		*at = p->next;
	loop_cancel(s->loop, p->timer);
	p->lane = NULL;
	p->next = NULL;
	for (at = &s->over; *at; at = &(*at)->next)
		;
	*at = p;
	deliver_soon(s);
}

/* We do not know what became of it. */
void
pending_lose(struct session *s, struct pending *p, const char *why)
{
	struct result *r = &p->request->result;

	r->ran = false;
	snprintf(r->why, sizeof r->why, "%.500s", p->unwanted ? p->why : why);
	pending_end(s, p);
}

static void
kill_late(void *arg)
{
	struct pending *p = arg;
	struct session *s = p->lane->session;
	char why[600];

	p->timer = 0;
	snprintf(why, sizeof why, "%s; it could not be stopped", p->why);
	snprintf(p->why, sizeof p->why, "%.500s", why);
	/* Its shell waits for it and is of no use any more. */
	lane_closed(p->lane, s->err.text[0] ? s->err.text : p->why);
}

static void
kill_done(struct request *q)
{
	free(q->task.argv);
	result_release(&q->result);
	free(q->owner);
	free(q);
}

/* Through another shell, as the one that runs it waits for its end. */
static void
pending_kill(struct session *s, struct pending *p)
{
	struct lane *lane = lane_pick(s, p->lane);
	struct request *q;
	char *pid;

	loop_cancel(s->loop, p->timer);
	p->timer = loop_after(s->loop, lane ? KILL_MS : 1, kill_late, p);
	if (!lane)
		return;
	q = xcalloc(1, sizeof *q);
	q->owner = pid = xmalloc(32);
	snprintf(pid, 32, "%ld", p->pid);
	q->task.script = script_get("kill");
	q->task.argv = xcalloc(1, sizeof *q->task.argv);
	q->task.argv[0] = pid;
	q->task.argc = 1;
	q->done = kill_done;
	lane_add(s, lane, q);
}

void
pending_unwanted(struct session *s, struct pending *p, const char *why)
{
	if (p->unwanted)
		return;
	p->unwanted = true;
	snprintf(p->why, sizeof p->why, "%s", why);
	if (!p->sent)
		pending_lose(s, p, why);
	else if (p->pid)
		pending_kill(s, p);
	/* Sent and not started: killed as soon as it starts. */
}

static void
timed_out(void *arg)
{
	struct pending *p = arg;
	char why[256];

	p->timer = 0;
	snprintf(why, sizeof why, "timed out after %d s%s%s", p->request->task.timeout_s,
		 p->doing[0] ? " while: " : "", p->doing);
	/* What runs in the loop shell itself cannot be stopped without it. */
	if (runs_here(p->request))
		lane_closed(p->lane, why);
	else
		pending_unwanted(p->lane->session, p, why);
}

/* Its connection may be well: a node whose disk is gone starts no process any more. */
static void
start_late(void *arg)
{
	struct pending *p = arg;
	char why[128];

	p->timer = 0;
	snprintf(why, sizeof why, "the shell on the node did not begin with it within %u s",
		 session_start_s);
	lane_closed(p->lane, why);
}

bool
changes_something(const struct request *q)
{
	return q->task.changes || runs_here(q);
}

static bool
changes(const struct pending *p)
{
	return changes_something(p->request);
}

/* Send what may be sent: what changes something waits for all that is before it. */
static void
lane_pump(struct lane *lane)
{
	struct loop *loop = lane->session->loop;
	struct pending *p = lane->first;

	for (; p && lane->shell; p = p->next) {
		if (p->sent)
			continue;
		if (p != lane->first && changes(p))
			break;
		p->sent = true;
		p->began = loop_now();
		shell_send(lane->shell, p->id, p->request);
		/* It has no start that could be told. */
		if (runs_here(p->request) && p->request->task.timeout_s)
			p->timer = loop_after(loop, p->request->task.timeout_s * 1000L, timed_out, p);
	}
	/* The first one is what the shell begins with now. */
	p = lane->first;
	if (p && p->sent && !p->pid && !p->timer && !runs_here(p->request))
		p->timer = loop_after(loop, session_start_s * 1000L, start_late, p);
}

static void
say(struct pending *p, const char *text)
{
	struct request *q = p->request;

	if (strncmp(text, "set ", 4) == 0 && strchr(text + 4, ' ')) {
		q->result.facts.max = MAX_FACTS;
		str_puts(&q->result.facts, text + 4);
		str_putc(&q->result.facts, '\n');
	} else if (strncmp(text, "progress ", 9) == 0) {
		snprintf(p->doing, sizeof p->doing, "%s", text + 9);
		if (q->progress)
			q->progress(q, text + 9);
	}
}

static void
ended(struct session *s, struct pending *p, const struct frame *f)
{
	struct result *r = &p->request->result;

	str_add(&r->out, f->out, f->nout);
	str_add(&r->err, f->err, f->nerr);
	r->out.cut |= f->out_cut;
	r->err.cut |= f->err_cut;
	r->status = f->status;
	r->ran = !p->unwanted;
	if (p->unwanted)
		snprintf(r->why, sizeof r->why, "%s", p->why);
	pending_end(s, p);
}

static void
on_frame(void *arg, const struct frame *f)
{
	struct lane *lane = arg;
	struct session *s = lane->session;
	struct pending *p = lane->first;
	char why[512];

	if (f->type == FRAME_HELLO) {
		loop_cancel(s->loop, lane->timer);
		lane->timer = 0;
		return;
	}
	/* Answers come in the order of the requests; any other id is rubbish. */
	if (!p || !p->sent || p->id != f->id)
		return;
	switch (f->type) {
	case FRAME_START:
		p->pid = f->pid;
		p->began = loop_now();
		loop_cancel(s->loop, p->timer);
		p->timer = 0;
		if (p->unwanted)
			pending_kill(s, p);
		else if (p->request->task.timeout_s)
			p->timer = loop_after(s->loop, p->request->task.timeout_s * 1000L,
					      timed_out, p);
		break;
	case FRAME_SAY:
		say(p, f->text);
		break;
	case FRAME_LOST:
		snprintf(why, sizeof why, "the node could not start it: %.400s",
			 shell_noise(lane->shell));
		snprintf(p->why, sizeof p->why, "%s", why);
		p->unwanted = true;
		break;
	case FRAME_END:
		ended(s, p, f);
		lane_pump(lane);
		break;
	case FRAME_HELLO:
		break;
	}
}

static void
on_shell_closed(void *arg, const char *why)
{
	struct lane *lane = arg;

	lane_closed(lane, why);
}

static void
hello_late(void *arg)
{
	struct lane *lane = arg;

	lane->timer = 0;
	lane_closed(lane, "the login shell did not start our loop within 30 s");
}

bool
lane_open(struct lane *lane)
{
	static const struct shell_events events = {.frame = on_frame, .closed = on_shell_closed};
	struct session *s = lane->session;

	lane->shell = shell_open(s->ex, s->link, &events, lane);
	if (!lane->shell)
		return false;
	lane->timer = loop_after(s->loop, HELLO_MS, hello_late, lane);
	return true;
}

/* A shell is gone. The first one holds the lock, so without it the session is lost. A
 * further one that never said hello was refused by the node (MaxSessions): what it was
 * to do goes to the others. */
static void
lane_closed(struct lane *lane, const char *why)
{
	struct session *s = lane->session;
	struct shell *shell = lane->shell;
	bool refused = shell && !shell_ready(shell);

	if (!shell)
		return;
	if (lane == &s->lane[0]) {
		session_lose(s, why);
		return;
	}
	lane->shell = NULL;
	loop_cancel(s->loop, lane->timer);
	lane->timer = 0;
	s->dead = xrealloc(s->dead, (s->ndead + 1) * sizeof(struct shell *));
	s->dead[s->ndead++] = shell;
	deliver_soon(s);
	if (refused) {
		s->nlane = (size_t)(lane - s->lane);
		lanes_refill(s, lane);
	}
	while (lane->first)
		pending_lose(s, lane->first, why);
}

/* The lane for something that changes nothing: never behind a change, and not behind
 * what takes long while another shell can be had. NULL: none but `avoid`. */
struct lane *
lane_pick(struct session *s, const struct lane *avoid)
{
	struct lane *best = NULL, *closed = NULL;
	size_t fewest = 0;
	bool slow = false;

	for (size_t i = 0; i < s->nlane; i++) {
		struct lane *lane = &s->lane[i];
		size_t n = 0;
		bool busy = false;

		if (lane == avoid)
			continue;
		if (i > 0 && !lane->shell) {
			closed = closed ? closed : lane;
			continue;
		}
		for (struct pending *p = lane->first; p; p = p->next, n++)
			busy |= changes(p);
		if (busy || (best && n >= fewest))
			continue;
		best = lane;
		fewest = n;
		slow = n && lane->first->sent && loop_now() - lane->first->began > PATIENCE_MS;
	}
	if ((!best || slow) && closed && s->ready && !s->lost && lane_open(closed))
		return closed;
	return best || avoid ? best : &s->lane[0];
}

static void
lane_push(struct lane *lane, struct pending *p)
{
	struct pending **at = &lane->first;

	while (*at)
		at = &(*at)->next;
	*at = p;
	loop_cancel(lane->session->loop, p->timer);
	p->timer = 0;
	p->next = NULL;
	p->lane = lane;
	p->sent = false;
}

void
lane_add(struct session *s, struct lane *lane, struct request *q)
{
	struct pending *p = xcalloc(1, sizeof *p);

	*p = (struct pending){.request = q, .id = ++s->id};
	lane_push(lane, p);
	s->stats.requests++;
	if (s->lost)
		pending_lose(s, p, s->err.text);
	else
		lane_pump(lane);
}

/* What a lane holds and never started is given out anew. */
void
lanes_refill(struct session *s, struct lane *from)
{
	struct pending *p, *list = from->first;

	from->first = NULL;
	while ((p = list)) {
		struct lane *to = changes(p) ? &s->lane[0] : lane_pick(s, NULL);

		list = p->next;
		lane_push(to, p);
		lane_pump(to);
	}
}

void
pending_forget(struct session *s, struct pending *p)
{
	while (p) {
		struct pending *next = p->next;

		loop_cancel(s->loop, p->timer);
		if (p->request->task.script->name == script_get("kill")->name)
			kill_done(p->request);
		free(p);
		p = next;
	}
}

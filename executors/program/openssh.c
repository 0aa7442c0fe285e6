/* The executor that runs the user's own ssh. A link is one login that leaves a shared connection
 * (ControlMaster); each stream is an ssh that joins it. The shared connection is a process of its
 * own: it ends when the link is shut, and MASTER_LIMIT after its last stream if dray was killed. */
#include <stdlib.h>
#include <string.h>

#include "executors/io/patience.h"
#include "executors/program/local_stream.h"
#include "executors/program/openssh.h"
#include "executors/ssh/ssh_place.h"
#include "planner/base/limits.h"

enum {
	STARTING = 8,           /* logins at a time through one door: sshd's MaxStartups is 10 */
	KNOCKS = 5,             /* tries if it still turns us away */
	KNOCK_MS = 250,         /* before the second try; doubles each time */
	SAID_MAX = 8192,        /* of a login's stderr */
	TAIL = 512,             /* of a stream's */
};

enum state { WAITS, LOGS_IN, IS_READY, IS_LOST };

/* The owner of a link. */
struct openssh {
	struct openssh *next;           /* all of the process */
	struct arena arena;
	struct link *link;
	struct node node;               /* a copy: the cluster's nodes may move */
	struct ssh_place place;
	char *socket;
	enum state state;
	int seconds;                    /* to connect */
	unsigned tries;
	bool plain;                     /* the login only shows what ssh says */
	struct str said;
	struct stream *login;
	unsigned long timer;
};

/* One ssh of a stream, and the user of it. */
struct channel {
	struct openssh *owner;
	struct stream *stream;
	struct arena arena;             /* its command line */
	struct stream_events events;
	void *arg;
	struct str said;
};

static struct openssh *all;

static void openssh_start(void *arg);

/* ---- the login ---- */

static unsigned
openssh_at_door(const struct openssh *o)
{
	unsigned n = 0;

	for (const struct openssh *k = all; k; k = k->next)
		n += k->state == LOGS_IN && strcmp(k->place.door, o->place.door) == 0;
	return n;
}

/* Start the logins that wait for the same door. */
static void
openssh_call_next(const struct openssh *o)
{
	for (struct openssh *k = all; k; k = k->next)
		if (k->state == WAITS && k != o && !k->timer && strcmp(k->place.door, o->place.door) == 0)
			k->timer = loop_after(local_stream_loop(k->link), 0, openssh_start, k);
}

static void
openssh_lose(struct openssh *o, const struct err *why)
{
	if (o->state == IS_LOST)
		return;
	o->state = IS_LOST;
	loop_cancel(local_stream_loop(o->link), &o->timer);
	local_stream_tell(o->link, why);
	openssh_call_next(o);
}

static void
openssh_why(struct openssh *o, struct err *e)
{
	const struct openssh_who who = {.name = o->node.name, .host = o->node.host,
		.by_hand = openssh_by_hand(&o->arena, &o->node)};

	openssh_explain(str_text(&o->said), o->said.len, &who, e);
}

static void
openssh_late(void *arg)
{
	struct openssh *o = arg;
	struct err e = {0};

	o->timer = 0;
	if (o->said.len) {
		openssh_why(o, &e);
		err_wrap(&e, "ssh did not log in within %d s", o->seconds + (int)patience.login);
	} else {
		err_set(&e, "ssh did not log in within %d s", o->seconds + (int)patience.login);
		err_hint(&e, "try by hand: %s", openssh_by_hand(&o->arena, &o->node));
	}
	local_stream_close(o->login);
	o->login = NULL;
	openssh_lose(o, &e);
}

static void
openssh_on_said(void *arg, const char *bytes, size_t n, bool is_stderr)
{
	struct openssh *o = arg;

	(void)is_stderr;
	str_add(&o->said, bytes, n);
	if (o->said.len > SAID_MAX)
		str_drop(&o->said, o->said.len - SAID_MAX);
}

static void
openssh_again(struct openssh *o, long ms)
{
	o->state = WAITS;
	o->timer = loop_after(local_stream_loop(o->link), ms, openssh_start, o);
	openssh_call_next(o);
}

/* After a failed login: try again, log in once without sharing to see what a ProxyCommand says, or
 * give up. */
static void
openssh_failed(struct openssh *o)
{
	struct err e = {0};
	const char *said = str_text(&o->said);
	bool proxy = !o->plain && openssh_proxy_ended(said);

	if (!o->plain && (openssh_turned_away(said) || proxy) && openssh_at_door(o) > 1 && o->tries + 1 < KNOCKS) {
		openssh_again(o, (long)KNOCK_MS << o->tries++);
		return;
	}
	if (proxy) {
		o->plain = true;
		openssh_again(o, 0);
		return;
	}
	openssh_why(o, &e);
	openssh_lose(o, &e);
}

static void
openssh_on_login_end(void *arg, const struct err *why)
{
	struct openssh *o = arg;
	int status = local_stream_status(o->login);
	bool plain = o->plain;
	struct err e = {0};

	loop_cancel(local_stream_loop(o->link), &o->timer);
	local_stream_close(o->login);
	o->login = NULL;
	if (why) {
		e = *why;
		err_hint(&e, "executor openssh needs the program ssh on this machine (Debian: openssh-client)");
		openssh_lose(o, &e);
	} else if (status == 0 && plain && o->tries + 1 < KNOCKS) {
		/* The plain login worked this time. */
		o->plain = false;
		openssh_again(o, (long)KNOCK_MS << o->tries++);
	} else if (status == 0 && !plain) {
		o->state = IS_READY;
		local_stream_tell(o->link, NULL);
		openssh_call_next(o);
	} else {
		openssh_failed(o);
	}
}

static void
openssh_start(void *arg)
{
	static const struct stream_events events = {.data = openssh_on_said, .closed = openssh_on_login_end};
	struct openssh *o = arg;
	struct child_how how = {.dir = ".", .whole_env = true, .set = openssh_env};
	struct err e = {0};

	o->timer = 0;
	/* A login that was turned away waits until fewer others are under way. */
	if (openssh_at_door(o) && openssh_at_door(o) >= (unsigned)STARTING >> o->tries)
		return;
	how.argv = openssh_login(&o->arena, &o->node, o->plain ? NULL : o->socket, o->seconds, &e);
	if (!how.argv) {
		openssh_lose(o, &e);
		return;
	}
	o->state = LOGS_IN;
	str_reset(&o->said);
	o->login = local_stream_start(o->link, &how, &events, o);
	o->timer = loop_after(local_stream_loop(o->link), (o->seconds + (long)patience.login) * 1000, openssh_late, o);
}

/* ---- the link ---- */

static void
openssh_free(void *arg)
{
	struct openssh *o = arg, **at = &all;

	while (*at != o)
		at = &(*at)->next;
	*at = o->next;
	openssh_socket_free(o->socket);
	str_release(&o->said);
	arena_release(&o->arena);
	free(o);
}

static struct link *
openssh_open(struct loop *l, const struct node *node, const struct link_events *events, void *arg)
{
	struct openssh *o = xcalloc(1, sizeof *o);
	const struct spec_node *spec = node->spec ? node->spec : node->member;
	struct err e = {0};

	*o = (struct openssh){.next = all, .node = *node};
	all = o;
	o->link = local_stream_link(l, events, arg, o, openssh_free);
	ssh_place_read(&o->arena, node, &o->place);
	o->seconds = spec && spec->ssh.connect_timeout.set ? (int)spec->ssh.connect_timeout.value
		: o->place.connect_timeout > 0 ? o->place.connect_timeout : (int)patience.connect;
	o->socket = openssh_socket(&e);
	if (o->socket)
		o->timer = loop_after(l, 0, openssh_start, o);
	else
		openssh_lose(o, &e);
	return o->link;
}

static void
openssh_shut(struct link *k)
{
	struct openssh *o = local_stream_owner(k);

	loop_cancel(local_stream_loop(k), &o->timer);
	o->state = IS_LOST;
	openssh_call_next(o);
	local_stream_shut(k);
}

/* ---- streams ---- */

static void
openssh_channel_free(void *arg)
{
	struct channel *c = arg;

	str_release(&c->said);
	arena_release(&c->arena);
	free(c);
}

static void
openssh_channel_on_opened(void *arg)
{
	struct channel *c = arg;

	if (c->events.opened)
		c->events.opened(c->arg);
}

static void
openssh_channel_on_data(void *arg, const char *bytes, size_t n, bool is_stderr)
{
	struct channel *c = arg;

	if (is_stderr) {
		str_add(&c->said, bytes, n);
		if (c->said.len > 2 * TAIL)
			str_drop(&c->said, c->said.len - TAIL);
	}
	if (c->events.data)
		c->events.data(c->arg, bytes, n, is_stderr);
}

/* Why it ended, if not because the peer was done. (255 is ssh's own status. A command that ends with
 * 255 counts as lost, too, which does no harm: the status of a stream is not used.) */
static bool
openssh_channel_why(struct channel *c, struct err *e)
{
	const struct openssh_who who = {.name = c->owner->node.name, .host = c->owner->node.host};
	int status = local_stream_status(c->stream);

	if (status != 255 && status >= 0)
		return false;
	if (status < 0)
		err_set(e, "ssh was killed by signal %d", -status);
	else
		openssh_explain(str_text(&c->said), c->said.len, &who, e);
	return true;
}

static void
openssh_channel_on_closed(void *arg, const struct err *why)
{
	struct channel *c = arg;
	struct openssh *o = c->owner;
	struct err e = {0};
	bool lost = false;

	if (!why && openssh_channel_why(c, &e)) {
		why = &e;
		lost = o->state == IS_READY && !openssh_socket_lives(o->socket);
	}
	if (lost && strncmp(e.text, "connection lost", strlen("connection lost")) != 0)
		err_wrap(&e, "connection lost");
	/* The link's end comes from the loop, after that of its streams. */
	if (lost)
		openssh_lose(o, &e);
	if (c->events.closed)
		c->events.closed(c->arg, why);
}

static struct stream *
openssh_channel_start(struct channel *c, const char *const *argv)
{
	static const struct stream_events events = {openssh_channel_on_opened, openssh_channel_on_data, openssh_channel_on_closed};
	const struct child_how how = {.argv = argv, .dir = ".", .whole_env = true, .set = openssh_env};

	c->stream = local_stream_start(c->owner->link, &how, &events, c);
	local_stream_owns(c->stream, openssh_channel_free);
	return c->stream;
}

static struct channel *
openssh_channel_new(struct link *k, const struct stream_events *events, void *arg)
{
	struct channel *c = xcalloc(1, sizeof *c);

	*c = (struct channel){.owner = local_stream_owner(k), .arg = arg};
	if (events)
		c->events = *events;
	return c;
}

static struct stream *
openssh_exec_open(struct link *k, const char *command, const struct stream_events *events, void *arg)
{
	struct channel *c = openssh_channel_new(k, events, arg);

	return openssh_channel_start(c, openssh_exec(&c->arena, &c->owner->node, c->owner->socket, command));
}

static struct stream *
openssh_tunnel_open(struct link *k, const char *host, int port, const struct stream_events *events,
		    void *arg)
{
	struct channel *c = openssh_channel_new(k, events, arg);

	return openssh_channel_start(c, openssh_tunnel(&c->arena, &c->owner->node, c->owner->socket, host, port));
}

const struct executor executor_openssh = {
	.name = "openssh",
	.doc = "a host reached by the ssh of this machine, for all that it can do",
	.port = openssh_port,
	.open = openssh_open,
	.exec = openssh_exec_open,
	.tunnel = openssh_tunnel_open,
	.write = local_stream_write,
	.eof = local_stream_eof,
	.close = local_stream_close,
	.shut = openssh_shut,
};
